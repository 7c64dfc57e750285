/*
 * slices.h
 *		How a vector is cut for the wire, and which pieces are there.
 *
 * A slice is 130 pages of 2016 float32 values, just under 1 MiB; the last one
 * of a vector is as short as what is left. Each slice is named by the SHA-256 of
 * its wire bytes (little-endian float32), the vector by the SHA-256 over those
 * hashes in order. Frozen bytes of a model are cut at the same length.
 */
#ifndef FED_CLIENT_SLICES_H
#define FED_CLIENT_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/digest.h"
#include "lib/error.h"

#define FED_SLICE_VALUES 262080
#define FED_SLICE_BYTES (4 * (size_t) FED_SLICE_VALUES)

/* Slices that n bytes make; 0 for none. */
static inline uint64_t
fed_slice_count(uint64_t bytes)
{
	return bytes / FED_SLICE_BYTES + (bytes % FED_SLICE_BYTES != 0);
}

/* Bytes of one slice of a vector of that many bytes. */
static inline size_t
fed_slice_length(uint64_t bytes, uint64_t slice)
{
	uint64_t	left = bytes - slice * FED_SLICE_BYTES;

	return left < FED_SLICE_BYTES ? (size_t) left : FED_SLICE_BYTES;
}

/* A set of slices 0..n-1, as a bitmap. {0} is the empty set of none. */
typedef struct FedSliceSet
{
	uint64_t	n;
	uint8_t    *bits;
} FedSliceSet;

extern bool fed_slice_set_init(FedSliceSet *set, uint64_t n, FedError *err);
extern void fed_slice_set_free(FedSliceSet *set);
extern bool fed_slice_set_has(const FedSliceSet *set, uint64_t slice);

/* Ignores slices beyond the set: what the server lists is not believed. */
extern void fed_slice_set_add(FedSliceSet *set, uint64_t slice);

/*
 * Float32 values between this machine's byte order and the wire's, in place.
 * Nothing to do on the little-endian machines that everybody has.
 */
extern void fed_floats_to_wire(float *values, size_t n);

/*
 * Called between slices of long work, with bytes done and in all: draws bars,
 * sends heartbeats. False ends the work (the error is then filled by it).
 */
typedef struct FedStep
{
	bool		(*step) (void *arg, uint64_t done, uint64_t total, FedError *err);
	void	   *arg;
} FedStep;

/* Calls it, if there is one (NULL is allowed). */
extern bool fed_step(const FedStep *step, uint64_t done, uint64_t total,
					 FedError *err);

/* FED_ERR_LOCAL: libcrypto refused to hash. */
extern bool fed_digest_error(FedError *err);

/*
 * The vector digest of n_slices hashes of 32 bytes each, laid end to end: the
 * SHA-256 over them. False only if libcrypto refuses.
 */
extern bool fed_vector_digest(const uint8_t *hashes, uint64_t n_slices,
							  uint8_t out[FED_SHA256_BYTES], FedError *err);

/*
 * The digest of a vector that is in memory (or mapped): over the hashes of its
 * slices.
 */
extern bool fed_hash_vector(const uint8_t *data, uint64_t bytes,
							uint8_t out[FED_SHA256_BYTES],
							const FedStep *step, FedError *err);

#endif							/* FED_CLIENT_SLICES_H */
