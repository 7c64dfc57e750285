/*
 * bytes.h
 *		Numbers as bytes, beyond those of core/model/byteorder.h.
 */
#ifndef FED_CORE_SECAGG_BYTES_H
#define FED_CORE_SECAGG_BYTES_H

#include "core/model/byteorder.h"

static inline void
fed_store_be64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t) (value >> (56 - 8 * i));
}

/* IEEE 754 binary64, least significant byte first. */
static inline void
fed_store_f64le(uint8_t *to, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	fed_store_le64(to, bits);
}

#endif							/* FED_CORE_SECAGG_BYTES_H */
