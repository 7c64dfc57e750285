/*
 * prg.h
 *		The generator of masks: AES-256-CTR key stream (NIST SP 800-38A), read as
 *		little-endian uint32, from any place.
 *
 * The counter block of value i of a stream is BE64(stream) || BE64(i / 4), so
 * streams of one key never meet (a vector has fewer than 2^62 values).
 */
#ifndef FED_CORE_SECAGG_PRG_H
#define FED_CORE_SECAGG_PRG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/keys.h"

#define FED_PRG_CHUNK 2048		/* values that one call makes at most */

typedef struct FedPrg FedPrg;

/* A generator with this key, or NULL (no memory, libcrypto). */
extern FedPrg *fed_prg_new(const uint8_t key[FED_KEY_BYTES]);

/*
 * Values first … first + count - 1 of a stream; first must be a multiple of 4,
 * count at most FED_PRG_CHUNK. Going on where the last call ended is cheapest.
 * False if first or count is not so, or libcrypto fails.
 */
extern bool fed_prg_fill(FedPrg *prg, uint64_t stream, uint64_t first,
						 uint32_t *values, size_t count);

/* Cleanses and frees; NULL is allowed. */
extern void fed_prg_free(FedPrg *prg);

#endif							/* FED_CORE_SECAGG_PRG_H */
