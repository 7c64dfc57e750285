/*
 * halffloat_test.c
 *		Half floats: every value, and every place where rounding turns.
 *
 * The reference is arithmetic in double, which holds every f16, bf16 and the
 * midpoint of any two neighbours exactly.
 */
#include "support.h"

#include <math.h>

#include "core/kernels/halffloat.h"

/* The value of a finite half by its definition. */
static double
f16_value(uint16_t half)
{
	int			exponent = half >> 10 & 31;
	double		fraction = (half & 1023) / 1024.0;
	double		magnitude = exponent == 0 ? ldexp(fraction, -14)
		: ldexp(1 + fraction, exponent - 15);

	return half & 0x8000 ? -magnitude : magnitude;
}

static void
f16_decodes_every_value(void **state)
{
	(void) state;
	for (uint32_t h = 0; h < 65536; h++)
	{
		float		value = float_of_bits(fed_f16_to_f32_bits((uint16_t) h));

		if ((h & 0x7fff) > 0x7c00)
			assert_true(isnan(value));
		else if ((h & 0x7fff) == 0x7c00)
			assert_true(value == (h & 0x8000 ? -INFINITY : INFINITY));
		else
			assert_true(value == f16_value((uint16_t) h));
		assert_int_equal(signbit(value) != 0, h >> 15);
	}
}

static void
f16_round_trips_every_value(void **state)
{
	(void) state;
	for (uint32_t h = 0; h < 65536; h++)
		assert_int_equal(fed_f32_bits_to_f16(fed_f16_to_f32_bits((uint16_t) h)), h);
}

static void
bf16_round_trips_every_value(void **state)
{
	(void) state;
	for (uint32_t h = 0; h < 65536; h++)
	{
		assert_int_equal(fed_bf16_to_f32_bits((uint16_t) h), h << 16);
		assert_int_equal(fed_f32_bits_to_bf16(h << 16), h);
	}
}

/* x lies between the neighbours low and low + 1; mid is halfway. */
static uint32_t
nearest_even(double x, double mid, uint32_t low)
{
	if (x == mid)
		return low + (low & 1);
	return x < mid ? low : low + 1;
}

static void
f16_rounds_to_nearest_even(void **state)
{
	(void) state;

	/* 0x7c00, infinity, stands in as the neighbour 65536 of the largest. */
	for (uint32_t low = 0; low < 0x7c00; low++)
	{
		double		above = low == 0x7bff ? 65536 : f16_value((uint16_t) (low + 1));
		double		mid = (f16_value((uint16_t) low) + above) / 2;
		uint32_t	mid_bits = bits_of_float((float) mid);

		assert_true((double) (float) mid == mid);
		for (int step = -2; step <= 2; step++)
		{
			uint32_t	bits = mid_bits + (uint32_t) step;
			uint32_t	expected = nearest_even(float_of_bits(bits), mid, low);

			assert_int_equal(fed_f32_bits_to_f16(bits), expected);
			assert_int_equal(fed_f32_bits_to_f16(bits | 0x80000000u),
							 expected | 0x8000);
		}
	}
}

static void
bf16_rounds_to_nearest_even(void **state)
{
	(void) state;
	for (uint32_t low = 0; low < 0x7f80; low++)
	{
		static const uint32_t lower_halves[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};

		for (size_t i = 0; i < LENGTH(lower_halves); i++)
		{
			uint32_t	bits = low << 16 | lower_halves[i];
			uint32_t	expected = nearest_even(lower_halves[i], 0x8000, low);

			assert_int_equal(fed_f32_bits_to_bf16(bits), expected);
			assert_int_equal(fed_f32_bits_to_bf16(bits | 0x80000000u),
							 expected | 0x8000);
		}
	}
}

static void
nan_stays_nan(void **state)
{
	(void) state;

	/* Each bit of the payload alone, the lowest ones do not fit. */
	for (int bit = 0; bit < 23; bit++)
	{
		uint32_t	nan = 0x7f800000u | 1u << bit;

		assert_true((fed_f32_bits_to_f16(nan) & 0x7fff) > 0x7c00);
		assert_true((fed_f32_bits_to_bf16(nan) & 0x7fff) > 0x7f80);
		assert_true((fed_f32_bits_to_f16(nan | 0x80000000u)) > 0xfc00);
		assert_true((fed_f32_bits_to_bf16(nan | 0x80000000u)) > 0xff80);
	}
	assert_true(fed_f32_bits_to_f16(0xffffffffu) == 0xffff);
	assert_true(fed_f32_bits_to_bf16(0xffffffffu) == 0xffff);
}

static void
overflow_goes_to_infinity(void **state)
{
	(void) state;
	assert_int_equal(fed_f32_bits_to_f16(bits_of_float(65519.996f)), 0x7bff);
	assert_int_equal(fed_f32_bits_to_f16(bits_of_float(65520)), 0x7c00);
	assert_int_equal(fed_f32_bits_to_f16(bits_of_float(1e38f)), 0x7c00);
	assert_int_equal(fed_f32_bits_to_f16(bits_of_float(-INFINITY)), 0xfc00);
	assert_int_equal(fed_f32_bits_to_bf16(0x7f7fffffu), 0x7f80);
	assert_int_equal(fed_f32_bits_to_bf16(bits_of_float(INFINITY)), 0x7f80);
	assert_int_equal(fed_f32_bits_to_f16(1), 0);
	assert_int_equal(fed_f32_bits_to_f16(0x80000001u), 0x8000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f16_decodes_every_value),
		cmocka_unit_test(f16_round_trips_every_value),
		cmocka_unit_test(bf16_round_trips_every_value),
		cmocka_unit_test(f16_rounds_to_nearest_even),
		cmocka_unit_test(bf16_rounds_to_nearest_even),
		cmocka_unit_test(nan_stays_nan),
		cmocka_unit_test(overflow_goes_to_infinity)
	};

	return RUN_TESTS(tests);
}
