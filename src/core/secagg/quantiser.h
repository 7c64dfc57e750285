/*
 * quantiser.h
 *		Updates as integers whose sum cannot wrap, and the weighted mean out of
 *		that sum.
 *
 *		q_i  = rint((clamp(x_i, -R, R) * (W / W_cap)) * (Q / R))
 *		mean = int32(S_i) * (R / Q) * W_cap / (sum of W)
 *
 * in binary64, in this order, each operation rounded on its own, rint half to
 * even. With Q = floor((2^31 - 1) / n_max), |S_i| <= n_max Q stays below 2^31.
 * Negative values are two's complement. The quotient is the exact weighted mean
 * of the quantised inputs; a coordinate is off by at most
 * (R / 2Q) * updates * W_cap / (sum of W).
 */
#ifndef FED_CORE_SECAGG_QUANTISER_H
#define FED_CORE_SECAGG_QUANTISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"

#define FED_W_CAP (UINT32_C(1) << 20)	/* unless weights are unit: then 1 */

/* Places of the aux values of sessions without DP; metrics follow in pairs. */
#define FED_AUX_WEIGHT 0
#define FED_AUX_COUNT 1
#define FED_AUX_CLAMPED 2
#define FED_AUX_METRICS 3

typedef struct FedQuantiser
{
	double		R;				/* > 0: values beyond it are clamped */
	uint64_t	Q;				/* integer that R becomes, at most 2^31 - 1 */
	uint32_t	W;				/* this update's weight, 1 … W_cap */
	uint32_t	W_cap;
} FedQuantiser;

/* Q of a session without DP; n_max >= 1. */
extern uint64_t fed_quantiser_levels(uint32_t n_max);

/*
 * W = max(1, round(min(samples, n_cap) * W_cap / n_cap)), halves up; n_cap >= 1.
 * At most W_cap.
 */
extern uint32_t fed_quantiser_weight(uint64_t samples, uint32_t n_cap,
									 uint32_t W_cap);

/*
 * Quantises n values and adds those that were clamped to *clamped (may be
 * NULL). FED_SECAGG_MALFORMED for NaN or infinity, whose index the message
 * gives, counted from `first`; q is then undefined.
 */
extern bool fed_quantise(const FedQuantiser *quantiser, const float *x,
						 size_t n, uint64_t first, uint32_t *q,
						 uint64_t *clamped, FedSecaggError *err);

/* The weighted mean of a sum (stream 0); weights = the sum of W, aux[0]. */
extern void fed_quantiser_mean(const FedQuantiser *quantiser,
							   const uint32_t *sum, size_t n,
							   uint32_t weights, double *mean);

/* The plain mean (stream 2, where W is W_cap): int32(S) * (R / Q) / updates. */
extern void fed_quantiser_plain_mean(const FedQuantiser *quantiser,
									 const uint32_t *sum, size_t n,
									 uint32_t updates, double *mean);

/* aux[2]: the count of clamped values, held below what n_max of them can add. */
extern uint32_t fed_aux_clamped(uint64_t clamped, uint32_t n_max);

/*
 * The aux pair of one metric, whose R is its bound: value and weight, or 0, 0
 * when it was not reported (value NULL). Refuses NaN and infinity.
 */
extern bool fed_aux_metric(const FedQuantiser *quantiser, const double *value,
						   uint32_t pair[2], FedSecaggError *err);

/* The weighted average of a metric over those who reported it, or NaN if none. */
extern double fed_aux_metric_mean(const FedQuantiser *quantiser,
								  const uint32_t pair[2]);

/* uint32 values to wire bytes and back; bytes may have any address. */
extern void fed_words_pack(const uint32_t *values, size_t n, uint8_t *bytes);
extern void fed_words_unpack(const uint8_t *bytes, size_t n, uint32_t *values);

#endif							/* FED_CORE_SECAGG_QUANTISER_H */
