/*
 * envelope.h
 *		What an Island sends to another through the server: one share of its
 *		m_sk and one of its b, sealed with AES-256-GCM.
 */
#ifndef FED_CORE_SECAGG_ENVELOPE_H
#define FED_CORE_SECAGG_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/secagg/failure.h"
#include "core/secagg/hkdf.h"
#include "core/secagg/shamir.h"

#define FED_NONCE_BYTES 12
#define FED_ENVELOPE_BYTES 94	/* nonce, x and 32 bytes twice, tag of 16 */

/*
 * Seals the shares that holder gets from owner under their fed_share_key. A
 * nonce of NULL is drawn afresh; a given one is for sending the same envelope
 * again, and must never be used with other shares.
 */
extern bool fed_envelope_seal(const uint8_t key[FED_KEY_BYTES],
							  const uint8_t ctx[FED_CTX_BYTES],
							  uint32_t owner, uint32_t holder,
							  const uint8_t *nonce,
							  const FedShare sk_share, const FedShare b_share,
							  uint8_t envelope[FED_ENVELOPE_BYTES],
							  FedSecaggError *err);

/*
 * Opens one. FED_SECAGG_REFUSED if it is not from owner to holder in this
 * context, or does not hold the holder's shares; then both are zero.
 */
extern bool fed_envelope_open(const uint8_t key[FED_KEY_BYTES],
							  const uint8_t ctx[FED_CTX_BYTES],
							  uint32_t owner, uint32_t holder,
							  const uint8_t envelope[FED_ENVELOPE_BYTES],
							  FedShare sk_share, FedShare b_share,
							  FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_ENVELOPE_H */
