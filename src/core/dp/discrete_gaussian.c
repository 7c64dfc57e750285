/*
 * discrete_gaussian.c
 *		Samples of the discrete Gaussian distribution.
 *
 * For |x| = k * t + u, 0 <= u < t: the strip k is drawn with a probability
 * proportional to exp(-(k t)^2 / (2 s)), s the variance, u uniformly, and the
 * pair accepted with probability exp(-((k t + u)^2 - (k t)^2) / (2 s)), which
 * leaves exp(-x^2 / (2 s)); the sign is a coin, and -0 is drawn again, since 0
 * would come twice as often (Canonne, Kamath, Steinke 2020, algorithms 2 and 3
 * do the same with exponentially distributed strips).
 *
 * One word of the stream is nearly always all that a sample takes. From its
 * upper end: 12 bits of the number that chooses the strip, the sign, then u,
 * of up to 21 bits; its last 30 bits begin the number that decides about
 * acceptance. Whoever needs more bits of a number takes them from the stream.
 */
#include "core/dp/discrete_gaussian.h"

#include <stdlib.h>

#include "core/dp/bernoulli.h"

typedef unsigned __int128 Wide;

#define SIGN_BIT (63 - FED_STRIPS_INDEX_BITS)
#define COIN_BITS 30

struct FedNoise
{
	FedStream	stream;
	FedStrips	strips;			/* variance 0: none yet */
};

FedNoise *
fed_noise_new(const uint8_t key[FED_STREAM_KEY_BYTES])
{
	FedNoise   *noise = malloc(sizeof(FedNoise));

	if (noise == NULL)
		return NULL;
	noise->strips.variance = 0;
	if (!fed_stream_start(&noise->stream, key))
	{
		fed_noise_free(noise);
		return NULL;
	}
	return noise;
}

void
fed_noise_free(FedNoise *noise)
{
	if (noise == NULL)
		return;
	fed_stream_end(&noise->stream);
	free(noise);
}

/*
 * Samples from the words that the buffer has, until out is full or they are
 * used up; the number of samples, or -1.
 */
static int
fill_from_buffer(FedNoise *noise, int64_t *restrict out, size_t n)
{
	FedStream  *stream = &noise->stream;
	const FedStrips *strips = &noise->strips;
	const uint64_t double_variance = 2 * strips->variance;
	const int	shift = strips->shift;
	const uint64_t mask = (UINT64_C(1) << shift) - 1;
	size_t		at = stream->at;	/* not in memory at every step; what takes words below needs it there */
	size_t		i = 0;

	while (i < n && at < FED_STREAM_WORDS)
	{
		uint64_t	word = stream->words[at++];
		uint64_t	index = word >> (SIGN_BIT + 1);
		int64_t		negative = word >> SIGN_BIT & 1;
		uint64_t	u = word >> (SIGN_BIT - shift) & mask;
		uint64_t	coin = word & ((UINT64_C(1) << COIN_BITS) - 1);
		int			k = strips->guide[index];
		uint64_t	edge;
		uint64_t	loss;		/* over double_variance: the exponent of what is accepted */

		if (k == FED_STRIPS_SPLIT)
		{
			stream->at = at;
			k = fed_strips_find_from(strips, stream, index);
			at = stream->at;
			if (k < 0)
				return -1;
		}
		edge = (uint64_t) k << shift;
		loss = u * (2 * edge + u);
		/* Mostly the comparison that fed_bernoulli_exp_from begins with is all that there is to do. */
		if ((Wide) coin * double_variance < (Wide) loss << COIN_BITS)
		{
			bool		accepted;

			stream->at = at;
			accepted = fed_bernoulli_exp_from(stream, coin, COIN_BITS, loss, double_variance);
			at = stream->at;
			if (!accepted)
				continue;
		}
		out[i] = ((int64_t) (edge + u) ^ -negative) + negative;
		i += !(negative && edge + u == 0);
	}
	stream->at = at;
	return (int) i;
}

bool
fed_noise_fill(FedNoise *noise, int64_t *out, size_t n, uint64_t variance)
{
	FedStrips  *strips = &noise->strips;

	if (variance < 1 || variance > FED_VARIANCE_MAX)
		return false;
	if (strips->variance != variance && !fed_strips_cut(strips, variance))
	{
		strips->variance = 0;
		return false;
	}
	while (n > 0)
	{
		int			got;

		if (noise->stream.at == FED_STREAM_WORDS)
			fed_stream_refill(&noise->stream);
		got = fill_from_buffer(noise, out, n);
		if (got < 0 || noise->stream.failed)
			return false;
		out += got;
		n -= got;
	}
	return !noise->stream.failed;
}
