/*
 * dp_bernoulli_test.c
 *		Random words, and coins: decisions bit by bit, then frequencies.
 */
#include "dp_support.h"

#include "core/dp/bernoulli.h"

#define COINS 200000

static const uint64_t thirds = UINT64_C(0x5555555555555555);

/* FIPS 197: the zero block under the zero key. */
static void
words_are_aes_256(void **state)
{
	static const uint8_t block[16] = {0xdc, 0x95, 0xc0, 0x78, 0xa2, 0x40, 0x89, 0x89,
		0xad, 0x48, 0xa2, 0x14, 0x92, 0x84, 0x20, 0x87};
	FedStream	stream;
	uint64_t	words[2];

	(void) state;
	start_stream(&stream, 0);
	words[0] = fed_stream_next(&stream);
	words[1] = fed_stream_next(&stream);
	assert_memory_equal(words, block, sizeof(block));
	fed_stream_end(&stream);
}

/* Over the end of the buffer: no word comes twice, none is left out. */
static void
words_go_on_after_a_refill(void **state)
{
	FedStream	stream;
	uint64_t   *words = malloc(3 * FED_STREAM_WORDS * sizeof(uint64_t));

	(void) state;
	assert_non_null(words);
	start_stream(&stream, 1);
	for (int i = 0; i < 3 * FED_STREAM_WORDS; i++)
		words[i] = fed_stream_next(&stream);
	assert_int_equal(stream.at, FED_STREAM_WORDS);
	for (int i = 0; i < 3 * FED_STREAM_WORDS; i++)
		for (int j = i + 1; j < 3 * FED_STREAM_WORDS; j++)
			assert_true(words[i] != words[j]);
	free(words);
	fed_stream_end(&stream);
}

static void
keys_of_the_system_differ(void **state)
{
	FedStream	a;
	FedStream	b;

	(void) state;
	assert_true(fed_stream_start(&a, NULL));
	assert_true(fed_stream_start(&b, NULL));
	assert_true(fed_stream_next(&a) != fed_stream_next(&b));
	fed_stream_end(&a);
	fed_stream_end(&b);
}

static void
an_ended_stream_holds_nothing(void **state)
{
	FedStream	stream;

	(void) state;
	start_stream(&stream, 2);
	(void) fed_stream_next(&stream);
	fed_stream_end(&stream);
	for (int i = 0; i < FED_STREAM_WORDS; i++)
		assert_true(stream.words[i] == 0);
	assert_null(stream.cipher);
	assert_true(stream.failed);
}

/* Nothing may loop for ever on the words of a stream that has failed. */
static void
a_failed_stream_ends_loops(void **state)
{
	FedStream	stream;

	(void) state;
	start_stream(&stream, 3);
	stream.failed = true;
	assert_false(fed_bernoulli_exp(&stream, UINT64_C(1) << 60, 1));
	assert_false(fed_bernoulli(&stream, 1, 3));
	fed_stream_end(&stream);
}

/* Words that are fed, the answer, and how many of them it takes. */
static void
expect(uint64_t n, uint64_t d, bool answer, size_t used, const uint64_t *words, size_t n_words)
{
	FedStream	stream;

	start_stream(&stream, 4);
	feed(&stream, words, n_words);
	assert_int_equal(fed_bernoulli(&stream, n, d), answer);
	assert_int_equal(stream.at, FED_STREAM_WORDS - n_words + used);
	fed_stream_end(&stream);
}

/* 1/3 is 0.0101... for ever: the words before the first that differs decide nothing. */
static void
a_third_is_compared_to_the_last_bit(void **state)
{
	(void) state;
	expect(1, 3, true, 1, (uint64_t[]) {thirds - 1}, 1);
	expect(1, 3, false, 1, (uint64_t[]) {thirds + 1}, 1);
	expect(1, 3, true, 3, (uint64_t[]) {thirds, thirds, thirds - 1}, 3);
	expect(1, 3, false, 3, (uint64_t[]) {thirds, thirds, thirds + 1}, 3);
	expect(2, 3, true, 2, (uint64_t[]) {2 * thirds, 0}, 2);
	expect(2, 3, false, 2, (uint64_t[]) {2 * thirds, UINT64_MAX}, 2);
}

static void
whole_bits_are_decided_at_once(void **state)
{
	(void) state;
	expect(1, 2, true, 1, (uint64_t[]) {UINT64_MAX / 2}, 1);
	expect(1, 2, false, 1, (uint64_t[]) {UINT64_MAX / 2 + 1}, 1);
	expect(0, 7, false, 1, (uint64_t[]) {0}, 1);
	expect(7, 7, true, 0, (uint64_t[]) {UINT64_MAX}, 1);
	expect(8, 7, true, 0, (uint64_t[]) {UINT64_MAX}, 1);
	/* the largest numbers there are */
	expect(UINT64_MAX - 1, UINT64_MAX, true, 1, (uint64_t[]) {UINT64_MAX - 2}, 1);
	expect(UINT64_MAX - 1, UINT64_MAX, false, 2, (uint64_t[]) {UINT64_MAX - 1, UINT64_MAX}, 2);
	expect(1, UINT64_MAX, true, 1, (uint64_t[]) {0}, 1);
	expect(1, UINT64_MAX, true, 2, (uint64_t[]) {1, 0}, 2);
}

/*
 * exp(-1/3), each trial of the algorithm with a probability of its own: 1/3, then
 * (1/3)(1/2), (1/3)(1/3). A trial fails by its first or by its second factor.
 */
static void
trials_of_exp_are_counted(void **state)
{
	static const struct
	{
		bool		answer;
		uint64_t	words[6];
		size_t		used;
	}			cases[] = {
		{true, {UINT64_MAX}, 1},
		{false, {0, UINT64_MAX}, 2},
		{false, {0, 0, UINT64_MAX / 2 + 1}, 3},
		{true, {0, 0, UINT64_MAX / 2, UINT64_MAX}, 4},
		{true, {0, 0, UINT64_MAX / 2, 0, thirds + 1}, 5},
		{false, {0, 0, UINT64_MAX / 2, 0, thirds - 1, UINT64_MAX}, 6},
	};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		FedStream	stream;

		start_stream(&stream, 5);
		feed(&stream, cases[i].words, LENGTH(cases[i].words));
		assert_int_equal(fed_bernoulli_exp(&stream, 1, 3), cases[i].answer);
		assert_int_equal(stream.at, FED_STREAM_WORDS - LENGTH(cases[i].words) + cases[i].used);
		fed_stream_end(&stream);
	}
}

/* With eight bits, heads 0 to 84 are below 1/3, 86 and up are not, 85 needs another word. */
static void
a_head_is_the_first_bits(void **state)
{
	(void) state;
	for (uint64_t head = 0; head < 256; head++)
	{
		FedStream	stream;
		size_t		used = head < 85 ? 1 : head == 85 ? 1 : 0;

		start_stream(&stream, 6);
		/* head 85: above; head below 85: the first trial succeeds, the second fails */
		feed(&stream, (uint64_t[]) {UINT64_MAX, UINT64_MAX}, 2);
		assert_int_equal(fed_bernoulli_exp_from(&stream, head, 8, 1, 3), head >= 85);
		assert_int_equal(stream.at, FED_STREAM_WORDS - 2 + used);
		fed_stream_end(&stream);
	}
}

/* A probability's frequency, in standard deviations. */
static double
deviation(size_t hits, double p)
{
	return ((double) hits - COINS * p) / sqrt(COINS * p * (1 - p));
}

static void
frequencies_are_right(void **state)
{
	static const uint64_t ratios[][2] = {{1, 7}, {5, 7}, {1, 2}, {999, 1000}, {1, 1000},
	{UINT64_C(1) << 60, (UINT64_C(1) << 62) + 1}};
	FedStream	stream;

	(void) state;
	start_stream(&stream, 7);
	for (size_t i = 0; i < LENGTH(ratios); i++)
	{
		size_t		hits = 0;

		for (int k = 0; k < COINS; k++)
			hits += fed_bernoulli(&stream, ratios[i][0], ratios[i][1]);
		assert_true(fabs(deviation(hits, (double) ratios[i][0] / (double) ratios[i][1])) < 4);
	}
	fed_stream_end(&stream);
}

static void
frequencies_of_exp_are_right(void **state)
{
	static const uint64_t ratios[][2] = {{1, 100}, {1, 3}, {99, 100}, {1, 1}, {101, 100}, {2, 1}, {5, 2}, {7, 1},
	{UINT64_C(1) << 48, UINT64_C(1) << 49}};
	FedStream	stream;

	(void) state;
	start_stream(&stream, 8);
	for (size_t i = 0; i < LENGTH(ratios); i++)
	{
		double		p = exp(-(double) ratios[i][0] / (double) ratios[i][1]);
		size_t		hits = 0;
		size_t		headed = 0;

		for (int k = 0; k < COINS; k++)
		{
			hits += fed_bernoulli_exp(&stream, ratios[i][0], ratios[i][1]);
			headed += fed_bernoulli_exp_from(&stream, fed_stream_next(&stream) >> 60, 4, ratios[i][0], ratios[i][1]);
		}
		assert_true(fabs(deviation(hits, p)) < 4);
		assert_true(fabs(deviation(headed, p)) < 4);
	}
	assert_true(fed_bernoulli_exp(&stream, 0, 5));
	assert_false(fed_bernoulli_exp(&stream, 1000, 1));
	fed_stream_end(&stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_aes_256),
		cmocka_unit_test(words_go_on_after_a_refill),
		cmocka_unit_test(keys_of_the_system_differ),
		cmocka_unit_test(an_ended_stream_holds_nothing),
		cmocka_unit_test(a_failed_stream_ends_loops),
		cmocka_unit_test(a_third_is_compared_to_the_last_bit),
		cmocka_unit_test(whole_bits_are_decided_at_once),
		cmocka_unit_test(trials_of_exp_are_counted),
		cmocka_unit_test(a_head_is_the_first_bits),
		cmocka_unit_test(frequencies_are_right),
		cmocka_unit_test(frequencies_of_exp_are_right),
	};

	return RUN_TESTS(tests);
}
