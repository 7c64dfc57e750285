/*
 * identity.h
 *		The key by which other Islands know this one.
 *
 * An Ed25519 key (RFC 8032), made by `fed island keygen`. Its file holds the
 * secret seed as hexadecimal digits and has mode 0600.
 */
#ifndef FED_CLIENT_SECAGG_IDENTITY_H
#define FED_CLIENT_SECAGG_IDENTITY_H

#include "core/secagg/keys.h"
#include "lib/error.h"

typedef struct FedIdentity
{
	uint8_t		seed[FED_KEY_BYTES];
	uint8_t		public_key[FED_KEY_BYTES];
	uint8_t		pid[FED_PID_BYTES];
} FedIdentity;

#define FED_FINGERPRINT_LEN 40	/* eight groups of four digits, and the NUL */

/* Makes a new key and writes its file. One that is there already is never replaced. */
extern bool fed_identity_create(const char *path, FedIdentity *out, FedError *err);

/* Refuses a file that others can read (FED_ERR_POLICY). */
extern bool fed_identity_load(const char *path, FedIdentity *out, FedError *err);

/* Cleanses it. */
extern void fed_identity_wipe(FedIdentity *identity);

/* What people read to each other: the first 16 bytes of the key's SHA-256. False only if libcrypto refuses. */
extern bool fed_fingerprint(const uint8_t public_key[FED_KEY_BYTES], char out[FED_FINGERPRINT_LEN], FedError *err);

#endif							/* FED_CLIENT_SECAGG_IDENTITY_H */
