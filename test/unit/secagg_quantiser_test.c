/*
 * secagg_quantiser_test.c
 *		Both quantisers: rounding, limits, weights, and that no sum wraps.
 */
#include "support.h"

#include <math.h>

#include "core/secagg/dp_quantiser.h"
#include "core/secagg/quantiser.h"

/* An update in memory; one that cannot be read if it has no values where it should. */
static bool
read_array(void *arg, uint64_t first, size_t n, float *out)
{
	const float *x = arg;

	if (x != NULL)
		memcpy(out, x + first, n * sizeof(float));
	return x != NULL;
}

static bool
quantise_private(const float *x, size_t n, double C, uint64_t Q, uint32_t *q, bool *within, FedSecaggError *err)
{
	FedDpScale	scale;

	if (!fed_dp_scale(read_array, (void *) x, n, C, Q, &scale, err))
		return false;
	*within = scale.within;
	fed_dp_steps(&scale, x, n, q);
	return true;
}

static int32_t
one(const FedQuantiser *quantiser, float x)
{
	uint32_t	q;

	assert_true(fed_quantise(quantiser, &x, 1, 0, &q, NULL, NULL));
	return (int32_t) q;
}

static void
weights(void **state)
{
	(void) state;
	assert_int_equal(fed_quantiser_weight(10000, 10000, FED_W_CAP), FED_W_CAP);
	assert_int_equal(fed_quantiser_weight(UINT64_MAX, 10000, FED_W_CAP), FED_W_CAP);
	assert_int_equal(fed_quantiser_weight(0, 10000, FED_W_CAP), 1);
	assert_int_equal(fed_quantiser_weight(1, UINT32_MAX, FED_W_CAP), 1);
	assert_int_equal(fed_quantiser_weight(UINT32_MAX, UINT32_MAX, FED_W_CAP), FED_W_CAP);
	assert_int_equal(fed_quantiser_weight(100, 1000, FED_W_CAP), 104858);	/* 104857.6 */
	assert_int_equal(fed_quantiser_weight(50, 1000, FED_W_CAP), 52429); /* 52428.8 */
	assert_int_equal(fed_quantiser_weight(1, 8, 4), 1); /* a half goes up */
	assert_int_equal(fed_quantiser_weight(3, 8, 4), 2);
	assert_int_equal(fed_quantiser_weight(5, 8, 4), 3);
	assert_int_equal(fed_quantiser_weight(999, 1, 1), 1);
	/* the formula in integers wide enough for it */
	for (uint64_t n_cap = 1; n_cap < 40; n_cap++)
		for (uint64_t samples = 0; samples <= n_cap; samples++)
		{
			uint64_t	W = (2 * samples * FED_W_CAP + n_cap) / (2 * n_cap);

			assert_int_equal(fed_quantiser_weight(samples, (uint32_t) n_cap, FED_W_CAP), W < 1 ? 1 : W);
		}
}

static void
half_to_even(void **state)
{
	FedQuantiser unit = {.R = 1000, .Q = 1000, .W = 1, .W_cap = 1};

	(void) state;
	assert_int_equal(one(&unit, 0.5f), 0);
	assert_int_equal(one(&unit, 1.5f), 2);
	assert_int_equal(one(&unit, 2.5f), 2);
	assert_int_equal(one(&unit, -0.5f), 0);
	assert_int_equal(one(&unit, -1.5f), -2);
	assert_int_equal(one(&unit, -2.5f), -2);
	assert_int_equal(one(&unit, 2.4999f), 2);
	assert_int_equal(one(&unit, -2.5001f), -3);
	assert_int_equal(one(&unit, -0.0f), 0);
	assert_int_equal(one(&unit, 0x1p-149f), 0);
}

/* The formula of the header, one operation after the other, with rint(). */
static void
as_the_formula(void **state)
{
	enum
	{
		VALUES = 4001
	};
	static float x[VALUES];
	static uint32_t q[VALUES];
	uint64_t	random = 5;

	(void) state;
	for (int round = 0; round < 50; round++)
	{
		FedQuantiser quantiser = {
			.R = ldexp(1 + (double) (next_random(&random) % 1000) / 1000, (int) (next_random(&random) % 20) - 10),
			.Q = fed_quantiser_levels(3 + (uint32_t) (next_random(&random) % 126)),
			.W = 1 + (uint32_t) (next_random(&random) % FED_W_CAP),
			.W_cap = FED_W_CAP
		};
		uint64_t	clamped = 0;
		uint64_t	expected = 0;

		for (int i = 0; i < VALUES; i++)
			x[i] = (float) (((double) (int64_t) next_random(&random) / 0x1p62) * quantiser.R);
		assert_true(fed_quantise(&quantiser, x, VALUES, 0, q, &clamped, NULL));
		for (int i = 0; i < VALUES; i++)
		{
			volatile double v = x[i];
			volatile double w = (double) quantiser.W / quantiser.W_cap;
			volatile double s = (double) quantiser.Q / quantiser.R;

			expected += fabs(v) > quantiser.R;
			v = fmin(fmax(v, -quantiser.R), quantiser.R);
			v = v * w;
			v = v * s;
			assert_int_equal((int32_t) q[i], (int32_t) rint(v));
		}
		assert_int_equal(clamped, expected);
		assert_true(clamped > 0 && clamped < VALUES);
	}
}

static void
specials_refused(void **state)
{
	static const float specials[] = {NAN, -NAN, INFINITY, -INFINITY};
	static float x[3000];
	static uint32_t q[3000];
	FedQuantiser quantiser = {.R = 1, .Q = 1000, .W = 1, .W_cap = 1};

	(void) state;
	for (size_t s = 0; s < LENGTH(specials); s++)
		for (size_t at = 0; at < LENGTH(x); at += 2999)
		{
			FedSecaggError err = {0};
			bool		within;

			x[at] = specials[s];
			assert_false(fed_quantise(&quantiser, x, LENGTH(x), 4032, q, NULL, &err));
			assert_int_equal(err.code, FED_SECAGG_MALFORMED);
			assert_string_equal(err.message, isnan(specials[s]) ?
								(at == 0 ? "value 4032 is NaN" : "value 7031 is NaN") :
								(at == 0 ? "value 4032 is infinite" : "value 7031 is infinite"));
			assert_false(quantise_private(x, LENGTH(x), 1, 1024, q, &within, &err));
			assert_int_equal(err.code, FED_SECAGG_MALFORMED);
			x[at] = 0;
		}
}

/* n_max Islands at the limit: the sum is still an int32 of the right sign. */
static void
never_wraps(void **state)
{
	static const double ranges[] = {1e-6, 0.1, 1, 3, 1e6};

	(void) state;
	for (uint32_t n_max = 3; n_max <= 128; n_max++)
		for (size_t r = 0; r < LENGTH(ranges); r++)
		{
			FedQuantiser quantiser = {.R = ranges[r], .Q = fed_quantiser_levels(n_max), .W = FED_W_CAP, .W_cap = FED_W_CAP};
			int64_t		most = one(&quantiser, 1e38f);
			uint32_t	sum = n_max * (uint32_t) one(&quantiser, -1e38f);
			double		mean;

			assert_int_equal(most, quantiser.Q);
			assert_true(most * n_max <= INT32_MAX);
			fed_quantiser_mean(&quantiser, &sum, 1, n_max * FED_W_CAP, &mean);
			assert_true(fabs(mean + ranges[r]) <= ranges[r] * 1e-15);
			fed_quantiser_plain_mean(&quantiser, &sum, 1, n_max, &mean);
			assert_true(fabs(mean + ranges[r]) <= ranges[r] * 1e-15);
		}
}

static void
aux_values(void **state)
{
	FedQuantiser quantiser = {.R = 2, .Q = 1000, .W = 524288, .W_cap = FED_W_CAP};
	uint32_t	pair[2] = {7, 7};
	double		value = -1;
	FedSecaggError err = {0};
	uint8_t		bytes[9];
	uint32_t	back[2];

	(void) state;
	assert_int_equal(fed_aux_clamped(5, 3), 5);
	assert_int_equal(fed_aux_clamped(UINT64_MAX, 3), UINT32_MAX / 3);
	assert_true(fed_aux_metric(&quantiser, NULL, pair, NULL));
	assert_true(pair[0] == 0 && pair[1] == 0);
	assert_true(isnan(fed_aux_metric_mean(&quantiser, pair)));
	assert_true(fed_aux_metric(&quantiser, &value, pair, NULL));
	assert_int_equal((int32_t) pair[0], -250);
	assert_int_equal(pair[1], 524288);
	assert_true(fed_aux_metric_mean(&quantiser, pair) == -1);
	value = 99;
	assert_true(fed_aux_metric(&quantiser, &value, pair, NULL));
	assert_int_equal(pair[0], 500);
	value = NAN;
	assert_false(fed_aux_metric(&quantiser, &value, pair, &err));
	assert_int_equal(err.code, FED_SECAGG_MALFORMED);

	fed_words_pack((uint32_t[]) {0x04030201, 0xfffffffe}, 2, bytes + 1);
	assert_memory_equal(bytes + 1, "\1\2\3\4\xfe\xff\xff\xff", 8);
	fed_words_unpack(bytes + 1, 2, back);
	assert_true(back[0] == 0x04030201 && back[1] == 0xfffffffe);
}

static uint64_t
root(uint64_t value)
{
	uint64_t	r = (uint64_t) sqrtl((long double) value);

	while (r * r > value)
		r--;
	return r;
}

/* Every grid keeps its promises, and the next finer one would not. */
static void
dp_grids(void **state)
{
	static const double multipliers[] = {0.3, 0.7, 1, 4, 30, 200, 1000};
	int			made = 0;

	(void) state;
	for (size_t m = 0; m < LENGTH(multipliers); m++)
		for (uint32_t n_max = 3; n_max <= 128; n_max += 25)
			for (int adaptive = 0; adaptive < 2; adaptive++)
			{
				FedDpRequest request = {.z = multipliers[m], .adaptive = adaptive, .divisor = n_max, .min_updates = n_max,
				.max_colluding = fed_dp_max_colluding(n_max), .n_max = n_max};
				FedDpGrid	grid;
				double		z = multipliers[m];
				FedSecaggError err = {0};

				if (!fed_dp_grid(&request, &grid, &err))
				{
					assert_int_equal(err.code, FED_SECAGG_OUT_OF_RANGE);
					continue;
				}
				made++;
				assert_int_equal(grid.honest, n_max - ((n_max + 2) / 3 - 1));
				assert_in_range(grid.exponent, 10, 24);
				assert_int_equal(grid.Q, 1u << grid.exponent);
				assert_in_range(grid.noise_var, UINT64_C(1) << 20, UINT64_C(1) << 48);
				assert_true(n_max * grid.Q + 12 * (root(n_max * grid.noise_var) + 1) <= INT32_MAX);
				/* as much noise as asked for, and hardly more */
				assert_true(grid.noise_var >= grid.zz * grid.Q * grid.Q / grid.honest);
				assert_true(grid.noise_var <= grid.zz * grid.Q * grid.Q / grid.honest + 1);
				if (grid.exponent < 24)
				{
					double		finer = grid.zz * 4 * grid.Q * grid.Q / grid.honest + 1;

					assert_true(finer > 0x1p48 || n_max * 2.0 * grid.Q + 12 * (sqrt(n_max * finer) + 1) > 0x1p31 - 13);
				}
				if (adaptive)
				{
					/* together they are as good as z */
					double		spread = 4 * grid.sigma_b * grid.sigma_b;

					assert_true(grid.sigma_b >= z && grid.sigma_b >= n_max / 20.0);
					assert_true(fabs(1 / grid.zz + 1 / spread - 1 / (z * z)) < 1e-12 / (z * z));
					assert_true(grid.aux_noise_var >= spread * 0x1p32 / grid.honest);
				}
				else
					assert_true(grid.zz == z * z && grid.sigma_b == 0 && grid.aux_noise_var == 0);
			}
	assert_in_range(made, 50, 80);
}

static void
dp_grids_refused(void **state)
{
	FedDpRequest good = {.z = 1, .min_updates = 5, .max_colluding = 1, .n_max = 10};
	FedDpRequest bad;
	FedDpGrid	grid;
	FedSecaggError err;

	(void) state;
	assert_true(fed_dp_grid(&good, &grid, NULL));
	assert_int_equal(grid.honest, 4);
	assert_int_equal(grid.exponent, 24);
	assert_int_equal(grid.noise_var, (UINT64_C(1) << 46) + 1);
	assert_int_equal(fed_dp_max_colluding(0), 0);
	assert_int_equal(fed_dp_max_colluding(3), 0);
	assert_int_equal(fed_dp_max_colluding(4), 1);
	assert_int_equal(fed_dp_max_colluding(100), 33);
	for (int wrong = 0; wrong < 7; wrong++)
	{
		bad = good;
		if (wrong == 0)
			bad.z = 0;
		if (wrong == 1)
			bad.z = NAN;
		if (wrong == 2)
			bad.z = 1e-4;		/* too little for any grid */
		if (wrong == 3)
			bad.z = 1e9;		/* no room */
		if (wrong == 4)
			bad.max_colluding = 2;
		if (wrong == 5)
			bad.n_max = 129;
		if (wrong == 6)
			bad.adaptive = true;	/* without a divisor */
		err.code = FED_SECAGG_NO_ERROR;
		assert_false(fed_dp_grid(&bad, &grid, &err));
		assert_int_equal(err.code, FED_SECAGG_OUT_OF_RANGE);
	}
}

/* The norm on the grid is at most Q, whatever the input; values go to zero. */
static void
dp_norms(void **state)
{
	enum
	{
		VALUES = 20000
	};
	static float x[VALUES];
	static uint32_t q[VALUES];
	uint64_t	random = 8;

	(void) state;
	for (int round = 0; round < 60; round++)
	{
		uint64_t	Q = UINT64_C(1) << (10 + round % 15);
		double		C = ldexp(1.1, round % 7 - 3);
		double		scale = ldexp(1, round % 30 - 15);
		size_t		n = round % 3 == 0 ? 1 : round % 3 == 1 ? 7 : VALUES;
		double		norm = 0;
		uint64_t	squares = 0;
		bool		within;

		for (size_t i = 0; i < n; i++)
		{
			x[i] = (float) ((double) (int64_t) next_random(&random) / 0x1p63 * scale);
			norm += (double) x[i] * x[i];
		}
		norm = sqrt(norm);
		assert_true(quantise_private(x, n, C, Q, q, &within, NULL));
		assert_int_equal(within, norm <= C);
		for (size_t i = 0; i < n; i++)
		{
			int64_t		value = (int32_t) q[i];
			double		exact = x[i] / (norm > C ? norm : C) * (double) Q;

			squares += (uint64_t) (value * value);
			assert_true(fabs((double) value) <= fabs(exact) * (1 + 1e-12));
			assert_true(fabs(exact - (double) value) < 1 + fabs(exact) * 1e-5);
		}
		assert_true(squares <= Q * Q);
	}
	/* exactly at the limit: one value of C */
	{
		float		limit = 0.75f;
		bool		within;

		assert_true(quantise_private(&limit, 1, 0.75, 1 << 20, q, &within, NULL));
		assert_true(within);
		assert_int_equal(q[0], 1 << 20);
		assert_true(quantise_private(&limit, 0, 0.75, 1 << 20, q, &within, NULL));
		assert_true(within);
		assert_false(quantise_private(&limit, 1, 0, 1 << 20, q, &within, NULL));
		assert_false(quantise_private(&limit, 1, INFINITY, 1 << 20, q, &within, NULL));
		assert_false(quantise_private(&limit, 1, 1, 1 << 25, q, &within, NULL));
		assert_false(quantise_private(NULL, 1, 1, 1 << 20, q, &within, NULL));
	}
}

/*
 * Values whose norm in double comes out a little small, so that the first
 * factor is a little large: 256 would be Q / 16 and the last 1.
 */
static void
dp_norm_of_rounded_sum(void **state)
{
	float		x[257] = {0x1.19e8a8p-20f};
	uint32_t	q[257];
	uint64_t	Q = 1 << 24;
	uint64_t	squares = 0;
	bool		within;

	(void) state;
	for (int i = 1; i < 257; i++)
		x[i] = 0x1.19e8a6p+0f;
	assert_true(quantise_private(x, 257, 0.5, Q, q, &within, NULL));
	assert_false(within);
	for (int i = 0; i < 257; i++)
		squares += (uint64_t) q[i] * q[i];
	assert_true(squares <= Q * Q);
	assert_true(squares > Q * Q * 0.99999);
}

static void
dp_releases(void **state)
{
	uint32_t	sum = (uint32_t) -3072;
	double		mean;

	(void) state;
	fed_dp_mean(&sum, 1, 2, 1024, 10, &mean);
	assert_true(mean == -0.6);
	assert_int_equal((int32_t) fed_dp_aux(true), 65536);
	assert_int_equal((int32_t) fed_dp_aux(false), -65536);
	/* three of four within */
	assert_true(fed_dp_fraction(3 * fed_dp_aux(true) + fed_dp_aux(false), 4) == 0.75);
	assert_true(fed_dp_fraction(1u << 30, 4) == 1);
	assert_true(fed_dp_fraction((uint32_t) -(1 << 30), 4) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights),
		cmocka_unit_test(half_to_even),
		cmocka_unit_test(as_the_formula),
		cmocka_unit_test(specials_refused),
		cmocka_unit_test(never_wraps),
		cmocka_unit_test(aux_values),
		cmocka_unit_test(dp_grids),
		cmocka_unit_test(dp_grids_refused),
		cmocka_unit_test(dp_norms),
		cmocka_unit_test(dp_norm_of_rounded_sum),
		cmocka_unit_test(dp_releases)
	};

	return RUN_TESTS(tests);
}
