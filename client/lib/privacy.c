/*
 * privacy.c
 *		Local differential privacy: an update is clipped and noised before it
 *		leaves the Island.
 */
#include "lib/privacy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define MOST_SIGMA 16777216.0	/* 2^24, of the sampler */
#define LEAST_SIGMA 1024.0		/* 2^10: a grid that the noise hides well */
#define RUN 16384				/* values that are read at once */

typedef unsigned __int128 Wide;

/* The square rounded up, exactly: what the product loses is taken up again. */
static uint64_t
square_up(double x)
{
	double		product = x * x;
	double		lost = fma(x, x, -product);
	double		whole = ceil(product);

	return (uint64_t) whole + (whole == product && lost > 0);
}

bool
fed_privacy_begin(FedPrivacy *privacy, double clip_norm, double noise_multiplier, FedError *err)
{
	int			bits = FED_PRIVACY_MOST_BITS;

	memset(privacy, 0, sizeof(*privacy));
	while (bits > 0 && ldexp(noise_multiplier, bits) > MOST_SIGMA)
		bits--;
	if (!(ldexp(noise_multiplier, bits) >= LEAST_SIGMA && ldexp(noise_multiplier, bits) <= MOST_SIGMA) ||
		!isnormal(ldexp(clip_norm, -bits)) || clip_norm < 0)
		return fed_error_set(err, FED_ERR_PROTOCOL,
							 "no noise can be made for the session's noise multiplier %g and clip norm %g", noise_multiplier,
							 clip_norm);
	privacy->bits = bits;
	privacy->gamma = ldexp(clip_norm, -bits);
	privacy->variance = square_up(ldexp(noise_multiplier, bits));
	privacy->noise = fed_noise_new(NULL);
	return privacy->noise != NULL || fed_error_set(err, FED_ERR_LOCAL, "libcrypto gives no random numbers");
}

void
fed_privacy_end(FedPrivacy *privacy)
{
	fed_noise_free(privacy->noise);
	memset(privacy, 0, sizeof(*privacy));
}

int64_t
fed_privacy_steps(const FedPrivacy *privacy, float value)
{
	return (int64_t) ((double) value * privacy->scale);
}

/* Goes once over the vector: its squares summed as they are, and in steps if there is a scale. */
static bool
sum_squares(const FedPrivacy *privacy, FedVectorReader read, void *arg, uint64_t values, double *squares, Wide *steps,
			FedError *err)
{
	float	   *run = malloc(RUN * sizeof(float));
	bool		ok = run != NULL || fed_error_memory(err);

	*squares = 0;
	*steps = 0;
	for (uint64_t first = 0; ok && first < values; first += RUN)
	{
		size_t		n = values - first < RUN ? (size_t) (values - first) : RUN;

		ok = read(arg, first, n, run, err);
		for (size_t i = 0; ok && i < n; i++)
		{
			int64_t		step = privacy->scale > 0 ? fed_privacy_steps(privacy, run[i]) : 0;

			*squares += (double) run[i] * (double) run[i];
			*steps += (Wide) step * (Wide) step;	/* a negative one too: modulo 2^128 its square is right */
		}
	}
	free(run);
	return ok;
}

/*
 * The norm is a sum in double, so the scale made of it can be too large by a
 * little. Whether it is, integers decide; then it shrinks, by more at each turn.
 * At a scale of 2^bits / norm or less no value has more than about 2^bits steps,
 * and the sum of squares stays about 2^(2 bits).
 */
bool
fed_privacy_prepare(FedPrivacy *privacy, FedVectorReader read, void *arg, uint64_t values, FedError *err)
{
	const Wide	most = (Wide) 1 << (2 * privacy->bits);
	double		shrink = 0x1p-50;
	double		squares;
	Wide		steps;

	privacy->scale = 0;
	if (!sum_squares(privacy, read, arg, values, &squares, &steps, err))
		return false;
	privacy->scale = fmin(1 / privacy->gamma, ldexp(1, privacy->bits) / sqrt(squares));
	for (;;)
	{
		if (!sum_squares(privacy, read, arg, values, &squares, &steps, err))
			return false;
		if (steps <= most)
			return true;
		privacy->scale *= 1 - shrink;
		shrink *= 16;
	}
}

bool
fed_privacy_apply(FedPrivacy *privacy, float *values, size_t n, FedError *err)
{
	int64_t    *noise = malloc(n * sizeof(int64_t) + 1);

	if (noise == NULL)
		return fed_error_memory(err);
	if (!fed_noise_fill(privacy->noise, noise, n, privacy->variance))
	{
		free(noise);
		return fed_error_set(err, FED_ERR_LOCAL, "libcrypto gives no random numbers");
	}
	for (size_t i = 0; i < n; i++)
		values[i] = (float) ((double) (fed_privacy_steps(privacy, values[i]) + noise[i]) * privacy->gamma);
	OPENSSL_cleanse(noise, n * sizeof(int64_t));
	free(noise);
	return true;
}
