/*
 * encoding_test.c
 *		Encodings byte by byte: both directions, and what is refused.
 */
#include "levels.h"

#include "core/encoding/encoding.h"
#include "core/kernels/halffloat.h"

/* One value in the bytes that encoding.h gives for it. */
typedef struct Example
{
	FedEncoding encoding;
	float		value;
	uint8_t		bytes[4];
} Example;

static const Example examples[] = {
	{FED_ENCODING_F32, 1.0f, {0x00, 0x00, 0x80, 0x3f}},
	{FED_ENCODING_F32, -2.5f, {0x00, 0x00, 0x20, 0xc0}},
	{FED_ENCODING_F32, FLT_MAX, {0xff, 0xff, 0x7f, 0x7f}},
	{FED_ENCODING_F32, 0x1p-149f, {0x01, 0x00, 0x00, 0x00}},
	{FED_ENCODING_F32, -0.0f, {0x00, 0x00, 0x00, 0x80}},
	{FED_ENCODING_F16, 1.0f, {0x00, 0x3c}},
	{FED_ENCODING_F16, -2.5f, {0x00, 0xc1}},
	{FED_ENCODING_F16, 65504.0f, {0xff, 0x7b}},
	{FED_ENCODING_F16, 0x1p-24f, {0x01, 0x00}},
	{FED_ENCODING_F16, -0.0f, {0x00, 0x80}},
	{FED_ENCODING_BF16, 1.0f, {0x80, 0x3f}},
	{FED_ENCODING_BF16, -2.5f, {0x20, 0xc0}},
	{FED_ENCODING_BF16, 0x1.fep127f, {0x7f, 0x7f}},
	{FED_ENCODING_BF16, 0x1p-133f, {0x01, 0x00}},
	{FED_ENCODING_BF16, -0.0f, {0x00, 0x80}}
};

static size_t
length_of(FedEncoding encoding, size_t n_values)
{
	size_t		bytes = 0;

	assert_true(fed_encoded_length(encoding, n_values, &bytes));
	return bytes;
}

/* len bytes in a block of their own, at an odd address. */
static uint8_t *
new_bytes(size_t len)
{
	uint8_t    *block = malloc(len + 1);

	assert_non_null(block);
	return block + 1;
}

static void
free_bytes(uint8_t *bytes)
{
	free(bytes - 1);
}

static void
encodings_are_named(void **state)
{
	FedEncoding encoding = FED_ENCODING_BF16;

	(void) state;
	for (int i = 0; i < FED_ENCODINGS; i++)
	{
		assert_true(fed_encoding_parse(fed_encoding_name((FedEncoding) i), &encoding));
		assert_int_equal(encoding, i);
	}
	assert_false(fed_encoding_parse("", &encoding));
	assert_false(fed_encoding_parse("F16", &encoding));
	assert_false(fed_encoding_parse("f", &encoding));
	assert_int_equal(encoding, FED_ENCODINGS - 1);
	assert_string_equal(fed_encoding_name((FedEncoding) 99), "unknown");
}

static void
lengths_are_exact(void **state)
{
	size_t		bytes = 5;

	(void) state;
	assert_int_equal(length_of(FED_ENCODING_F32, 0), 0);
	assert_int_equal(length_of(FED_ENCODING_F32, 2016), 8064);
	assert_int_equal(length_of(FED_ENCODING_F16, 2016), 4032);
	assert_int_equal(length_of(FED_ENCODING_BF16, 3), 6);
	assert_int_equal(length_of(FED_ENCODING_F32, SIZE_MAX / 4), SIZE_MAX / 4 * 4);
	assert_false(fed_encoded_length(FED_ENCODING_F32, SIZE_MAX / 4 + 1, &bytes));
	assert_false(fed_encoded_length(FED_ENCODING_F16, SIZE_MAX, &bytes));
	assert_int_equal(bytes, 5);
}

static void
examples_have_their_bytes(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(examples); i++)
	{
		const Example *e = &examples[i];
		size_t		len = length_of(e->encoding, 1);
		uint8_t		bytes[4];
		float		value;
		size_t		bad;

		assert_int_equal(fed_encode(e->encoding, &e->value, 1, bytes), 1);
		assert_memory_equal(bytes, e->bytes, len);
		assert_int_equal(fed_decode(e->encoding, e->bytes, len, &value, 1, &bad), FED_DECODE_OK);
		assert_int_equal(bits_of_float(value), bits_of_float(e->value));
	}
}

/* Every half there is, at every place of a vector. */
static void
check_every_half(const FedKernels *kernels, uint64_t *random)
{
	size_t		n = 65536 + 5;
	uint8_t    *bytes = new_bytes(2 * n);
	Floats		out = new_floats(random, MIX_SMALL, n);

	for (size_t shift = 0; shift < 16; shift++)
	{
		for (size_t i = 0; i < n; i++)
		{
			bytes[2 * i] = (uint8_t) (i + shift);
			bytes[2 * i + 1] = (uint8_t) ((i + shift) >> 8);
		}
		kernels->decode_f16(out.values, bytes, n);
		for (size_t i = 0; i < n; i++)
			assert_same_float(out.values[i],
							  float_of_bits(fed_f16_to_f32_bits((uint16_t) (i + shift))));
		kernels->decode_bf16(out.values, bytes, n);
		for (size_t i = 0; i < n; i++)
			assert_same_float(out.values[i],
							  float_of_bits(fed_bf16_to_f32_bits((uint16_t) (i + shift))));
	}
	free(out.block);
	free_bytes(bytes);
}

static void
every_half_decodes(void **state)
{
	(void) state;
	on_every_level(check_every_half);
}

/* Any bits at any length, shorter than a vector and with every tail. */
static void
check_short_decodes(const FedKernels *kernels, uint64_t *random)
{
	for (size_t n = 0; n <= 150; n++)
	{
		uint8_t    *bytes = new_bytes(2 * n);
		Floats		f16 = new_floats(random, MIX_SMALL, n);
		Floats		bf16 = new_floats(random, MIX_SMALL, n);

		fill_random(random, bytes, 2 * n);
		kernels->decode_f16(f16.values, bytes, n);
		kernels->decode_bf16(bf16.values, bytes, n);
		for (size_t i = 0; i < n; i++)
		{
			uint16_t	half = (uint16_t) (bytes[2 * i] | bytes[2 * i + 1] << 8);

			assert_same_float(f16.values[i], float_of_bits(fed_f16_to_f32_bits(half)));
			assert_same_float(bf16.values[i], float_of_bits(fed_bf16_to_f32_bits(half)));
		}
		free(f16.block);
		free(bf16.block);
		free_bytes(bytes);
	}
}

static void
every_length_decodes(void **state)
{
	(void) state;
	on_every_level(check_short_decodes);
}

/* A value without a fraction that f16 lacks, so that it comes back. */
static float
narrow_value(uint64_t *random)
{
	return (float) (int) (next_random(random) % 255) - 127.0f;
}

static void
check_round_trip(const FedKernels *kernels, uint64_t *random)
{
	(void) kernels;
	for (int e = 0; e < FED_ENCODINGS; e++)
	{
		for (size_t n = 0; n <= 100; n++)
		{
			size_t		len = length_of((FedEncoding) e, n);
			uint8_t    *bytes = new_bytes(len);
			Floats		in = new_floats(random, MIX_SMALL, n);
			Floats		out = new_floats(random, MIX_SMALL, n);
			size_t		bad = 77;

			for (size_t i = 0; i < n; i++)
				in.values[i] = narrow_value(random);
			assert_int_equal(fed_encode((FedEncoding) e, in.values, n, bytes), n);
			assert_int_equal(fed_decode((FedEncoding) e, bytes, len, out.values, n, &bad), FED_DECODE_OK);
			assert_int_equal(bad, 77);
			assert_int_equal(memcmp(in.values, out.values, n * sizeof(float)), 0);
			memset(out.values, 1, n * sizeof(float));
			fed_decode_plain((FedEncoding) e, bytes, out.values, n);
			assert_int_equal(memcmp(in.values, out.values, n * sizeof(float)), 0);
			free(in.block);
			free(out.block);
			free_bytes(bytes);
		}
	}
}

static void
encoded_values_come_back(void **state)
{
	(void) state;
	on_every_level(check_round_trip);
}

static void
encoding_rounds_to_nearest_even(void **state)
{
	uint64_t	random = 42;
	size_t		n = 5000;

	(void) state;
	for (int mix = 0; mix < MIXES; mix++)
	{
		Floats		in = new_floats(&random, (Mix) mix, n);
		uint8_t    *bytes = new_bytes(2 * n);

		fed_encode(FED_ENCODING_F16, in.values, n, bytes);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(bytes[2 * i] | bytes[2 * i + 1] << 8,
							 fed_f32_bits_to_f16(bits_of_float(in.values[i])));
		fed_encode(FED_ENCODING_BF16, in.values, n, bytes);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(bytes[2 * i] | bytes[2 * i + 1] << 8,
							 fed_f32_bits_to_bf16(bits_of_float(in.values[i])));
		free(in.block);
		free_bytes(bytes);
	}
}

/* Around every value that a half has and every tie between two: the loops and halffloat.c agree. */
static void
encoding_agrees_with_one_value_at_a_time(void **state)
{
	static const uint32_t below[] = {0, 1, 0x0fff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001};
	float		values[1 << 11];
	uint8_t		f16[2 * LENGTH(values)];
	uint8_t		bf16[2 * LENGTH(values)];

	(void) state;
	for (uint32_t top = 0; top < 1u << 19; top += LENGTH(values) / LENGTH(below))
	{
		for (uint32_t i = 0; i < LENGTH(values); i++)
		{
			uint32_t	bits = ((top + i / LENGTH(below)) << 13) ^ below[i % LENGTH(below)];

			memcpy(values + i, &bits, sizeof(bits));
		}
		fed_encode(FED_ENCODING_F16, values, LENGTH(values), f16);
		fed_encode(FED_ENCODING_BF16, values, LENGTH(values), bf16);
		for (uint32_t i = 0; i < LENGTH(values); i++)
		{
			uint32_t	bits = bits_of_float(values[i]);

			assert_int_equal(f16[2 * i] | f16[2 * i + 1] << 8, fed_f32_bits_to_f16(bits));
			assert_int_equal(bf16[2 * i] | bf16[2 * i + 1] << 8, fed_f32_bits_to_bf16(bits));
		}
	}
}

static void
encoding_finds_the_first_that_does_not_fit(void **state)
{
	static const size_t places[] = {0, 1023, 1024, 2047, 2999};
	float		values[3000] = {0};
	uint8_t		bytes[4 * LENGTH(values)];

	(void) state;
	for (int e = 0; e < FED_ENCODINGS; e++)
	{
		for (size_t i = LENGTH(places); i-- > 0;)
		{
			values[places[i]] = INFINITY;
			assert_int_equal(fed_encode((FedEncoding) e, values, LENGTH(values), bytes), places[i]);
		}
		memset(values, 0, sizeof(values));
	}
}

static void
encoding_reports_what_does_not_fit(void **state)
{
	float		values[] = {1, 65519.996f, 65520.0f, FLT_MAX, INFINITY, NAN};
	uint8_t		bytes[4 * LENGTH(values)];

	(void) state;
	assert_int_equal(fed_encode(FED_ENCODING_F16, values, 2, bytes), 2);
	assert_int_equal(fed_encode(FED_ENCODING_F16, values, 6, bytes), 2);
	assert_int_equal(fed_encode(FED_ENCODING_BF16, values, 3, bytes), 3);
	assert_int_equal(fed_encode(FED_ENCODING_BF16, values, 6, bytes), 3);
	assert_int_equal(fed_encode(FED_ENCODING_F32, values, 4, bytes), 4);
	assert_int_equal(fed_encode(FED_ENCODING_F32, values, 6, bytes), 4);
	assert_int_equal(fed_encode(FED_ENCODING_F32, values + 5, 1, bytes), 0);
}

static void
wrong_lengths_are_refused(void **state)
{
	uint8_t		bytes[40] = {0};
	float		out[10] = {7};
	size_t		bad = 77;

	(void) state;
	for (size_t len = 0; len <= sizeof(bytes); len++)
	{
		if (len != 36)
			assert_int_equal(fed_decode(FED_ENCODING_F32, bytes, len, out, 9, &bad), FED_DECODE_LENGTH);
		if (len != 18)
		{
			assert_int_equal(fed_decode(FED_ENCODING_F16, bytes, len, out, 9, &bad), FED_DECODE_LENGTH);
			assert_int_equal(fed_decode(FED_ENCODING_BF16, bytes, len, out, 9, &bad), FED_DECODE_LENGTH);
		}
	}

	/* A number of values whose length wraps around to one that is there. */
	assert_int_equal(fed_decode(FED_ENCODING_F32, bytes, 4, out, SIZE_MAX / 4 + 2, &bad),
					 FED_DECODE_LENGTH);
	assert_true(out[0] == 7);
	assert_int_equal(bad, 77);
}

static void
check_nonfinite(const FedKernels *kernels, uint64_t *random)
{
	static const float wrong[] = {INFINITY, -INFINITY, NAN};

	(void) kernels;
	(void) random;
	for (int e = 0; e < FED_ENCODINGS; e++)
	{
		for (size_t at = 0; at < 70; at++)
		{
			float		values[70] = {0};
			float		out[70];
			uint8_t		bytes[4 * LENGTH(values)];
			size_t		len = length_of((FedEncoding) e, LENGTH(values));
			size_t		bad = 77;

			values[at] = wrong[at % 3];
			values[69] = NAN;
			assert_int_equal(fed_encode((FedEncoding) e, values, LENGTH(values), bytes), at);
			assert_int_equal(fed_decode((FedEncoding) e, bytes, len, out, LENGTH(values), &bad),
							 FED_DECODE_NONFINITE);
			assert_int_equal(bad, at);
		}
	}
}

static void
nonfinite_values_are_found(void **state)
{
	(void) state;
	on_every_level(check_nonfinite);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_are_named),
		cmocka_unit_test(lengths_are_exact),
		cmocka_unit_test(examples_have_their_bytes),
		cmocka_unit_test(every_half_decodes),
		cmocka_unit_test(every_length_decodes),
		cmocka_unit_test(encoded_values_come_back),
		cmocka_unit_test(encoding_rounds_to_nearest_even),
		cmocka_unit_test(encoding_agrees_with_one_value_at_a_time),
		cmocka_unit_test(encoding_finds_the_first_that_does_not_fit),
		cmocka_unit_test(encoding_reports_what_does_not_fit),
		cmocka_unit_test(wrong_lengths_are_refused),
		cmocka_unit_test(nonfinite_values_are_found)
	};

	return RUN_TESTS(tests);
}
