/*
 * encoding.c
 *		What encodings are called, how long they are, and how values become one
 *		and are read again.
 */
#include "core/encoding/encoding.h"

#include <string.h>

#include "core/kernels/halffloat.h"
#include "core/model/byteorder.h"

static const struct
{
	const char *name;
	size_t		value_bytes;
}			encodings[] = {
	[FED_ENCODING_F32] = {"f32", 4},
	[FED_ENCODING_F16] = {"f16", 2},
	[FED_ENCODING_BF16] = {"bf16", 2},
	[FED_ENCODING_UINT32] = {"uint32", 4}
};

#define NAMED (sizeof(encodings) / sizeof(encodings[0]))

const char *
fed_encoding_name(FedEncoding encoding)
{
	if ((unsigned) encoding >= NAMED)
		return "unknown";
	return encodings[encoding].name;
}

bool
fed_encoding_parse(const char *name, FedEncoding *out)
{
	for (unsigned i = 0; i < NAMED; i++)
	{
		if (strcmp(name, encodings[i].name) == 0)
		{
			*out = (FedEncoding) i;
			return true;
		}
	}
	return false;
}

bool
fed_encoded_length(FedEncoding encoding, size_t n_values, size_t *bytes)
{
	size_t		value_bytes;

	if ((unsigned) encoding >= NAMED)
		return false;
	value_bytes = encodings[encoding].value_bytes;
	if (n_values > SIZE_MAX / value_bytes)
		return false;
	*bytes = n_values * value_bytes;
	return true;
}

static uint32_t
bits_of(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float
float_of(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Past the floating point unit, which might quieten a NaN. */
static void
store_float(float *out, uint32_t bits)
{
	memcpy(out, &bits, sizeof(bits));
}

/* All ones or all zeroes: masks instead of branches, so that the loops become vectors. */
static inline uint32_t
mask_of(int condition)
{
	return (uint32_t) -condition;
}

/*
 * What fed_f32_bits_to_f16 does, which has it step by step. Magnitudes are
 * below 2^31: compared with their sign, for which more CPUs have an instruction.
 */
static inline uint32_t
f16_of(uint32_t bits)
{
	uint32_t	magnitude = bits & 0x7fffffffu;
	uint32_t	is_nan = mask_of((int32_t) magnitude > 0x7f800000);
	uint32_t	is_large = mask_of((int32_t) magnitude >= 0x47800000);	/* 2^16 */
	uint32_t	is_small = mask_of((int32_t) magnitude < 0x38800000);	/* 2^-14 */
	uint32_t	capped = (magnitude & ~is_large) | (0x47800000u & is_large);
	uint32_t	normal = (capped - (112u << 23) + 0x0fffu + (capped >> 13 & 1)) >> 13;
	uint32_t	payload = magnitude >> 13 & 0x03ffu;
	uint32_t	quiet = 0x0200u & mask_of(payload == 0);

	/* At 0.5 a float32 counts units of 2^-24: the addition rounds to them. */
	uint32_t	small = bits_of(float_of(magnitude & is_small) + 0.5f) - 0x3f000000u;

	return (bits >> 16 & 0x8000u) | (normal & ~is_small) | (small & is_small) | ((payload | quiet) & is_nan);
}

static inline uint32_t
bf16_of(uint32_t bits)
{
	uint32_t	is_nan = mask_of((int32_t) (bits & 0x7fffffffu) > 0x7f800000);
	uint32_t	quiet = 0x0040u & mask_of((bits & 0x007f0000u) == 0);

	return (((bits + 0x7fffu + (bits >> 16 & 1)) >> 16) & ~is_nan) | ((bits >> 16 | quiet) & is_nan);
}

/* Each writes n values and tells whether all that it wrote are finite. */

static bool
encode_f32(const float *values, size_t n, uint8_t *out)
{
	uint32_t	bad = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	bits = bits_of(values[i]);

		fed_store_le32(out + 4 * i, bits);
		bad |= mask_of((bits & 0x7f800000u) == 0x7f800000u);
	}
	return bad == 0;
}

static bool
encode_f16(const float *values, size_t n, uint8_t *out)
{
	uint32_t	bad = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	half = f16_of(bits_of(values[i]));

		fed_store_le16(out + 2 * i, (uint16_t) half);
		bad |= mask_of((half & 0x7c00u) == 0x7c00u);
	}
	return bad == 0;
}

static bool
encode_bf16(const float *values, size_t n, uint8_t *out)
{
	uint32_t	bad = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint32_t	half = bf16_of(bits_of(values[i]));

		fed_store_le16(out + 2 * i, (uint16_t) half);
		bad |= mask_of((half & 0x7f80u) == 0x7f80u);
	}
	return bad == 0;
}

static bool
encode_block(FedEncoding encoding, const float *values, size_t n, uint8_t *out)
{
	switch (encoding)
	{
		case FED_ENCODING_F16:
			return encode_f16(values, n, out);
		case FED_ENCODING_BF16:
			return encode_bf16(values, n, out);
		default:				/* FED_ENCODING_F32 */
			return encode_f32(values, n, out);
	}
}

/* Where a value is not finite is looked for only in a block that has one. */
#define BLOCK 1024

size_t
fed_encode(FedEncoding encoding, const float *values, size_t n_values,
		   uint8_t *out)
{
	size_t		value_bytes = encodings[encoding].value_bytes;
	size_t		bad = n_values;

	for (size_t i = 0; i < n_values; i += BLOCK)
	{
		size_t		n = n_values - i < BLOCK ? n_values - i : BLOCK;

		if (encode_block(encoding, values + i, n, out + i * value_bytes) || bad < n_values)
			continue;
		for (bad = i; encode_block(encoding, values + bad, 1, out + bad * value_bytes);)
			bad++;
	}
	return bad;
}

void
fed_decode_plain(FedEncoding encoding, const uint8_t *bytes, float *out,
				 size_t n_values)
{
	switch (encoding)
	{
		case FED_ENCODING_F16:
			for (size_t i = 0; i < n_values; i++)
				store_float(out + i, fed_f16_to_f32_bits(fed_load_le16(bytes + 2 * i)));
			break;
		case FED_ENCODING_BF16:
			for (size_t i = 0; i < n_values; i++)
				store_float(out + i, fed_bf16_to_f32_bits(fed_load_le16(bytes + 2 * i)));
			break;
		default:				/* FED_ENCODING_F32 */
			for (size_t i = 0; i < n_values; i++)
				store_float(out + i, fed_load_le32(bytes + 4 * i));
			break;
	}
}
