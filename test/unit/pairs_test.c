/*
 * pairs_test.c
 *		Distances, products, dots, also wide, and norms: the bits of the definition on every
 *		level, and the right numbers.
 */
#include "levels.h"

#define MAX_STREAMS 100

static const size_t stream_counts[] = {0, 1, 2, 3, 4, 5, 10, 16, 17, 33, 50, 100};
static const size_t lengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 100};

typedef struct Streams
{
	Floats		floats[MAX_STREAMS];
	const float *pointers[MAX_STREAMS];
	size_t		count;
} Streams;

static Streams
new_streams(uint64_t *random, Mix mix, size_t count, size_t n)
{
	Streams		s;

	s.count = count;
	for (size_t k = 0; k < count; k++)
	{
		s.floats[k] = new_floats(random, mix, n);
		s.pointers[k] = s.floats[k].values;
	}
	return s;
}

static void
free_streams(Streams *s)
{
	for (size_t k = 0; k < s->count; k++)
		free(s->floats[k].block);
}

typedef double (*Term) (double a, double b);

static double
squared_difference(double a, double b)
{
	double		difference = a - b;

	return difference * difference;
}

static double
product(double a, double b)
{
	return a * b;
}

/* The sum that kernels.h defines, eight partial sums and their order. */
static double
defined_sum(Term term, const float *a, const float *b, size_t n)
{
	double		p[8] = {0};

	for (size_t i = 0; i < n; i++)
		p[i % 8] += term(a[i], b[i]);
	return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

/* The same with one of the two in double, by itself without the other. */
static double
defined_wide_sum(const float *a, const double *b, size_t n)
{
	double		p[8] = {0};

	for (size_t i = 0; i < n; i++)
		p[i % 8] += (a ? (double) a[i] : b[i]) * b[i];
	return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

/* What a matrix becomes; pairs closer than apart, and below, stay. */
static double *
defined_matrix(Term term, const double *before, const Streams *s, size_t apart,
			   size_t n)
{
	size_t		count = s->count;
	double	   *matrix = malloc((count * count + 2) * sizeof(double));

	assert_non_null(matrix);
	for (size_t i = 0; i < count; i++)
	{
		for (size_t j = 0; j < count; j++)
		{
			matrix[i * count + j] = before[i * count + j];
			if (j >= i + apart)
				matrix[i * count + j] += defined_sum(term, s->pointers[i], s->pointers[j], n);
		}
	}
	return matrix;
}

static void
assert_same_doubles(const double *got, const double *expected, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_same_double(got[i], expected[i]);
}

/* All five kernels; what is there before is added to. */
static void
pairs_once(const FedKernels *kernels, uint64_t *random, Mix mix, size_t count,
		   size_t n)
{
	Streams		s = new_streams(random, mix, count, n);
	Floats		other = new_floats(random, mix, n);
	double	   *wide = new_doubles(random, mix, n);
	double	   *got = new_doubles(random, MIX_SMALL, count * count + 2);
	double	   *expected = defined_matrix(squared_difference, got, &s, 1, n);

	kernels->distances(got, s.pointers, count, n);
	assert_same_doubles(got, expected, count * count);
	free(expected);

	expected = defined_matrix(product, got, &s, 0, n);
	kernels->products(got, s.pointers, count, n);
	assert_same_doubles(got, expected, count * count);

	for (size_t k = 0; k < count; k++)
		expected[k] = got[k] + defined_sum(product, s.pointers[k], other.values, n);
	kernels->dots(got, s.pointers, count, other.values, n);
	assert_same_doubles(got, expected, count);

	for (size_t k = 0; k < count; k++)
		expected[k] = got[k] + defined_sum(product, s.pointers[k], s.pointers[k], n);
	kernels->norms(got, s.pointers, count, n);
	assert_same_doubles(got, expected, count);

	for (size_t k = 0; k < count; k++)
		expected[k] = got[k] + defined_wide_sum(s.pointers[k], wide, n);
	expected[count] = got[count] + defined_wide_sum(NULL, wide, n);
	kernels->wide_dots(got, s.pointers, count, wide, n);
	assert_same_doubles(got, expected, count + 1);

	free(wide);
	free(expected);
	free(got);
	free(other.block);
	free_streams(&s);
}

static void
check_pairs(const FedKernels *kernels, uint64_t *random)
{
	for (size_t c = 0; c < LENGTH(stream_counts); c++)
	{
		for (size_t l = 0; l < LENGTH(lengths); l++)
			pairs_once(kernels, random, (Mix) ((c + l) % MIXES), stream_counts[c], lengths[l]);
		pairs_once(kernels, random, (Mix) (c % MIXES), stream_counts[c], 2016);
	}
	for (int mix = 0; mix < MIXES; mix++)
	{
		for (size_t n = 0; n <= 40; n++)
			pairs_once(kernels, random, (Mix) mix, 10, n);
	}
}

static void
pairs_same_bits(void **state)
{
	(void) state;
	on_every_level(check_pairs);
}

/* An error of half a unit per addition, a value and its square, at the most. */
static void
check_pairs_near(const FedKernels *kernels, uint64_t *random)
{
	size_t		n = 2016;
	Streams		s = new_streams(random, MIX_SMALL, 10, n);
	double		matrix[100] = {0};

	kernels->distances(matrix, s.pointers, 10, n);
	for (size_t i = 0; i < 10; i++)
	{
		for (size_t j = i + 1; j < 10; j++)
		{
			long double exact = 0;

			for (size_t k = 0; k < n; k++)
			{
				long double difference = (long double) s.pointers[i][k] - s.pointers[j][k];

				exact += difference * difference;
			}
			assert_true(fabsl(matrix[i * 10 + j] - exact) <= exact * (long double) n * DBL_EPSILON);
		}
	}
	free_streams(&s);
}

static void
distances_are_right(void **state)
{
	(void) state;
	on_every_level(check_pairs_near);
}

/*
 * Large values, and a difference that |a|^2 + |b|^2 - 2 ab would lose: 2^-60
 * of the norms.
 */
static void
check_no_cancellation(const FedKernels *kernels, uint64_t *random)
{
	float		a[2016];
	float		b[2016];
	const float *streams[] = {a, b};
	double		matrix[4] = {0};

	(void) random;
	for (size_t i = 0; i < LENGTH(a); i++)
	{
		a[i] = 0x1p30f;
		b[i] = 0x1p30f;
	}
	b[2015] = 0x1p30f + 0x1p7f;
	kernels->distances(matrix, streams, 2, LENGTH(a));
	assert_true(matrix[1] == 0x1p14);

	/* The largest there is: no overflow in double. */
	a[0] = FLT_MAX;
	b[0] = -FLT_MAX;
	matrix[1] = 0;
	kernels->distances(matrix, streams, 2, 1);
	assert_true(matrix[1] == 4.0 * FLT_MAX * FLT_MAX);

	/* The smallest: no underflow either. */
	a[0] = FLT_TRUE_MIN;
	b[0] = 0;
	matrix[1] = 0;
	kernels->distances(matrix, streams, 2, 1);
	assert_true(matrix[1] == 0x1p-298);
}

static void
distances_do_not_cancel(void **state)
{
	(void) state;
	on_every_level(check_no_cancellation);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_same_bits),
		cmocka_unit_test(distances_are_right),
		cmocka_unit_test(distances_do_not_cancel)
	};

	return RUN_TESTS(tests);
}
