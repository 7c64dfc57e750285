/*
 * byteorder.h
 *		Little-endian numbers at any address, on machines of either order.
 *
 * Compilers turn each of these into one load or store where the machine's
 * order is the file's.
 */
#ifndef FED_CORE_MODEL_BYTEORDER_H
#define FED_CORE_MODEL_BYTEORDER_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FED_LE16(x) (x)
#define FED_LE32(x) (x)
#define FED_LE64(x) (x)
#else
#define FED_LE16(x) __builtin_bswap16(x)
#define FED_LE32(x) __builtin_bswap32(x)
#define FED_LE64(x) __builtin_bswap64(x)
#endif

static inline uint16_t
fed_load_le16(const void *at)
{
	uint16_t	value;

	memcpy(&value, at, sizeof(value));
	return FED_LE16(value);
}

static inline uint32_t
fed_load_le32(const void *at)
{
	uint32_t	value;

	memcpy(&value, at, sizeof(value));
	return FED_LE32(value);
}

static inline uint64_t
fed_load_le64(const void *at)
{
	uint64_t	value;

	memcpy(&value, at, sizeof(value));
	return FED_LE64(value);
}

static inline void
fed_store_le16(void *at, uint16_t value)
{
	value = FED_LE16(value);
	memcpy(at, &value, sizeof(value));
}

static inline void
fed_store_le32(void *at, uint32_t value)
{
	value = FED_LE32(value);
	memcpy(at, &value, sizeof(value));
}

static inline void
fed_store_le64(void *at, uint64_t value)
{
	value = FED_LE64(value);
	memcpy(at, &value, sizeof(value));
}

#endif							/* FED_CORE_MODEL_BYTEORDER_H */
