/*
 * hkdf.h
 *		HKDF with SHA-256 (RFC 5869), and the keys that the protocol derives.
 */
#ifndef FED_CORE_SECAGG_HKDF_H
#define FED_CORE_SECAGG_HKDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"
#include "core/secagg/keys.h"

#define FED_CTX_BYTES 32		/* hash of c0 and the roster, see transcript.h */

/* len bytes of key, at most 255 * 32; salt may be empty (salt_len 0). */
extern bool fed_hkdf_sha256(const uint8_t *ikm, size_t ikm_len,
							const uint8_t *salt, size_t salt_len,
							const uint8_t *info, size_t info_len,
							uint8_t *out, size_t len, FedSecaggError *err);

/*
 * The key of the envelope from owner to holder, out of one side's c_sk and the
 * other's c_pk: both sides get the same.
 */
extern bool fed_share_key(const uint8_t own_c_sk[FED_KEY_BYTES],
						  const uint8_t peer_c_pk[FED_KEY_BYTES],
						  const uint8_t ctx[FED_CTX_BYTES],
						  uint32_t owner, uint32_t holder,
						  uint8_t key[FED_KEY_BYTES], FedSecaggError *err);

/* The key of the mask that Islands u and v share; u and v in any order. */
extern bool fed_pair_key(const uint8_t own_m_sk[FED_KEY_BYTES],
						 const uint8_t peer_m_pk[FED_KEY_BYTES],
						 const uint8_t ctx[FED_CTX_BYTES],
						 uint32_t u, uint32_t v,
						 uint8_t key[FED_KEY_BYTES], FedSecaggError *err);

/* Both with a secret that is used many times; see fed_x25519_new. */
extern bool fed_share_key_as(const FedX25519 *own_c_sk,
							 const uint8_t peer_c_pk[FED_KEY_BYTES],
							 const uint8_t ctx[FED_CTX_BYTES],
							 uint32_t owner, uint32_t holder,
							 uint8_t key[FED_KEY_BYTES], FedSecaggError *err);
extern bool fed_pair_key_as(const FedX25519 *own_m_sk,
							const uint8_t peer_m_pk[FED_KEY_BYTES],
							const uint8_t ctx[FED_CTX_BYTES],
							uint32_t u, uint32_t v,
							uint8_t key[FED_KEY_BYTES], FedSecaggError *err);

/* The key of Island u's own mask, out of its b. */
extern bool fed_self_key(const uint8_t b[FED_KEY_BYTES],
						 const uint8_t ctx[FED_CTX_BYTES], uint32_t u,
						 uint8_t key[FED_KEY_BYTES], FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_HKDF_H */
