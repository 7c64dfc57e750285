/*
 * privacy.h
 *		Local differential privacy: an update is clipped and noised before it
 *		leaves the Island.
 *
 * On a grid of gamma = clip norm / 2^bits: values are scaled so that the vector's
 * L2 norm is at most the clip norm, rounded toward zero to multiples of gamma,
 * and each gets a sample of the discrete Gaussian with a standard deviation of
 * noise multiplier * 2^bits steps (Canonne, Kamath, Steinke 2020). That the
 * integers' norm is at most 2^bits is checked in integers, so that the
 * sensitivity is what the accountant takes it for, without an error of rounding.
 * What follows, the rounding to an encoding included, costs no privacy.
 */
#ifndef FED_CLIENT_PRIVACY_H
#define FED_CLIENT_PRIVACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dp/discrete_gaussian.h"
#include "lib/error.h"

/* Where the grid lies: sigma is at most 2^24 steps, and at least 2^10. */
#define FED_PRIVACY_MOST_BITS 40

typedef struct FedPrivacy
{
	int			bits;			/* 2^bits steps are the clip norm */
	double		gamma;			/* one step */
	double		scale;			/* from a value to steps, once prepared */
	uint64_t	variance;		/* of the noise, in squared steps */
	FedNoise   *noise;
} FedPrivacy;

/* Gives n values of the vector, from first on; false, and err filled, ends the work. */
typedef bool (*FedVectorReader) (void *arg, uint64_t first, size_t n, float *out, FedError *err);

/*
 * Chooses the grid and opens a stream of noise under a key that nobody keeps.
 * Both numbers are above 0. False, and err filled, if no grid is fine enough for
 * the noise (FED_ERR_PROTOCOL), or libcrypto refuses. End it in either case.
 */
extern bool fed_privacy_begin(FedPrivacy *privacy, double clip_norm, double noise_multiplier, FedError *err);

/*
 * Reads the vector of so many values, and finds the scale at which its norm is
 * within the clip norm; 1 / gamma for a vector that is already.
 */
extern bool fed_privacy_prepare(FedPrivacy *privacy, FedVectorReader read, void *arg, uint64_t values, FedError *err);

/* n values become what may leave: to be done once for each value. FED_ERR_LOCAL: libcrypto refuses. */
extern bool fed_privacy_apply(FedPrivacy *privacy, float *values, size_t n, FedError *err);

/* A value in steps, before the noise. */
extern int64_t fed_privacy_steps(const FedPrivacy *privacy, float value);

extern void fed_privacy_end(FedPrivacy *privacy);

#endif							/* FED_CLIENT_PRIVACY_H */
