/*
 * keys.h
 *		Key pairs of secure aggregation: X25519 (RFC 7748) for what two Islands
 *		share, Ed25519 (RFC 8032, pure) for who an Island is.
 *
 * Keys and signatures are raw bytes. Who owns an array of secrets cleanses it
 * with OPENSSL_cleanse; the functions leave no copy behind.
 */
#ifndef FED_CORE_SECAGG_KEYS_H
#define FED_CORE_SECAGG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"

#define FED_KEY_BYTES 32		/* of either kind, secret or public */
#define FED_SIGNATURE_BYTES 64
#define FED_PID_BYTES 16

/* A fresh secret of 32 bytes from libcrypto's generator for private values. */
extern bool fed_secret_fresh(uint8_t secret[FED_KEY_BYTES],
							 FedSecaggError *err);

/* The public key of an X25519 secret, which is clamped as RFC 7748 says. */
extern bool fed_x25519_public(const uint8_t secret[FED_KEY_BYTES],
							  uint8_t public_key[FED_KEY_BYTES],
							  FedSecaggError *err);

/*
 * X25519(secret, public_key). FED_SECAGG_REFUSED for a key of low order, with
 * which the result would be zero whatever the secret is.
 */
extern bool fed_x25519_agree(const uint8_t secret[FED_KEY_BYTES],
							 const uint8_t public_key[FED_KEY_BYTES],
							 uint8_t shared[FED_KEY_BYTES],
							 FedSecaggError *err);

/*
 * The same with one secret and many public keys, in half the time: libcrypto
 * computes the secret's public key once.
 */
typedef struct FedX25519 FedX25519;

/* NULL without memory. Free it with _free, which cleanses it. */
extern FedX25519 *fed_x25519_new(const uint8_t secret[FED_KEY_BYTES]);
extern bool fed_x25519_agree_as(const FedX25519 *own,
								const uint8_t public_key[FED_KEY_BYTES],
								uint8_t shared[FED_KEY_BYTES],
								FedSecaggError *err);
extern void fed_x25519_free(FedX25519 *own);	/* NULL is allowed */

/* Whether a stranger's X25519 key may be used: not of low order. */
extern bool fed_x25519_check(const uint8_t public_key[FED_KEY_BYTES],
							 FedSecaggError *err);

/* The public key of an Ed25519 seed (the secret key of RFC 8032). */
extern bool fed_ed25519_public(const uint8_t seed[FED_KEY_BYTES],
							   uint8_t public_key[FED_KEY_BYTES],
							   FedSecaggError *err);

extern bool fed_ed25519_sign(const uint8_t seed[FED_KEY_BYTES],
							 const void *message, size_t len,
							 uint8_t signature[FED_SIGNATURE_BYTES],
							 FedSecaggError *err);

/* FED_SECAGG_REFUSED for a signature that is not of this key and message. */
extern bool fed_ed25519_verify(const uint8_t public_key[FED_KEY_BYTES],
							   const void *message, size_t len,
							   const uint8_t signature[FED_SIGNATURE_BYTES],
							   FedSecaggError *err);

/* The name of an enrolled Island: the first 16 bytes of SHA-256(identity key). */
extern bool fed_pid_of_identity(const uint8_t identity_pk[FED_KEY_BYTES],
								uint8_t pid[FED_PID_BYTES],
								FedSecaggError *err);

/* The name of an Island without an identity: new in each attempt. */
extern bool fed_pid_fresh(uint8_t pid[FED_PID_BYTES], FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_KEYS_H */
