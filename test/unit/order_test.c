/*
 * order_test.c
 *		Median, trimmed mean and sorted columns: the bits of the definition on
 *		every level, for any number of streams.
 *
 * The reference sorts each coordinate's values with qsort by IEEE 754's total
 * order and adds up in double.
 */
#include "levels.h"

#define MAX_STREAMS 130

static const size_t stream_counts[] = {1, 2, 3, 10, 16, 17, 33, 50, 100};
static const size_t lengths[] = {0, 1, 3, 4, 15, 16, 17, 63, 64, 65, 100, 128, 2016};

/* What one call needs and gives; every block has its exact size. */
typedef struct Case
{
	size_t		count;
	size_t		n;
	Floats		floats[MAX_STREAMS];
	const float *streams[MAX_STREAMS];
	float	   *expected;		/* rank r of coordinate i at r * n + i */
	void	   *block;
	void	   *scratch;		/* in block, at an odd address */
	double	   *out;
} Case;

static int
compare_total_order(const void *a, const void *b)
{
	const float *fa = a;
	const float *fb = b;
	uint32_t	ua = bits_of_float(*fa);
	uint32_t	ub = bits_of_float(*fb);

	/* Negative ones upside down, below the positive ones. */
	ua = ua >> 31 ? ~ua : ua | 0x80000000u;
	ub = ub >> 31 ? ~ub : ub | 0x80000000u;
	return (ua > ub) - (ua < ub);
}

static void
sort_reference(Case *c)
{
	for (size_t i = 0; i < c->n; i++)
	{
		float		column[MAX_STREAMS];

		for (size_t k = 0; k < c->count; k++)
			column[k] = c->streams[k][i];
		qsort(column, c->count, sizeof(float), compare_total_order);
		for (size_t k = 0; k < c->count; k++)
			c->expected[k * c->n + i] = column[k];
	}
}

static Case
new_case(uint64_t *random, Mix mix, size_t count, size_t n)
{
	Case		c = {.count = count, .n = n};

	for (size_t k = 0; k < count; k++)
	{
		c.floats[k] = new_floats(random, mix, n);
		c.streams[k] = c.floats[k].values;
	}
	c.expected = malloc((count * n + 1) * sizeof(float));
	c.out = malloc(n * sizeof(double) + 1);
	c.block = malloc(fed_order_scratch_bytes(count) + 1);
	assert_true(c.expected != NULL && c.out != NULL && c.block != NULL);
	c.scratch = (char *) c.block + 1;
	sort_reference(&c);
	return c;
}

static void
free_case(Case *c)
{
	for (size_t k = 0; k < c->count; k++)
		free(c->floats[k].block);
	free(c->expected);
	free(c->out);
	free(c->block);
}

static void
assert_trimmed_mean(const Case *c, size_t trim)
{
	for (size_t i = 0; i < c->n; i++)
	{
		double		sum = c->expected[trim * c->n + i];

		for (size_t r = trim + 1; r < c->count - trim; r++)
			sum += c->expected[r * c->n + i];
		assert_same_double(c->out[i], sum / (double) (c->count - 2 * trim));
	}
}

static void
assert_sorted(const FedKernels *kernels, const Case *c)
{
	float	   *sorted = malloc(c->count * c->n * sizeof(float) + 1);

	assert_non_null(sorted);
	kernels->sorted_columns(sorted, c->streams, c->count, c->n, c->scratch);

	/* Bits go through untouched, NaNs too. */
	assert_int_equal(memcmp(sorted, c->expected, c->count * c->n * sizeof(float)), 0);
	free(sorted);
}

static void
order_once(const FedKernels *kernels, uint64_t *random, Mix mix, size_t count,
		   size_t n)
{
	Case		c = new_case(random, mix, count, n);
	size_t		trims[] = {0, 1, count / 10, count / 4, (count - 1) / 2};

	assert_sorted(kernels, &c);
	kernels->median(c.out, c.streams, count, n, c.scratch);
	assert_trimmed_mean(&c, (count - 1) / 2);
	for (size_t t = 0; t < LENGTH(trims); t++)
	{
		if (2 * trims[t] >= count)
			continue;
		kernels->trimmed_mean(c.out, c.streams, count, trims[t], n, c.scratch);
		assert_trimmed_mean(&c, trims[t]);
	}
	free_case(&c);
}

static void
check_order(const FedKernels *kernels, uint64_t *random)
{
	for (size_t s = 0; s < LENGTH(stream_counts); s++)
	{
		for (size_t l = 0; l < LENGTH(lengths); l++)
			order_once(kernels, random, (Mix) ((s + l) % MIXES), stream_counts[s], lengths[l]);
		for (int mix = 0; mix < MIXES; mix++)
			order_once(kernels, random, (Mix) mix, stream_counts[s], 37);
	}
}

static void
order_same_bits(void **state)
{
	(void) state;
	on_every_level(check_order);
}

/*
 * Zeros and ones in random proportion, one value per coordinate: all numbers
 * of streams that fill the last block or not, in one, two, four and eight.
 */
static void
check_every_count(const FedKernels *kernels, uint64_t *random)
{
	for (size_t count = 1; count <= MAX_STREAMS; count++)
	{
		Case		c = new_case(random, MIX_SMALL, count, 200);

		for (size_t i = 0; i < c.n; i++)
		{
			uint64_t	ones = next_random(random) % (count + 1);

			for (size_t k = 0; k < count; k++)
				c.floats[k].values[i] = next_random(random) % count < ones ? 1.0f : 0.0f;
		}
		sort_reference(&c);
		assert_sorted(kernels, &c);
		for (size_t trim = 0; 2 * trim < count; trim++)
		{
			kernels->trimmed_mean(c.out, c.streams, count, trim, c.n, c.scratch);
			assert_trimmed_mean(&c, trim);
		}
		free_case(&c);
	}
}

static void
every_count_sorts(void **state)
{
	(void) state;
	on_every_level(check_every_count);
}

static double
median_of(const FedKernels *kernels, const float *values, size_t count)
{
	const float *streams[MAX_STREAMS];
	double		out;
	void	   *scratch = malloc(fed_order_scratch_bytes(count));

	assert_non_null(scratch);
	for (size_t k = 0; k < count; k++)
		streams[k] = values + k;
	kernels->median(&out, streams, count, 1, scratch);
	free(scratch);
	return out;
}

static void
check_known_medians(const FedKernels *kernels, uint64_t *random)
{
	static const float four[] = {4, 1, 3, 2};
	static const float three[] = {INFINITY, -1, -INFINITY};
	static const float zeros[] = {0.0f, -0.0f, -0.0f};
	static const float largest[] = {FLT_MAX, FLT_MAX};
	static const float far[] = {1, 0x1p-149f};
	static const float nan[] = {NAN, 1, -NAN, 3, 2};

	(void) random;
	assert_same_double(median_of(kernels, four, 4), 2.5);
	assert_same_double(median_of(kernels, four, 1), 4);
	assert_same_double(median_of(kernels, three, 3), -1);
	assert_same_double(median_of(kernels, three, 2), INFINITY);
	assert_same_double(median_of(kernels, zeros, 3), -0.0);
	assert_same_double(median_of(kernels, zeros, 2), 0.0);
	assert_same_double(median_of(kernels, largest, 2), FLT_MAX);
	assert_same_double(median_of(kernels, far, 2), 0.5);
	assert_same_double(median_of(kernels, nan, 5), 2);
}

static void
medians_are_right(void **state)
{
	(void) state;
	on_every_level(check_known_medians);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_same_bits),
		cmocka_unit_test(every_count_sorts),
		cmocka_unit_test(medians_are_right)
	};

	return RUN_TESTS(tests);
}
