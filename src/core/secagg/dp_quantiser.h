/*
 * dp_quantiser.h
 *		Updates as integers of bounded norm, for noise that Islands add
 *		themselves (distributed discrete Gaussian, Kairouz, Liu, Steinke 2021).
 *
 * The grid is chosen so that the sum with all noise wraps with probability
 * below 2 e^-72 per value. Every release is divided by a fixed D, never by a
 * count. The noise is made elsewhere (core/dp); here is what it is added to.
 */
#ifndef FED_CORE_SECAGG_DP_QUANTISER_H
#define FED_CORE_SECAGG_DP_QUANTISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"

#define FED_AUX_FRACTION_UNIT (1 << 16) /* what +1 is in aux[0] */

typedef struct FedDpRequest
{
	double		z;				/* noise multiplier, > 0 */
	bool		adaptive;		/* adaptive clipping: a noised count in aux[0] */
	double		divisor;		/* D; read if adaptive */
	uint32_t	min_updates;
	uint32_t	max_colluding;	/* f */
	uint32_t	n_max;
} FedDpRequest;

typedef struct FedDpGrid
{
	uint32_t	honest;			/* h: updates that carry noise in any sum */
	double		zz;				/* square of the multiplier of the vector sum */
	double		sigma_b;		/* of the count, 0 unless adaptive */
	uint32_t	exponent;		/* e */
	uint64_t	Q;				/* 2^e: integer that the clip norm becomes */
	uint64_t	noise_var;		/* per Island and value, in squared steps */
	uint64_t	aux_noise_var;	/* 0 unless adaptive */
} FedDpGrid;

/* The largest f that may be asked for, which is also the default. */
extern uint32_t fed_dp_max_colluding(uint32_t min_updates);

/*
 * h = max(min_updates, 3) - f; zz = z^2, or with adaptive clipping
 * 1 / (1/z^2 - 1/(2 sigma_b)^2) with sigma_b = max(D/20, z) (Andrew et al.
 * 2021, theorem 1); e is the largest of 10 … 24 for which
 * noise_var = floor(zz 4^e / h) + 1 is at most 2^48 and the sum has room.
 * FED_SECAGG_OUT_OF_RANGE if there is none, or noise_var would be below 2^20,
 * under which a sum of discrete Gaussians is not close enough to one.
 */
extern bool fed_dp_grid(const FedDpRequest *request, FedDpGrid *grid,
						FedSecaggError *err);

/* Gives n values of the update, from first on; false ends the work. */
typedef bool (*FedDpReader) (void *arg, uint64_t first, size_t n, float *out);

/* What makes integers of an update's values. */
typedef struct FedDpScale
{
	double		factor;
	bool		within;			/* the norm was at most C: nothing was clipped */
} FedDpScale;

/*
 * Finds what clips an update of n values to the L2 norm C and puts it on the
 * grid of Q steps, each value towards zero; factors are made smaller until the
 * integers' norm is at most Q, which is checked exactly. So the sensitivity is
 * C, without a margin. Goes over the update at least twice, a few values at a
 * time. Refuses NaN and infinity (FED_SECAGG_MALFORMED).
 */
extern bool fed_dp_scale(FedDpReader read, void *arg, uint64_t n, double C, uint64_t Q, FedDpScale *scale,
						 FedSecaggError *err);

/* n values of that update as integers; q is two's complement. */
extern void fed_dp_steps(const FedDpScale *scale, const float *x, size_t n, uint32_t *q);

/* mean[i] = int32(S_i) * (C / Q) / D. */
extern void fed_dp_mean(const uint32_t *sum, size_t n, double C, uint64_t Q,
						double D, double *mean);

/* What an Island puts into aux[0] before noise: (2b - 1) 2^16. */
extern uint32_t fed_dp_aux(bool within);

/* bbar = clamp(1/2 + int32(aux[0]) / 2^17 / D, 0, 1). */
extern double fed_dp_fraction(uint32_t aux, double D);

#endif							/* FED_CORE_SECAGG_DP_QUANTISER_H */
