/*
 * dp_support.h
 *		Streams that give what a test wants, and how far counts are from what is
 *		expected of them.
 */
#ifndef FED_TEST_UNIT_DP_SUPPORT_H
#define FED_TEST_UNIT_DP_SUPPORT_H

#include "support.h"

#include <math.h>

#include "core/dp/stream.h"

/* A key that is all one number. */
static inline void
start_stream(FedStream *stream, uint8_t number)
{
	uint8_t		key[FED_STREAM_KEY_BYTES];

	memset(key, number, sizeof(key));
	assert_true(fed_stream_start(stream, key));
}

/* The stream gives these words next, then those of its key. */
static inline void
feed(FedStream *stream, const uint64_t *words, size_t n)
{
	stream->at = FED_STREAM_WORDS - n;
	memcpy(stream->words + stream->at, words, n * sizeof(uint64_t));
}

/*
 * Chi-square of counts against probabilities, as a number of standard
 * deviations from its mean; classes that expect less than 10 are taken
 * together.
 */
static inline double
chi_square(const size_t *counts, const double *probabilities, size_t n_classes, size_t n_samples)
{
	double		sum = 0;
	double		rest_expected = 0;
	double		rest = 0;
	int			classes = 0;

	for (size_t i = 0; i < n_classes; i++)
	{
		double		expected = probabilities[i] * (double) n_samples;

		if (expected < 10)
		{
			rest_expected += expected;
			rest += (double) counts[i];
			continue;
		}
		sum += ((double) counts[i] - expected) * ((double) counts[i] - expected) / expected;
		classes++;
	}
	if (rest_expected >= 1)
	{
		sum += (rest - rest_expected) * (rest - rest_expected) / rest_expected;
		classes++;
	}
	else
		assert_true(rest <= 8);
	return (sum - (classes - 1)) / sqrt(2.0 * (classes - 1));
}

#endif							/* FED_TEST_UNIT_DP_SUPPORT_H */
