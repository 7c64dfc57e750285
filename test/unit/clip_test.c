/*
 * clip_test.c
 *		What clipping promises, in exact integers: no update moves the sum by more
 *		than its bound.
 *
 * Norms are taken as the server takes them, page by page and slice by slice,
 * and the kernels do the rest.
 */
#include "levels.h"

#include "core/dp/clip.h"

#define PAGE 2016
#define SLICE (130 * PAGE)

/* The largest number of steps that aggregation uses: sums stay below 2^52. */
#define MOST_STEPS 0x1p51

typedef unsigned __int128 Squares;

/* As federated.square_sum and federated.vector_norm do. */
static double
norm_of(const float *values, size_t n)
{
	double		total = 0;

	for (size_t slice = 0; slice < n; slice += SLICE)
	{
		size_t		end = n - slice < SLICE ? n : slice + SLICE;
		double		sum = 0;

		for (size_t at = slice; at < end; at += PAGE)
		{
			const float *page = values + at;

			fed_kernels_active()->norms(&sum, &page, 1, end - at < PAGE ? end - at : PAGE);
		}
		total += sum;
	}
	return sqrt(total);
}

static double
scale_of(const float *values, size_t n, double weight, double clip_norm, double steps)
{
	return fed_clip_scale(weight, norm_of(values, n), clip_norm, steps);
}

/* The sum of the squares of integers in double. */
static Squares
squares_of(const double *whole, size_t n)
{
	Squares		sum = 0;

	for (size_t i = 0; i < n; i++)
	{
		int64_t		steps = (int64_t) whole[i];

		assert_true((double) steps == whole[i]);
		sum += (Squares) ((__int128) steps * steps);
	}
	return sum;
}

/*
 * The steps that an update becomes are within weight * steps, its weight being
 * numerator / denominator. Returns the sum of their squares.
 */
static Squares
check_bound(const float *values, size_t n, int numerator, int denominator, double clip_norm, double steps)
{
	double		weight = (double) numerator / denominator;
	double		scale = scale_of(values, n, weight, clip_norm, steps);
	double	   *whole = calloc(n, sizeof(double));
	Squares		bound = (Squares) steps * (Squares) numerator;
	Squares		squares;

	assert_true(isfinite(scale) && scale >= 0);
	fed_kernels_active()->clipped_sum(whole, &values, &scale, 1, n);
	squares = squares_of(whole, n);
	if (squares * (Squares) denominator * (Squares) denominator > bound * bound)
		fail_msg("an update of %zu values, weight %d/%d, clip norm %g, reaches beyond %g steps",
				 n, numerator, denominator, clip_norm, steps);
	free(whole);
	return squares;
}

static void
random_updates_stay_within_their_bound(void **state)
{
	uint64_t	random = 7;

	(void) state;
	for (int i = 0; i < 4000; i++)
	{
		size_t		n = 1 + next_random(&random) % (i % 50 ? 60 : 5000);
		Floats		update = new_floats(&random, (Mix) (i % MIX_NONFINITE), n);
		double		clip_norm = ldexp(1 + (double) (next_random(&random) >> 11) * 0x1p-53,
									  (int) (next_random(&random) % 60) - 40);
		int			denominator = 1 + (int) (next_random(&random) % 1000);
		int			numerator = 1 + (int) (next_random(&random) % (uint64_t) denominator);
		double		steps = ldexp(1, (int) (next_random(&random) % 52));

		(void) check_bound(update.values, n, 1, 1, clip_norm, steps);
		(void) check_bound(update.values, n, numerator, denominator, clip_norm, steps);
		free(update.block);
	}
}

/*
 * Made to reach beyond: steps that nothing cuts off, and values too small for a
 * double to notice beside the rest of the squares, but not for the grid.
 */
static void
unnoticed_values_are_covered(void **state)
{
	enum {LARGE = 64, SMALL = 100000};
	float	   *values = malloc((LARGE + SMALL) * sizeof(float));
	Squares		bound = (Squares) MOST_STEPS * (Squares) MOST_STEPS;

	(void) state;
	for (size_t i = 0; i < LARGE + SMALL; i++)
		values[i] = i < LARGE ? 1.0f : 0x1.8p-28f;
	/* one beside them is lost, many are not */
	assert_true(norm_of(values, LARGE + 1) == 8.0);
	(void) check_bound(values, LARGE + 1, 1, 1, 8.0, MOST_STEPS);
	(void) check_bound(values, LARGE + 100, 1, 1, 8.0, MOST_STEPS);
	(void) check_bound(values, LARGE + SMALL, 1, 1, 8.0, MOST_STEPS);
	/* and nothing is given away beyond the margin */
	assert_true(check_bound(values, LARGE, 1, 1, 8.0, MOST_STEPS) > bound - (bound >> 27));
	free(values);
}

static void
long_updates_stay_within_their_bound(void **state)
{
	uint64_t	random = 11;
	size_t		n = 3 * SLICE + 17;
	Floats		update = new_floats(&random, MIX_SMALL, n);

	(void) state;
	for (int i = 0; i < 3; i++)
		(void) check_bound(update.values, n, 1, 1, 1.0, ldexp(1, 11 + 20 * i));
	free(update.block);
}

/* With values halfway between steps, where rounding to the nearest would double them. */
static void
halves_are_cut_off(void **state)
{
	float		values[1024];

	(void) state;
	for (size_t i = 0; i < LENGTH(values); i++)
		values[i] = i % 2 ? 0.9f : -0.9f;
	assert_true(check_bound(values, LENGTH(values), 1, 1, 0.9 * 32, 32) == 0);
	assert_true(check_bound(values, LENGTH(values), 1, 1, 0.9 * 32, 64) == 1024);
}

static void
special_updates(void **state)
{
	float		zeros[100] = {0, -0.0f};
	float		tiny[100];
	float		huge[100];
	double		tiniest = 0x1p-1074;

	(void) state;
	for (size_t i = 0; i < LENGTH(tiny); i++)
	{
		tiny[i] = i % 2 ? FLT_TRUE_MIN : -FLT_TRUE_MIN;
		huge[i] = i % 2 ? FLT_MAX : -FLT_MAX;
	}
	/* unchanged, whatever the clip norm */
	assert_true(check_bound(zeros, LENGTH(zeros), 1, 1, 1.0, MOST_STEPS) == 0);
	assert_true(check_bound(zeros, LENGTH(zeros), 1, 1, tiniest, MOST_STEPS) == 0);
	/* below a step; clipped by a smaller norm still, and then all there */
	assert_true(check_bound(tiny, LENGTH(tiny), 1, 1, 1.0, MOST_STEPS) == 0);
	assert_true(check_bound(tiny, LENGTH(tiny), 1, 1, tiniest, 1000000) == (Squares) 100 * 99999 * 99999);
	/* down to the same length */
	assert_true(check_bound(huge, LENGTH(huge), 1, 1, 1.0, 1000000) == (Squares) 100 * 99999 * 99999);
	/* not longer: 0.5 stays 0.5 */
	tiny[0] = 0.5f;
	assert_true(check_bound(tiny, 1, 1, 1, 1.0, 1000000) == (Squares) 499999 * 499999);
}

/* The sum over n_updates updates of n values, or without one of them. */
static void
sum_updates(double *whole, float *const *updates, int n_updates, int without, size_t n, double clip_norm, double steps)
{
	const float *streams[40];
	double		scales[40];
	size_t		count = 0;

	for (int k = 0; k < n_updates; k++)
	{
		if (k == without)
			continue;
		streams[count] = updates[k];
		scales[count++] = scale_of(updates[k], n, 1, clip_norm, steps);
	}
	memset(whole, 0, n * sizeof(double));
	fed_kernels_active()->clipped_sum(whole, streams, scales, count, n);
}

static void
assert_distance(const double *a, const double *b, size_t n, double most)
{
	double	   *difference = malloc(n * sizeof(double));

	for (size_t i = 0; i < n; i++)
		difference[i] = a[i] - b[i];
	assert_true(squares_of(difference, n) <= (Squares) most * (Squares) most);
	free(difference);
}

/*
 * Neighbours: without one participant the sum is at most a clip norm away, with
 * the opposite of its update, which is the worst that can replace it, two.
 */
static void
neighbours_are_near(void **state)
{
	enum {UPDATES = 33, VALUES = 3000};
	uint64_t	random = 3;
	double		all[VALUES];
	double		less[VALUES];

	(void) state;
	for (int trial = 0; trial < 30; trial++)
	{
		Floats		updates[UPDATES];
		float	   *values[UPDATES];
		double		clip_norm = ldexp(1, (int) (next_random(&random) % 20) - 15);
		double		steps = ldexp(1, 10 + (int) (next_random(&random) % 37));
		int			one = (int) (next_random(&random) % UPDATES);

		for (int k = 0; k < UPDATES; k++)
		{
			updates[k] = new_floats(&random, k % 7 ? MIX_SMALL : (Mix) (k % MIX_NONFINITE), VALUES);
			values[k] = updates[k].values;
		}
		sum_updates(all, values, UPDATES, -1, VALUES, clip_norm, steps);
		sum_updates(less, values, UPDATES, one, VALUES, clip_norm, steps);
		assert_distance(all, less, VALUES, steps);
		for (size_t i = 0; i < VALUES; i++)
			values[one][i] = -values[one][i];
		sum_updates(less, values, UPDATES, -1, VALUES, clip_norm, steps);
		assert_distance(all, less, VALUES, 2 * steps);
		for (int k = 0; k < UPDATES; k++)
			free(updates[k].block);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_updates_stay_within_their_bound),
		cmocka_unit_test(unnoticed_values_are_covered),
		cmocka_unit_test(long_updates_stay_within_their_bound),
		cmocka_unit_test(halves_are_cut_off),
		cmocka_unit_test(special_updates),
		cmocka_unit_test(neighbours_are_near)
	};

	return RUN_TESTS(tests);
}
