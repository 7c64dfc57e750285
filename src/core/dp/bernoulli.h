/*
 * bernoulli.h
 *		Coins that fall with a rational probability, or with exp of one.
 *
 * Exact: a uniform number is compared bit by bit for as long as it takes, in
 * integers, so that no probability is rounded and nothing is taken modulo.
 * A stream that has failed makes them false; see stream.h.
 */
#ifndef FED_CORE_DP_BERNOULLI_H
#define FED_CORE_DP_BERNOULLI_H

#include "core/dp/stream.h"

/* True with probability n / d. d > 0; n >= d is always true. */
extern bool fed_bernoulli(FedStream *stream, uint64_t n, uint64_t d);

/*
 * True with probability exp(-n / d). d > 0. Canonne, Kamath, Steinke 2020,
 * algorithm 1.
 */
extern bool fed_bernoulli_exp(FedStream *stream, uint64_t n, uint64_t d);

/*
 * The same, where the first comparison that the algorithm makes, of a uniform
 * number with n / d, has the number's first bits already: bits of them, at
 * most 32, are in head. They must not have been used for anything else.
 */
extern bool fed_bernoulli_exp_from(FedStream *stream, uint64_t head, int bits, uint64_t n, uint64_t d);

#endif							/* FED_CORE_DP_BERNOULLI_H */
