/*
 * digest.h
 *		SHA-256 and hexadecimal text, over libcrypto.
 *
 * Everything that travels is named by its SHA-256: each slice by the hash of
 * its wire bytes, a whole vector by the hash over its slices' hashes in order.
 * The incremental form serves vectors that never are in memory at once.
 *
 * libcrypto may refuse (no memory, a provider that was configured away), so
 * every function that hashes returns false then and leaves no partial digest.
 */
#ifndef FED_CORE_DIGEST_H
#define FED_CORE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FED_SHA256_BYTES 32
#define FED_SHA256_HEX (2 * FED_SHA256_BYTES)

typedef struct FedSha256 FedSha256;

/* The SHA-256 of len bytes (FIPS 180-4). data may be NULL when len is 0. */
extern bool fed_sha256(const void *data, size_t len,
					   uint8_t out[FED_SHA256_BYTES]);

/* A context that has seen nothing yet, or NULL. Free it with _free. */
extern FedSha256 *fed_sha256_new(void);

/* Appends len bytes. */
extern bool fed_sha256_update(FedSha256 *ctx, const void *data, size_t len);

/* The digest of all bytes so far; the context then starts afresh. */
extern bool fed_sha256_final(FedSha256 *ctx, uint8_t out[FED_SHA256_BYTES]);

/* Wipes and frees the context; NULL is allowed. */
extern void fed_sha256_free(FedSha256 *ctx);

/* Writes 2 * len lower-case digits and a terminating NUL to out. */
extern void fed_hex_encode(const uint8_t *bytes, size_t len, char *out);

/*
 * Reads exactly 2 * len digits, of either case, up to the terminating NUL;
 * false for anything else. out is written only on success.
 */
extern bool fed_hex_decode(const char *text, uint8_t *out, size_t len);

#endif							/* FED_CORE_DIGEST_H */
