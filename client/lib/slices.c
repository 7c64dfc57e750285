/*
 * slices.c
 *		How a vector is cut for the wire, and which pieces are there.
 */
#include "lib/slices.h"

#include <stdlib.h>
#include <string.h>

bool
fed_slice_set_init(FedSliceSet *set, uint64_t n, FedError *err)
{
	set->n = n;
	set->bits = calloc((size_t) (n / 8 + 1), 1);
	return set->bits != NULL || fed_error_memory(err);
}

void
fed_slice_set_free(FedSliceSet *set)
{
	free(set->bits);
	memset(set, 0, sizeof(*set));
}

bool
fed_slice_set_has(const FedSliceSet *set, uint64_t slice)
{
	return slice < set->n && (set->bits[slice / 8] >> (slice % 8) & 1) != 0;
}

void
fed_slice_set_add(FedSliceSet *set, uint64_t slice)
{
	if (slice >= set->n || fed_slice_set_has(set, slice))
		return;
	set->bits[slice / 8] |= (uint8_t) (1u << (slice % 8));
}

void
fed_floats_to_wire(float *values, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], 4);
		bits = __builtin_bswap32(bits);
		memcpy(&values[i], &bits, 4);
	}
#else
	(void) values;
	(void) n;
#endif
}

bool
fed_step(const FedStep *step, uint64_t done, uint64_t total, FedError *err)
{
	return step == NULL || step->step == NULL ||
		step->step(step->arg, done, total, err);
}

bool
fed_digest_error(FedError *err)
{
	return fed_error_set(err, FED_ERR_LOCAL, "libcrypto could not compute a SHA-256");
}

bool
fed_vector_digest(const uint8_t *hashes, uint64_t n_slices,
				  uint8_t out[FED_SHA256_BYTES], FedError *err)
{
	return fed_sha256(hashes, (size_t) n_slices * FED_SHA256_BYTES, out) ||
		fed_digest_error(err);
}

bool
fed_hash_vector(const uint8_t *data, uint64_t bytes, uint8_t out[FED_SHA256_BYTES],
				const FedStep *step, FedError *err)
{
	FedSha256  *whole = fed_sha256_new();
	uint64_t	n = fed_slice_count(bytes);
	uint8_t		hash[FED_SHA256_BYTES];
	bool		ok = whole != NULL;

	for (uint64_t slice = 0; ok && slice < n; slice++)
	{
		ok = fed_sha256(data + slice * FED_SLICE_BYTES,
						fed_slice_length(bytes, slice), hash) &&
			fed_sha256_update(whole, hash, sizeof(hash));
		if (ok && !fed_step(step, (slice + 1) * FED_SLICE_BYTES, bytes, err))
		{
			fed_sha256_free(whole);
			return false;
		}
	}
	ok = ok && fed_sha256_final(whole, out);
	fed_sha256_free(whole);
	return ok || fed_digest_error(err);
}
