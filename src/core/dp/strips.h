/*
 * strips.h
 *		The positive half of a discrete Gaussian, cut into strips.
 *
 * Strip k is the integers from k * t to k * t + t - 1, t a power of 2 such that
 * sigma / t lies in [8, 16); with sigma below 16, t is 1. A strip is drawn with a
 * probability that is proportional to exp(-(k t)^2 / (2 sigma^2)), the density
 * at its left edge. Within the strip a uniform integer is accepted with the
 * ratio of densities, which is what makes it exact (discrete_gaussian.c); more
 * than nine in ten are.
 *
 * Drawing a strip is exact, too, although its probability is irrational: 64
 * bits of a uniform number are compared with bounds that are known to lie on
 * either side of the boundary between two strips, and where they do not decide
 * (once in 2^56), bounds and number get more digits until they do.
 */
#ifndef FED_CORE_DP_STRIPS_H
#define FED_CORE_DP_STRIPS_H

#include "core/dp/stream.h"

#define FED_STRIPS_MAX 255
#define FED_STRIPS_INDEX_BITS 12
#define FED_STRIPS_SPLIT 255	/* of guide: more than one strip, look closer */

#define FED_VARIANCE_MAX (UINT64_C(1) << 48)

typedef struct FedStrips
{
	uint64_t	variance;
	int			shift;			/* t = 2^shift */
	int			count;
	/* Strip k or one before it has the probability p, with ends[k] <= 2^64 p < ends[k] + 2. */
	uint64_t	ends[FED_STRIPS_MAX];
	/* The strip by the first bits of the number. */
	uint8_t		guide[1 << FED_STRIPS_INDEX_BITS];
} FedStrips;

/* Cuts for a variance of 1 to FED_VARIANCE_MAX. False: no memory. */
extern bool fed_strips_cut(FedStrips *strips, uint64_t variance);

/*
 * The strip of a uniform number whose first 64 bits are head; further bits come
 * from the stream. -1: no memory, or the stream has failed.
 */
extern int	fed_strips_find(const FedStrips *strips, FedStream *stream, uint64_t head);

/* The same of a number of which the first bits, FED_STRIPS_INDEX_BITS of them, are index. */
extern int	fed_strips_find_from(const FedStrips *strips, FedStream *stream, uint64_t index);

/*
 * The same, by bounds of as many digits as are needed, of which the first are
 * given: bits of head, a multiple of 64 (then 64, or 0 and all come from the
 * stream).
 */
extern int	fed_strips_find_slowly(const FedStrips *strips, FedStream *stream, uint64_t head, int bits);

#endif							/* FED_CORE_DP_STRIPS_H */
