/*
 * discrete_gaussian.h
 *		Noise for differential privacy: integers, exactly as distributed as they
 *		are said to be.
 *
 * P(x) is proportional to exp(-x^2 / (2 variance)) for every integer x, without
 * any rounding: floating-point noise gives neighbouring data away by which
 * doubles can be reached (Mironov 2012; Jin, McMurtry, Rubinstein, Ohrimenko
 * 2022), and generators that are not cryptographic can be guessed. Rejection
 * sampling after Canonne, Kamath, Steinke 2020, with strips in the place of the
 * discrete Laplace distribution (strips.h).
 *
 * How long a fill takes depends on what is drawn, a little. Draw in batches, so
 * that only the sum over a batch can be seen.
 */
#ifndef FED_CORE_DP_DISCRETE_GAUSSIAN_H
#define FED_CORE_DP_DISCRETE_GAUSSIAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dp/strips.h"

typedef struct FedNoise FedNoise;

/*
 * Noise from a key of 32 bytes, the same for the same key and the same calls;
 * NULL, which is what production uses: a key from the operating system that
 * nobody keeps. NULL if there is no memory or libcrypto refuses. One per chunk
 * of work; two threads need two.
 */
extern FedNoise *fed_noise_new(const uint8_t key[FED_STREAM_KEY_BYTES]);

/*
 * n samples of mean 0; variance from 1 to FED_VARIANCE_MAX, so that samples stay
 * below 2^31 in magnitude but with a probability below 10^-3000. False, and
 * nothing in out may be used, for another variance, or if there is no memory or
 * libcrypto refuses. The first call for a variance prepares tables, about 0.1 ms.
 */
extern bool fed_noise_fill(FedNoise *noise, int64_t *out, size_t n, uint64_t variance);

/* Overwrites key and buffers and frees them; NULL is allowed. */
extern void fed_noise_free(FedNoise *noise);

#endif							/* FED_CORE_DP_DISCRETE_GAUSSIAN_H */
