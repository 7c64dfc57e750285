/*
 * halffloat.c
 *		Conversions between float32 and its two 16-bit relatives.
 *
 * Rounding adds just less than half a unit of the last place kept, plus one if
 * that place is odd, and cuts; a carry out of the fraction runs into the
 * exponent, which is what it should do, up to infinity.
 */
#include "core/kernels/halffloat.h"

#define F32_SIGN 0x80000000u
#define F32_INFINITY 0x7f800000u
#define F32_HIDDEN_BIT 0x00800000u
#define F32_FRACTION 0x007fffffu

#define F16_INFINITY 0x7c00u
#define F16_FRACTION 0x03ffu
#define F16_QUIET 0x0200u

#define BF16_QUIET 0x0040u

#define FRACTION_CUT 13			/* float32's 23 fraction bits to f16's 10 */
#define BIAS_GAP 112			/* float32's exponent bias less f16's */

/* value / 2^shift, rounded to nearest, ties to even; shift is 1 .. 31. */
static uint32_t
shift_rounding(uint32_t value, unsigned shift)
{
	uint32_t	odd = value >> shift & 1;

	return (value + (1u << (shift - 1)) - 1 + odd) >> shift;
}

uint32_t
fed_f16_to_f32_bits(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000u) << 16;
	uint32_t	exponent = (uint32_t) half >> 10 & 31;
	uint32_t	fraction = half & F16_FRACTION;

	if (exponent == 31)
		return sign | F32_INFINITY | fraction << FRACTION_CUT;
	if (exponent != 0)
		return sign | (exponent + BIAS_GAP) << 23 | fraction << FRACTION_CUT;
	if (fraction == 0)
		return sign;

	/* A subnormal half is a normal float32: move its first bit to the top. */
	exponent = BIAS_GAP + 1;
	while ((fraction & (F16_FRACTION + 1)) == 0)
	{
		fraction <<= 1;
		exponent--;
	}
	return sign | exponent << 23 | (fraction & F16_FRACTION) << FRACTION_CUT;
}

uint16_t
fed_f32_bits_to_f16(uint32_t bits)
{
	uint32_t	sign = (bits & F32_SIGN) >> 16;
	uint32_t	magnitude = bits & ~F32_SIGN;
	uint32_t	exponent = magnitude >> 23;

	if (magnitude > F32_INFINITY)
	{
		uint32_t	payload = (magnitude & F32_FRACTION) >> FRACTION_CUT;

		/* An empty fraction would say infinity. */
		return (uint16_t) (sign | F16_INFINITY |
						   (payload != 0 ? payload : F16_QUIET));
	}

	/* From 2^16 on, infinity; 65520 .. 65536 round up to it by the carry. */
	if (exponent >= BIAS_GAP + 31)
		return (uint16_t) (sign | F16_INFINITY);
	if (exponent > BIAS_GAP)
		return (uint16_t) (sign | shift_rounding(magnitude - ((uint32_t) BIAS_GAP << 23), FRACTION_CUT));

	/* Below 2^-25 not even half of the smallest subnormal, 2^-24. */
	if (exponent < BIAS_GAP - 10)
		return (uint16_t) sign;
	return (uint16_t) (sign | shift_rounding((magnitude & F32_FRACTION) | F32_HIDDEN_BIT,
											 FRACTION_CUT + 1 + BIAS_GAP - exponent));
}

uint32_t
fed_bf16_to_f32_bits(uint16_t half)
{
	return (uint32_t) half << 16;
}

uint16_t
fed_f32_bits_to_bf16(uint32_t bits)
{
	if ((bits & ~F32_SIGN) > F32_INFINITY)
	{
		uint32_t	half = bits >> 16;

		return (uint16_t) ((half & 0x7f) != 0 ? half : half | BF16_QUIET);
	}
	return (uint16_t) shift_rounding(bits, 16);
}
