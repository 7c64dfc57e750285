/*
 * mask.c
 *		Masks on vectors of uint32, and taking them off again.
 *
 * A range is gone through in chunks that stay in the first cache with the key
 * stream, all keys on one chunk before the next.
 */
#include "core/secagg/mask.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/secagg/bytes.h"
#include "core/secagg/prg.h"

typedef struct Stream
{
	FedPrg	   *prg;
	bool		subtract;
} Stream;

struct FedMask
{
	Stream	   *streams;
	size_t		n;
	size_t		capacity;
	uint32_t	chunk[FED_PRG_CHUNK];	/* key stream, secret */
};

FedMask *
fed_mask_new(void)
{
	return calloc(1, sizeof(FedMask));
}

static bool
out_of_memory(FedSecaggError *err)
{
	return fed_secagg_fail(err, FED_SECAGG_FAILED, "out of memory");
}

/* Room for one more stream. */
static bool
grow(FedMask *mask)
{
	size_t		capacity = mask->capacity == 0 ? 16 : 2 * mask->capacity;
	Stream	   *streams;

	if (mask->n < mask->capacity)
		return true;
	streams = realloc(mask->streams, capacity * sizeof(Stream));
	if (streams == NULL)
		return false;
	mask->streams = streams;
	mask->capacity = capacity;
	return true;
}

bool
fed_mask_add_key(FedMask *mask, const uint8_t key[FED_KEY_BYTES],
				 bool subtract, FedSecaggError *err)
{
	FedPrg	   *prg;

	if (!grow(mask))
		return out_of_memory(err);
	prg = fed_prg_new(key);
	if (prg == NULL)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto could not start AES-256-CTR");
	mask->streams[mask->n].prg = prg;
	mask->streams[mask->n].subtract = subtract;
	mask->n++;
	return true;
}

size_t
fed_mask_keys(const FedMask *mask)
{
	return mask->n;
}

/* All keys on a range that is no longer than a chunk. */
static bool
apply_chunk(FedMask *mask, uint64_t stream, uint64_t first,
			uint32_t *restrict values, size_t count)
{
	const uint32_t *restrict words = mask->chunk;

	for (size_t s = 0; s < mask->n; s++)
	{
		if (!fed_prg_fill(mask->streams[s].prg, stream, first, mask->chunk, count))
			return false;
		if (mask->streams[s].subtract)
			for (size_t i = 0; i < count; i++)
				values[i] -= words[i];
		else
			for (size_t i = 0; i < count; i++)
				values[i] += words[i];
	}
	return true;
}

bool
fed_mask_apply(FedMask *mask, uint64_t stream, uint64_t first,
			   uint32_t *values, size_t count, FedSecaggError *err)
{
	if (first % 4 != 0)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "a range that is masked must begin at a multiple of 4");
	for (size_t done = 0; done < count; done += FED_PRG_CHUNK)
	{
		size_t		len = count - done < FED_PRG_CHUNK ? count - done : FED_PRG_CHUNK;

		if (!apply_chunk(mask, stream, first + done, values + done, len))
			return fed_secagg_fail(err, FED_SECAGG_FAILED,
								   "libcrypto failed in AES-256-CTR");
	}
	return true;
}

void
fed_mask_free(FedMask *mask)
{
	if (mask == NULL)
		return;
	for (size_t s = 0; s < mask->n; s++)
		fed_prg_free(mask->streams[s].prg);
	free(mask->streams);
	OPENSSL_cleanse(mask, sizeof(*mask));
	free(mask);
}

/* Adds the stream that u and v share. */
static bool
add_pair(FedMask *mask, const FedX25519 *m_sk, const uint8_t *m_pk,
		 const uint8_t *ctx, uint32_t u, uint32_t v, bool subtract,
		 FedSecaggError *err)
{
	uint8_t		key[FED_KEY_BYTES];
	bool		ok = fed_pair_key_as(m_sk, m_pk, ctx, u, v, key, err) &&
		fed_mask_add_key(mask, key, subtract, err);

	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

/* Adds u's own stream. */
static bool
add_self(FedMask *mask, const uint8_t *b, const uint8_t *ctx, uint32_t u,
		 bool subtract, FedSecaggError *err)
{
	uint8_t		key[FED_KEY_BYTES];
	bool		ok = fed_self_key(b, ctx, u, key, err) &&
		fed_mask_add_key(mask, key, subtract, err);

	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

FedMask *
fed_mask_of_island(uint32_t u, const uint8_t b[FED_KEY_BYTES],
				   const uint8_t m_sk[FED_KEY_BYTES],
				   const uint8_t ctx[FED_CTX_BYTES],
				   const uint8_t (*m_pk)[FED_KEY_BYTES], uint32_t n,
				   const FedSecaggSet *u2, FedSecaggError *err)
{
	FedMask    *mask = fed_mask_new();
	FedX25519  *own = fed_x25519_new(m_sk);
	bool		ok = (mask != NULL && own != NULL) || out_of_memory(err);

	ok = ok && add_self(mask, b, ctx, u, false, err);
	for (uint32_t v = 1; ok && v <= n; v++)
	{
		if (v != u && fed_set_has(u2, v))
			ok = add_pair(mask, own, m_pk[v - 1], ctx, u, v, u < v, err);
	}
	fed_x25519_free(own);
	if (ok)
		return mask;
	fed_mask_free(mask);
	return NULL;
}

/* Takes off what the members of U3 share with v, which dropped out. */
static bool
add_dropped(FedMask *mask, uint32_t v, const uint8_t *m_sk,
			const uint8_t (*m_pk)[FED_KEY_BYTES], const uint8_t *ctx,
			uint32_t n, const FedSecaggSet *u3, FedSecaggError *err)
{
	FedX25519  *dropped = fed_x25519_new(m_sk);
	bool		ok = dropped != NULL || out_of_memory(err);

	for (uint32_t u = 1; ok && u <= n; u++)
	{
		if (fed_set_has(u3, u))
			ok = add_pair(mask, dropped, m_pk[u - 1], ctx, u, v, u > v, err);
	}
	fed_x25519_free(dropped);
	return ok;
}

FedMask *
fed_mask_of_sum(const uint8_t (*secrets)[FED_KEY_BYTES],
				const uint8_t ctx[FED_CTX_BYTES],
				const uint8_t (*m_pk)[FED_KEY_BYTES], uint32_t n,
				const FedSecaggSet *u2, const FedSecaggSet *u3,
				FedSecaggError *err)
{
	FedMask    *mask = fed_mask_new();
	bool		ok = mask != NULL || out_of_memory(err);

	for (uint32_t v = 1; ok && v <= n; v++)
	{
		if (fed_set_has(u3, v))
			ok = add_self(mask, secrets[v - 1], ctx, v, true, err);
		else if (fed_set_has(u2, v))
			ok = add_dropped(mask, v, secrets[v - 1], m_pk, ctx, n, u3, err);
	}
	if (ok)
		return mask;
	fed_mask_free(mask);
	return NULL;
}

void
fed_mask_sum(uint32_t *sum, const uint8_t *wire, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += fed_load_le32(wire + i * sizeof(uint32_t));
}
