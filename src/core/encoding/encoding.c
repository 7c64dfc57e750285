/*
 * encoding.c
 *		What encodings are called, how long they are, and how values become one.
 */
#include "core/encoding/encoding.h"

#include <string.h>

#include "core/kernels/halffloat.h"
#include "core/model/byteorder.h"

static const struct
{
	const char *name;
	size_t		value_bytes;
}			encodings[FED_ENCODINGS] = {
	[FED_ENCODING_F32] = {"f32", 4},
	[FED_ENCODING_F16] = {"f16", 2},
	[FED_ENCODING_BF16] = {"bf16", 2}
};

const char *
fed_encoding_name(FedEncoding encoding)
{
	if ((unsigned) encoding >= FED_ENCODINGS)
		return "unknown";
	return encodings[encoding].name;
}

bool
fed_encoding_parse(const char *name, FedEncoding *out)
{
	for (int i = 0; i < FED_ENCODINGS; i++)
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

	if ((unsigned) encoding >= FED_ENCODINGS)
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

/* Writes one value; whether what was written is finite. */
static bool
encode_value(FedEncoding encoding, float value, uint8_t *out)
{
	uint32_t	bits = bits_of(value);
	uint16_t	half;

	switch (encoding)
	{
		case FED_ENCODING_F16:
			half = fed_f32_bits_to_f16(bits);
			fed_store_le16(out, half);
			return (half & 0x7c00u) != 0x7c00u;
		case FED_ENCODING_BF16:
			half = fed_f32_bits_to_bf16(bits);
			fed_store_le16(out, half);
			return (half & 0x7f80u) != 0x7f80u;
		default:				/* FED_ENCODING_F32 */
			fed_store_le32(out, bits);
			return (bits & 0x7f800000u) != 0x7f800000u;
	}
}

size_t
fed_encode(FedEncoding encoding, const float *values, size_t n_values,
		   uint8_t *out)
{
	size_t		value_bytes = encodings[encoding].value_bytes;
	size_t		bad = n_values;

	for (size_t i = n_values; i-- > 0;)
	{
		if (!encode_value(encoding, values[i], out + i * value_bytes))
			bad = i;
	}
	return bad;
}
