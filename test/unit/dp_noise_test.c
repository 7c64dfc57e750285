/*
 * dp_noise_test.c
 *		The discrete Gaussian: its strips against 128-bit references, then what
 *		comes out against the probabilities.
 */
#include "dp_support.h"

#include "core/dp/discrete_gaussian.h"

#define SAMPLES 400000

static int64_t samples[SAMPLES];

static const uint64_t variances[] = {1, 2, 3, 10, 100, 255, 256, 1000, UINT64_C(1) << 20, UINT64_C(3000000000),
UINT64_C(1) << 40, FED_VARIANCE_MAX - 1, FED_VARIANCE_MAX};

/*
 * floor(2^128 P(strip <= k)) by mpmath with 400 bits, in two words; the strip's
 * width is 2^shift.
 */
static const struct
{
	uint64_t	variance;
	int			shift;
	int			k;
	uint64_t	high;
	uint64_t	low;
}			ends[] = {
	{1, 0, 0, UINT64_C(0x92025b19482ce72b), UINT64_C(0xd40241fe3d8503e0)},
	{1, 0, 3, UINT64_C(0xfff3523319908c11), UINT64_C(0xd937bd03927c2f09)},
	{10, 0, 5, UINT64_C(0xeda6c33d3ad3a513), UINT64_C(0xcc4a2617957f727f)},
	{255, 0, 20, UINT64_C(0xce427479cb8d8a22), UINT64_C(0x182f963a860bc934)},
	{256, 1, 0, UINT64_C(0x1851cda5277937c1), UINT64_C(0x7b207910db602562)},
	{1000, 1, 9, UINT64_C(0x77317ebf5ec8967b), UINT64_C(0x467349c19fa5c37b)},
	{UINT64_C(3000000000), 12, 11, UINT64_C(0x9f21c31be4e7f168), UINT64_C(0x371adcf32b8048e5)},
	{UINT64_C(1) << 48, 21, 0, UINT64_C(0x1851cda5277937c1), UINT64_C(0x7b207910db602562)},
	{UINT64_C(1) << 48, 21, 30, UINT64_C(0xfff77f95afa2ee2c), UINT64_C(0x56ba101e3b055cca)},
};

static void
ends_are_right_to_128_bits(void **state)
{
	FedStrips	strips;
	FedStream	stream;

	(void) state;
	start_stream(&stream, 10);
	for (size_t i = 0; i < LENGTH(ends); i++)
	{
		int			k = ends[i].k;

		assert_true(fed_strips_cut(&strips, ends[i].variance));
		assert_int_equal(strips.shift, ends[i].shift);
		assert_true(strips.ends[k] <= ends[i].high && ends[i].high - strips.ends[k] <= 1);
		/* The second word decides, and where it does not the third. */
		feed(&stream, (uint64_t[]) {ends[i].low - 1}, 1);
		assert_int_equal(fed_strips_find(&strips, &stream, ends[i].high), k);
		feed(&stream, (uint64_t[]) {ends[i].low + 1}, 1);
		assert_int_equal(fed_strips_find(&strips, &stream, ends[i].high), k + 1);
		feed(&stream, (uint64_t[]) {ends[i].low, 0}, 2);
		assert_int_equal(fed_strips_find(&strips, &stream, ends[i].high), k);
		assert_int_equal(stream.at, FED_STREAM_WORDS);
		feed(&stream, (uint64_t[]) {ends[i].low, UINT64_MAX}, 2);
		assert_int_equal(fed_strips_find(&strips, &stream, ends[i].high), k + 1);
	}
	fed_stream_end(&stream);
}

/* By the guide, by 64 bits, and by as many as it takes: the same strip. */
static void
all_ways_find_the_same_strip(void **state)
{
	FedStrips	strips;
	FedStream	stream;
	int			split = 0;

	(void) state;
	start_stream(&stream, 11);
	for (size_t v = 0; v < LENGTH(variances); v++)
	{
		assert_true(fed_strips_cut(&strips, variances[v]));
		for (int i = 0; i < 1 << FED_STRIPS_INDEX_BITS; i++)
		{
			uint64_t	first = (uint64_t) i << (64 - FED_STRIPS_INDEX_BITS);
			uint64_t	last = first + (UINT64_MAX >> FED_STRIPS_INDEX_BITS);

			if (strips.guide[i] == FED_STRIPS_SPLIT)
			{
				split++;
				assert_true(fed_strips_find(&strips, &stream, first) < fed_strips_find(&strips, &stream, last));
				feed(&stream, (uint64_t[]) {0}, 1);
				assert_int_equal(fed_strips_find_from(&strips, &stream, i), fed_strips_find(&strips, &stream, first));
				/* The very last number takes more bits than these, from the stream. */
				if (last == UINT64_MAX)
					continue;
				feed(&stream, (uint64_t[]) {UINT64_MAX}, 1);
				assert_int_equal(fed_strips_find_from(&strips, &stream, i), fed_strips_find(&strips, &stream, last));
				continue;
			}
			assert_int_equal(fed_strips_find(&strips, &stream, first), strips.guide[i]);
			assert_int_equal(fed_strips_find(&strips, &stream, last), strips.guide[i]);
		}
		for (int i = 0; i < 20; i++)
		{
			uint64_t	head = fed_stream_next(&stream);

			assert_int_equal(fed_strips_find_slowly(&strips, &stream, head, 64),
							 fed_strips_find(&strips, &stream, head));
		}
	}
	assert_true(split > 0);
	fed_stream_end(&stream);
}

/* A number without any first bits takes all from the stream. */
static void
strips_come_as_often_as_they_should(void **state)
{
	FedStrips	strips;
	FedStream	stream;
	size_t		counts[16] = {0};
	double		expected[16];
	double		sum = 0;

	(void) state;
	assert_true(fed_strips_cut(&strips, 10));
	start_stream(&stream, 12);
	for (int i = 0; i < 2000; i++)
	{
		int			k = fed_strips_find_slowly(&strips, &stream, 0, 0);

		assert_in_range(k, 0, 15);
		counts[k]++;
	}
	for (int k = 0; k < 16; k++)
		sum += expected[k] = exp(-k * k / 20.0);
	for (int k = 0; k < 16; k++)
		expected[k] /= sum;
	assert_true(chi_square(counts, expected, 16, 2000) < 4);
	fed_stream_end(&stream);
}

/* Beyond the last end that 64 bits can tell from 1: some strip far out, not none. */
static void
the_last_number_has_a_strip(void **state)
{
	FedStrips	strips;
	FedStream	stream;

	(void) state;
	start_stream(&stream, 13);
	for (size_t v = 0; v < LENGTH(variances); v++)
	{
		double		t;
		int			k;

		assert_true(fed_strips_cut(&strips, variances[v]));
		t = ldexp(1, strips.shift);
		feed(&stream, (uint64_t[]) {UINT64_MAX / 2}, 1);
		k = fed_strips_find(&strips, &stream, UINT64_MAX);
		/* P(|x| >= 9 sigma) is 2^-62, of 9.6 sigma 2^-70 */
		assert_true(k * t > 8.5 * sqrt((double) variances[v]) && k * t < 10.5 * sqrt((double) variances[v]) + t);
	}
	fed_stream_end(&stream);
}

static void
draw(uint8_t number, uint64_t variance, size_t n)
{
	uint8_t		key[FED_STREAM_KEY_BYTES];
	FedNoise   *noise;

	memset(key, number, sizeof(key));
	noise = fed_noise_new(key);
	assert_non_null(noise);
	assert_true(fed_noise_fill(noise, samples, n, variance));
	fed_noise_free(noise);
}

/* Each integer for a small variance, classes of equal width for a large one, from -6 to 6 sigma. */
#define CLASSES 240

static void
classes_of(uint64_t variance, double *width, double *expected)
{
	double		sigma = sqrt((double) variance);
	double		sum = 0;

	*width = ceil(12 * sigma / CLASSES);
	for (int i = 0; i < CLASSES; i++)
	{
		double		from = *width * (i - CLASSES / 2);

		expected[i] = 0;
		/* A sum over integers, or an integral that differs from it by less than 10^-9. */
		if (*width <= 64)
			for (double x = from; x < from + *width; x++)
				expected[i] += exp(-x * x / (2 * (double) variance));
		else
			expected[i] = sigma * sqrt(acos(-1) / 2)
				* (erf((from + *width - 0.5) / sigma / sqrt(2)) - erf((from - 0.5) / sigma / sqrt(2)));
		sum += expected[i];
	}
	for (int i = 0; i < CLASSES; i++)
		expected[i] /= sum;
}

static void
samples_are_distributed_as_said(void **state)
{
	(void) state;
	for (size_t v = 0; v < LENGTH(variances); v++)
	{
		double		expected[CLASSES];
		double		width;
		size_t		counts[CLASSES] = {0};

		classes_of(variances[v], &width, expected);
		draw(20 + v, variances[v], SAMPLES);
		for (int i = 0; i < SAMPLES; i++)
		{
			double		at = floor((double) samples[i] / width) + CLASSES / 2;

			if (at >= 0 && at < CLASSES)
				counts[(int) at]++;
		}
		assert_true(chi_square(counts, expected, CLASSES, SAMPLES) < 4);
	}
}

/* Of a discrete Gaussian with a variance above 2 they are those of the normal distribution, to 10^-12. */
static void
moments_are_right(void **state)
{
	(void) state;
	for (size_t v = 0; v < LENGTH(variances); v++)
	{
		double		sigma = sqrt((double) variances[v]);
		double		sums[5] = {0};

		if (variances[v] <= 2)
			continue;
		draw(60 + v, variances[v], SAMPLES);
		for (int i = 0; i < SAMPLES; i++)
			for (int m = 1; m <= 4; m++)
				sums[m] += pow((double) samples[i] / sigma, m);
		assert_true(fabs(sums[1]) < 4 * sqrt(SAMPLES));
		assert_true(fabs(sums[2] - SAMPLES) < 4 * sqrt(2.0 * SAMPLES));
		assert_true(fabs(sums[3]) < 4 * sqrt(15.0 * SAMPLES));
		assert_true(fabs(sums[4] - 3.0 * SAMPLES) < 4 * sqrt(96.0 * SAMPLES));
	}
}

/* Where a sampler of few bits would have cut them off. */
static void
tails_are_there(void **state)
{
	const double sigma = 1 << 24;
	size_t		beyond[5] = {0};

	(void) state;
	draw(100, FED_VARIANCE_MAX, SAMPLES);
	for (int i = 0; i < SAMPLES; i++)
		for (int s = 1; s < 5; s++)
			beyond[s] += fabs((double) samples[i]) > s * sigma;
	for (int s = 1; s < 5; s++)
	{
		double		p = erfc(s / sqrt(2));

		assert_true(fabs((double) beyond[s] - SAMPLES * p) < 4 * sqrt(SAMPLES * p) + 1);
	}
}

/* The position within a strip is uniform but for the slope: so are the last bits. */
static void
last_bits_are_uniform(void **state)
{
	size_t		counts[64] = {0};
	double		expected[64];

	(void) state;
	draw(101, FED_VARIANCE_MAX, SAMPLES);
	for (int i = 0; i < 64; i++)
		expected[i] = 1.0 / 64;
	for (int i = 0; i < SAMPLES; i++)
		counts[samples[i] & 63]++;
	assert_true(fabs(chi_square(counts, expected, 64, SAMPLES)) < 4);
}

static void
a_key_gives_the_same_in_pieces_and_another_key_something_else(void **state)
{
	static int64_t pieces[SAMPLES];
	static const size_t lengths[] = {1, 7, 1, 1023, 1024, 1025, 4096, 0, 3};
	uint8_t		key[FED_STREAM_KEY_BYTES];
	size_t		at = 0;
	size_t		equal = 0;
	FedNoise   *noise;

	(void) state;
	memset(key, 102, sizeof(key));
	noise = fed_noise_new(key);
	assert_non_null(noise);
	for (size_t i = 0; i < LENGTH(lengths); i++)
	{
		assert_true(fed_noise_fill(noise, pieces + at, lengths[i], FED_VARIANCE_MAX));
		at += lengths[i];
	}
	fed_noise_free(noise);
	draw(102, FED_VARIANCE_MAX, at);
	assert_memory_equal(pieces, samples, at * sizeof(int64_t));
	draw(103, FED_VARIANCE_MAX, at);
	for (size_t i = 0; i < at; i++)
		equal += samples[i] == pieces[i];
	assert_true(equal < 3);
}

static void
without_a_key_everybody_gets_something_else(void **state)
{
	FedNoise   *a = fed_noise_new(NULL);
	FedNoise   *b = fed_noise_new(NULL);
	int64_t		of_a[4];
	int64_t		of_b[4];

	(void) state;
	assert_true(fed_noise_fill(a, of_a, 4, FED_VARIANCE_MAX));
	assert_true(fed_noise_fill(b, of_b, 4, FED_VARIANCE_MAX));
	assert_memory_not_equal(of_a, of_b, sizeof(of_a));
	fed_noise_free(a);
	fed_noise_free(b);
	fed_noise_free(NULL);
}

static void
other_variances_are_refused_or_taken_in_turn(void **state)
{
	FedNoise   *noise = fed_noise_new(NULL);
	int64_t		large[100];
	int64_t		small[100];
	int64_t		most = 0;

	(void) state;
	assert_false(fed_noise_fill(noise, large, 1, 0));
	assert_false(fed_noise_fill(noise, large, 1, FED_VARIANCE_MAX + 1));
	assert_true(fed_noise_fill(noise, large, 100, FED_VARIANCE_MAX));
	assert_true(fed_noise_fill(noise, small, 100, 1));
	for (int i = 0; i < 100; i++)
	{
		assert_in_range(small[i] + 12, 0, 24);
		most = llabs(large[i]) > most ? llabs(large[i]) : most;
	}
	assert_true(most > 1 << 24);
	fed_noise_free(noise);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_right_to_128_bits),
		cmocka_unit_test(all_ways_find_the_same_strip),
		cmocka_unit_test(strips_come_as_often_as_they_should),
		cmocka_unit_test(the_last_number_has_a_strip),
		cmocka_unit_test(samples_are_distributed_as_said),
		cmocka_unit_test(moments_are_right),
		cmocka_unit_test(tails_are_there),
		cmocka_unit_test(last_bits_are_uniform),
		cmocka_unit_test(a_key_gives_the_same_in_pieces_and_another_key_something_else),
		cmocka_unit_test(without_a_key_everybody_gets_something_else),
		cmocka_unit_test(other_variances_are_refused_or_taken_in_turn),
	};

	return RUN_TESTS(tests);
}
