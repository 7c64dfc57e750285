/*
 * arrival_body.h
 *		What every value that arrives goes through: made float32, and looked at;
 *		see kernels_body.h.
 *
 * The decoders have no branches, so that the compiler turns them into vectors
 * of the level. They give the bits of halffloat.h, but that some CPUs set a
 * NaN's quiet bit.
 */
#include "core/model/byteorder.h"

/* float32's exponent bias less f16's. */
#define F16_BIAS_GAP 112

/*
 * The bits of the float32 that equals half; halffloat.c has it step by step.
 * Masks instead of choices: a compiler does not compute both floating point
 * results of a choice to throw one away.
 */
INLINE uint32_t
f16_bits(uint32_t half)
{
	uint32_t	magnitude = half & 0x7fffu;
	uint32_t	is_subnormal = (uint32_t) -(int32_t) (magnitude < 0x0400u);
	uint32_t	is_special = (uint32_t) -(int32_t) (magnitude >= 0x7c00u);
	uint32_t	bias = F16_BIAS_GAP + (F16_BIAS_GAP & is_special);
	uint32_t	normal = (magnitude << 13) + (bias << 23);

	/* Subnormals, zero among them, count units of 2^-24: exact as float32. */
	float		units = (float) (int32_t) (magnitude & is_subnormal) * 0x1p-24f;
	uint32_t	subnormal;

	memcpy(&subnormal, &units, sizeof(subnormal));
	return (half & 0x8000u) << 16 | (normal & ~is_subnormal) | subnormal;
}

TARGET static void
decode_f16(float *out, const uint8_t *bytes, size_t n_values)
{
	size_t		i = 0;

#ifdef F16_BLOCK
	for (; i + F16_BLOCK <= n_values; i += F16_BLOCK)
		F16_BLOCK_DECODE(out + i, bytes + 2 * i);
#endif
	for (; i < n_values; i++)
	{
		uint32_t	bits = f16_bits(fed_load_le16(bytes + 2 * i));

		memcpy(out + i, &bits, sizeof(bits));
	}
}

TARGET static void
decode_bf16(float *out, const uint8_t *bytes, size_t n_values)
{
	for (size_t i = 0; i < n_values; i++)
	{
		uint32_t	bits = (uint32_t) fed_load_le16(bytes + 2 * i) << 16;

		memcpy(out + i, &bits, sizeof(bits));
	}
}

TARGET static size_t
first_nonfinite(const float *values, size_t n_values)
{
	size_t		i = 0;

	while (i + FLT_BLOCK <= n_values && FLT_BLOCK_FINITE(values + i))
		i += FLT_BLOCK;
	for (; i < n_values; i++)
	{
		uint32_t	bits;

		memcpy(&bits, values + i, sizeof(bits));
		if ((bits & 0x7f800000u) == 0x7f800000u)
			break;
	}
	return i;
}
