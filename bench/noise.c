/*
 * noise.c
 *		Discrete Gaussian noise for Python to call: ours, and the algorithms as they
 *		are printed, with the same random words.
 */
#include <math.h>
#include <string.h>

#include "core/dp/bernoulli.h"
#include "core/dp/discrete_gaussian.h"

/* 0 if all is well, as everything here. */
int
bench_noise(int64_t *out, size_t n, uint64_t variance)
{
	FedNoise   *noise = fed_noise_new(NULL);
	bool		filled = noise != NULL && fed_noise_fill(noise, out, n, variance);

	fed_noise_free(noise);
	return !filled;
}

/* Nothing but the words of which a sample takes one at least. */
int
bench_words(int64_t *out, size_t n)
{
	FedStream	stream;
	bool		filled = fed_stream_start(&stream, NULL);

	for (size_t i = 0; filled && i < n; i += FED_STREAM_WORDS)
	{
		size_t		part = n - i < FED_STREAM_WORDS ? n - i : FED_STREAM_WORDS;

		fed_stream_refill(&stream);
		memcpy(out + i, stream.words, part * sizeof(uint64_t));
	}
	filled = !stream.failed;
	fed_stream_end(&stream);
	return !filled;
}

/* From 0 to below limit, by rejection. */
static uint64_t
uniform(FedStream *stream, uint64_t limit)
{
	uint64_t	mask = UINT64_MAX >> __builtin_clzll(limit | 1);
	uint64_t	number;

	do
		number = fed_stream_next(stream) & mask;
	while (number >= limit && !stream->failed);
	return number;
}

/* Canonne, Kamath, Steinke 2020, algorithm 2 */
static int64_t
laplace(FedStream *stream, uint64_t t)
{
	while (!stream->failed)
	{
		uint64_t	u = uniform(stream, t);
		uint64_t	v = 0;
		bool		negative;

		if (!fed_bernoulli_exp(stream, u, t))
			continue;
		while (fed_bernoulli_exp(stream, 1, 1))
			v++;
		negative = fed_stream_next(stream) & 1;
		if (negative && u + t * v == 0)
			continue;
		return negative ? -(int64_t) (u + t * v) : (int64_t) (u + t * v);
	}
	return 0;
}

/*
 * What algorithm 3 does with it. The exponent is rounded, here, to 40 bits after
 * the point: its denominator may have 98, and to do it exactly takes longer.
 */
static bool
accepted(FedStream *stream, uint64_t distance, uint64_t t, uint64_t variance)
{
	unsigned __int128 off = (unsigned __int128) distance * t;
	unsigned __int128 n = off > variance ? off - variance : variance - off;
	long double exponent = (long double) n / t * ((long double) n / t) / (2 * (long double) variance);

	return fed_bernoulli_exp(stream, (uint64_t) (exponent * 0x1p40L), UINT64_C(1) << 40);
}

int
bench_noise_as_printed(int64_t *out, size_t n, uint64_t variance)
{
	FedStream	stream;
	uint64_t	t = (uint64_t) sqrtl((long double) variance) + 1;
	bool		filled = fed_stream_start(&stream, NULL);

	for (size_t i = 0; filled && i < n; i++)
	{
		do
			out[i] = laplace(&stream, t);
		while (!accepted(&stream, (uint64_t) (out[i] < 0 ? -out[i] : out[i]), t, variance) && !stream.failed);
	}
	filled = !stream.failed;
	fed_stream_end(&stream);
	return !filled;
}
