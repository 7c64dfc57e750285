/*
 * trust.h
 *		The identity keys of other Islands that the data's owner believes in.
 *
 * A file of the owner, kept by `fed island trust`: a JSON object of names and
 * public keys in hexadecimal. The names are for people; what counts is the keys.
 * A key that is taken out of the file is believed no more.
 */
#ifndef FED_CLIENT_SECAGG_TRUST_H
#define FED_CLIENT_SECAGG_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/secagg/keys.h"
#include "lib/error.h"

typedef struct FedTrust FedTrust;

/*
 * Reads a trust file. NULL, and err filled (FED_ERR_USAGE), if it cannot be read
 * or holds anything but names and keys, or a key twice. missing_ok: no file is
 * an empty one.
 */
extern FedTrust *fed_trust_load(const char *path, bool missing_ok, FedError *err);
extern void fed_trust_free(FedTrust *trust);

/* Whether the key is pinned. A NULL trust pins none. */
extern bool fed_trust_has(const FedTrust *trust, const uint8_t public_key[FED_KEY_BYTES]);

/* Pins a key under a name; another key under the same name, or another name of the same key, is an error. */
extern bool fed_trust_add(FedTrust *trust, const char *name, const char *hex_key, FedError *err);
extern bool fed_trust_remove(FedTrust *trust, const char *name, FedError *err);
extern bool fed_trust_save(const FedTrust *trust, const char *path, FedError *err);

/* Calls each for every name, in their order, until it returns false. */
extern bool fed_trust_each(const FedTrust *trust,
						   bool (*each) (void *arg, const char *name, const uint8_t public_key[FED_KEY_BYTES]), void *arg);

#endif							/* FED_CLIENT_SECAGG_TRUST_H */
