/*
 * mask.h
 *		Masks on vectors of uint32, and taking them off again.
 *
 * A mask is a sum of key streams, each with a sign, modulo 2^32. It can be
 * applied to any range of a vector on its own: a page, a slice, all of it.
 */
#ifndef FED_CORE_SECAGG_MASK_H
#define FED_CORE_SECAGG_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"
#include "core/secagg/hkdf.h"
#include "core/secagg/sets.h"

/* Vectors that are masked, as numbers of their key streams. */
#define FED_STREAM_DELTA 0
#define FED_STREAM_AUX 1
#define FED_STREAM_CONTROL 2	/* SCAFFOLD's control variate */

/* Not for two threads at once. */
typedef struct FedMask FedMask;

/* The empty mask, or NULL without memory. */
extern FedMask *fed_mask_new(void);

/* Adds the stream of a key, or subtracts it. */
extern bool fed_mask_add_key(FedMask *mask, const uint8_t key[FED_KEY_BYTES],
							 bool subtract, FedSecaggError *err);

/* Streams in the mask: each costs 4 bytes of key stream per value. */
extern size_t fed_mask_keys(const FedMask *mask);

/*
 * values[i] += mask of value first + i of the stream, modulo 2^32, for count
 * values; first must be a multiple of 4. A mask without keys changes nothing.
 */
extern bool fed_mask_apply(FedMask *mask, uint64_t stream, uint64_t first,
						   uint32_t *values, size_t count,
						   FedSecaggError *err);

/* Cleanses and frees; NULL is allowed. */
extern void fed_mask_free(FedMask *mask);

/*
 * What Island u adds to its values: the stream of its own key, and those that
 * it shares with the others of U2, + where u is the larger index, - where the
 * smaller (Bonawitz et al. 2017, section 4). m_pk[v - 1] is that of v = 1 … n.
 * NULL on failure.
 */
extern FedMask *fed_mask_of_island(uint32_t u, const uint8_t b[FED_KEY_BYTES],
								   const uint8_t m_sk[FED_KEY_BYTES],
								   const uint8_t ctx[FED_CTX_BYTES],
								   const uint8_t (*m_pk)[FED_KEY_BYTES],
								   uint32_t n, const FedSecaggSet *u2,
								   FedSecaggError *err);

/*
 * What makes the plain sum of the sum of masked values of U3, when it is
 * applied to it: minus the own streams of U3, minus what U3 shares with those
 * of U2 that are not in U3. secrets[u - 1] is b of u in U3, m_sk of u in U2\U3,
 * and not read for others; m_pk is read for U3. NULL on failure.
 */
extern FedMask *fed_mask_of_sum(const uint8_t (*secrets)[FED_KEY_BYTES],
								const uint8_t ctx[FED_CTX_BYTES],
								const uint8_t (*m_pk)[FED_KEY_BYTES],
								uint32_t n, const FedSecaggSet *u2,
								const FedSecaggSet *u3, FedSecaggError *err);

/*
 * sum[i] += values[i] modulo 2^32, count values. `wire` has them as uploaded,
 * little-endian, at any address.
 */
extern void fed_mask_sum(uint32_t *sum, const uint8_t *wire, size_t count);

#endif							/* FED_CORE_SECAGG_MASK_H */
