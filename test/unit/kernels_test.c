/*
 * kernels_test.c
 *		Every SIMD level this machine has gives the bits of the definition.
 *
 * The sums and the steps; pairs, order statistics and encodings have tests of
 * their own.
 */
#include "levels.h"

#define MAX_STREAMS 1000

/* A page, its neighbours, and a length beyond every stride. */
static const size_t long_lengths[] = {127, 128, 129, 255, 1000, 2015, 2016, 2017, 5000};
static const size_t stream_counts[] = {0, 1, 2, 3, 15, 16, 17, 32, 33, 100};

static void
sum_once(const FedKernels *kernels, uint64_t *random, Mix mix,
		 size_t n_streams, size_t n)
{
	Floats		streams[MAX_STREAMS];
	const float *pointers[MAX_STREAMS];
	double		weights[MAX_STREAMS];
	double	   *acc = new_doubles(random, mix, n);
	double	   *expected = malloc((n + 1) * sizeof(double));

	for (size_t k = 0; k < n_streams; k++)
	{
		streams[k] = new_floats(random, mix, n);
		pointers[k] = streams[k].values;
		weights[k] = random_double(random, mix);
	}
	for (size_t i = 0; i < n; i++)
	{
		double		sum = acc[i];

		for (size_t k = 0; k < n_streams; k++)
		{
			double		product = weights[k] * (double) pointers[k][i];

			sum = sum + product;
		}
		expected[i] = sum;
	}

	kernels->weighted_sum(acc, pointers, weights, n_streams, n);
	for (size_t i = 0; i < n; i++)
		assert_same_double(acc[i], expected[i]);

	for (size_t k = 0; k < n_streams; k++)
		free(streams[k].block);
	free(expected);
	free(acc);
}

static void
check_weighted_sum(const FedKernels *kernels, uint64_t *random)
{
	for (size_t s = 0; s < LENGTH(stream_counts); s++)
	{
		for (size_t n = 0; n <= 70; n++)
			sum_once(kernels, random, (Mix) (n % MIXES), stream_counts[s], n);
		for (size_t i = 0; i < LENGTH(long_lengths); i++)
			sum_once(kernels, random, (Mix) (i % MIXES), stream_counts[s],
					 long_lengths[i]);
	}
	for (int mix = 0; mix < MIXES; mix++)
	{
		for (size_t n = 0; n <= 70; n++)
			sum_once(kernels, random, (Mix) mix, 3, n);
	}

	/* Many groups of streams, the last of them not full. */
	sum_once(kernels, random, MIX_SMALL, 1000, 2017);
	sum_once(kernels, random, MIX_EXTREME, 999, 67);
	sum_once(kernels, random, MIX_TIED, 1000, 1);
}

static void
weighted_sum_same_bits(void **state)
{
	(void) state;
	on_every_level(check_weighted_sum);
}

/*
 * Integers in, integers out. Every other scale is one whose products are
 * halfway between integers, or nearly so: trunc and any rounding differ there.
 */
static void
clipped_once(const FedKernels *kernels, uint64_t *random, Mix mix,
			 size_t n_streams, size_t n)
{
	Floats		streams[MAX_STREAMS];
	const float *pointers[MAX_STREAMS];
	double		scales[MAX_STREAMS];
	double	   *acc = malloc((n + 1) * sizeof(double));
	double	   *expected = malloc((n + 1) * sizeof(double));

	for (size_t k = 0; k < n_streams; k++)
	{
		streams[k] = new_floats(random, mix, n);
		pointers[k] = streams[k].values;
		scales[k] = k % 2 ? 0.5 : fabs(random_double(random, mix));
	}
	for (size_t i = 0; i < n; i++)
	{
		expected[i] = acc[i] = (double) ((int64_t) next_random(random) >> 12);
		for (size_t k = 0; k < n_streams; k++)
			expected[i] += trunc(scales[k] * (double) pointers[k][i]);
	}

	kernels->clipped_sum(acc, pointers, scales, n_streams, n);
	for (size_t i = 0; i < n; i++)
		assert_same_double(acc[i], expected[i]);

	for (size_t k = 0; k < n_streams; k++)
		free(streams[k].block);
	free(expected);
	free(acc);
}

static void
check_clipped_sum(const FedKernels *kernels, uint64_t *random)
{
	for (size_t s = 0; s < LENGTH(stream_counts); s++)
	{
		for (size_t n = 0; n <= 70; n++)
			clipped_once(kernels, random, (Mix) (n % MIX_NONFINITE), stream_counts[s], n);
		for (size_t i = 0; i < LENGTH(long_lengths); i++)
			clipped_once(kernels, random, (Mix) (i % MIX_NONFINITE), stream_counts[s],
						 long_lengths[i]);
	}
	clipped_once(kernels, random, MIX_SMALL, 1000, 2017);
	clipped_once(kernels, random, MIX_TIED, 1000, 67);
}

static void
clipped_sum_same_bits(void **state)
{
	(void) state;
	on_every_level(check_clipped_sum);
}

/* Toward zero, whatever is near; each is scaled by 1, by 1/2 and by the largest scales. */
static void
check_truncation(const FedKernels *kernels, uint64_t *random)
{
	static const float near[] = {
		0.0f, -0.0f, 0.25f, 0.5f, 0.99999994f, 1.0f, 1.0000001f, 1.5f, 2.5f,
		3.9999998f, 8388607.5f, 8388608.0f, 16777215.0f, 0x1p52f, 0x1p60f,
		FLT_TRUE_MIN, FLT_MIN
	};
	static const double scales[] = {1, 0.5, 0x1p24, 1 - 0x1p-29, 0x1p-52, 0x1p-1074};

	(void) random;
	for (size_t s = 0; s < LENGTH(scales); s++)
	{
		float		values[4 * LENGTH(near)];
		const float *stream = values;
		double		acc[LENGTH(values)];

		for (size_t i = 0; i < LENGTH(values); i++)
		{
			values[i] = i % 2 ? -near[i / 4] : near[i / 4];
			acc[i] = 0;
		}
		kernels->clipped_sum(acc, &stream, &scales[s], 1, LENGTH(values));
		for (size_t i = 0; i < LENGTH(values); i++)
		{
			double		product = scales[s] * (double) values[i];

			assert_same_double(acc[i], product < 0 ? 0 - floor(-product) : floor(product) + 0);
			assert_true(fabs(acc[i]) <= fabs(product) && fabs(product) - fabs(acc[i]) < 1);
		}
	}
}

static void
clipped_sum_goes_toward_zero(void **state)
{
	(void) state;
	on_every_level(check_truncation);
}

/*
 * A product that a fused multiply-add would not round: the sum with its own
 * negation is the rounding error if fused, and 0 if not.
 */
static void
check_not_fused(const FedKernels *kernels, uint64_t *random)
{
	double		acc[200];
	float		values[200];
	float		deltas[200];
	double		weight = 1.0 / 3.0;
	const float *stream = values;

	(void) random;
	for (size_t i = 0; i < LENGTH(acc); i++)
	{
		values[i] = 1.1f + (float) i;
		acc[i] = -(weight * (double) values[i]);
	}
	kernels->weighted_sum(acc, &stream, &weight, 1, LENGTH(acc));
	for (size_t i = 0; i < LENGTH(acc); i++)
		assert_same_double(acc[i], 0);

	/* The same with acc = 3 and a base that is nearly -3 * rate. */
	for (size_t i = 0; i < LENGTH(acc); i++)
	{
		acc[i] = 3 + (double) i * 0x1p-50;
		values[i] = (float) -(weight * acc[i]);
	}
	kernels->apply_delta(deltas, values, acc, weight, LENGTH(acc));
	for (size_t i = 0; i < LENGTH(acc); i++)
	{
		double		step = weight * acc[i];

		assert_same_float(deltas[i], (float) (values[i] + step));
	}
}

static void
nothing_is_fused(void **state)
{
	(void) state;
	on_every_level(check_not_fused);
}

static void
apply_once(const FedKernels *kernels, uint64_t *random, Mix mix, size_t n)
{
	Floats		base = new_floats(random, mix, n);
	Floats		out = new_floats(random, MIX_SMALL, n);
	double	   *acc = new_doubles(random, mix, n);
	double		rate = random_double(random, mix);

	kernels->apply_delta(out.values, base.values, acc, rate, n);
	for (size_t i = 0; i < n; i++)
	{
		double		step = rate * acc[i];

		assert_same_float(out.values[i], (float) ((double) base.values[i] + step));
	}

	/* In place. */
	kernels->apply_delta(base.values, base.values, acc, rate, n);
	for (size_t i = 0; i < n; i++)
		assert_same_float(base.values[i], out.values[i]);
	free(acc);
	free(out.block);
	free(base.block);
}

static void
check_apply_delta(const FedKernels *kernels, uint64_t *random)
{
	for (int mix = 0; mix < MIXES; mix++)
	{
		for (size_t n = 0; n <= 70; n++)
			apply_once(kernels, random, (Mix) mix, n);
		for (size_t i = 0; i < LENGTH(long_lengths); i++)
			apply_once(kernels, random, (Mix) mix, long_lengths[i]);
	}
}

static void
apply_delta_same_bits(void **state)
{
	(void) state;
	on_every_level(check_apply_delta);
}

static void
check_first_nonfinite(const FedKernels *kernels, uint64_t *random)
{
	static const uint32_t nonfinite[] = {
		0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc00000u, 0x7f800001u,
		0xffffffffu
	};

	for (size_t n = 0; n <= 150; n++)
	{
		Floats		f = new_floats(random, n % 2 ? MIX_BITS : MIX_EXTREME, n);

		assert_int_equal(kernels->first_nonfinite(f.values, n), n);
		for (size_t at = n; at-- > 0;)
		{
			float		kept = f.values[at];
			uint32_t	bits = nonfinite[(n + at) % LENGTH(nonfinite)];

			memcpy(&f.values[at], &bits, sizeof(bits));
			assert_int_equal(kernels->first_nonfinite(f.values, n), at);

			/* Half of them stay, behind the ones that come. */
			if (at % 2 == 0)
				f.values[at] = kept;
		}
		free(f.block);
	}
}

static void
first_nonfinite_at_every_position(void **state)
{
	(void) state;
	on_every_level(check_first_nonfinite);
}

static void
levels_are_named(void **state)
{
	FedSimdLevel level = FED_SIMD_NEON;

	(void) state;
	for (int i = 0; i < FED_SIMD_LEVELS; i++)
	{
		assert_true(fed_simd_level_parse(fed_simd_level_name((FedSimdLevel) i), &level));
		assert_int_equal(level, i);
	}
	assert_false(fed_simd_level_parse("", &level));
	assert_false(fed_simd_level_parse("AVX2", &level));
	assert_false(fed_simd_level_parse("avx", &level));
	assert_int_equal(level, FED_SIMD_LEVELS - 1);
	assert_string_equal(fed_simd_level_name((FedSimdLevel) 99), "unknown");
}

static void
levels_can_be_selected(void **state)
{
	const FedKernels *best = fed_kernels_active();

	(void) state;
	assert_true(fed_kernels_supported(FED_SIMD_SCALAR));
	assert_true(fed_kernels_supported(best->level));
	for (int i = 0; i < FED_SIMD_LEVELS; i++)
	{
		const FedKernels *before = fed_kernels_active();
		FedSimdLevel level = (FedSimdLevel) i;
		bool		supported = fed_kernels_supported(level);

		assert_int_equal(fed_kernels_select(level), supported);
		if (!supported)
			assert_ptr_equal(fed_kernels_active(), before);
		else
		{
			assert_int_equal(fed_kernels_active()->level, level);
			assert_string_equal(fed_kernels_active()->name,
								fed_simd_level_name(level));
			print_message("# this machine has %s\n", fed_simd_level_name(level));
		}
	}
	assert_false(fed_kernels_select((FedSimdLevel) 99));
	fed_kernels_select_best();
	assert_ptr_equal(fed_kernels_active(), best);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_can_be_selected),
		cmocka_unit_test(levels_are_named),
		cmocka_unit_test(weighted_sum_same_bits),
		cmocka_unit_test(clipped_sum_same_bits),
		cmocka_unit_test(clipped_sum_goes_toward_zero),
		cmocka_unit_test(nothing_is_fused),
		cmocka_unit_test(apply_delta_same_bits),
		cmocka_unit_test(first_nonfinite_at_every_position)
	};

	return RUN_TESTS(tests);
}
