/*
 * secagg_shamir_test.c
 *		Sharing secrets: any t make them, t - 1 say nothing, wrong ones are found.
 */
#include "support.h"

#include "core/secagg/shamir.h"
#include "core/secagg/threshold.h"

#define MOST FED_SECAGG_MAX_COHORT

/* GF(2^8) by polynomials, as FIPS 197, section 4.2 describes it. */
static uint8_t
multiply_by_hand(uint8_t a, uint8_t b)
{
	unsigned	product = 0;

	for (int bit = 0; bit < 8; bit++)
		if (b >> bit & 1)
			product ^= (unsigned) a << bit;
	for (int bit = 15; bit >= 8; bit--)
		if (product >> bit & 1)
			product ^= 0x11bu << (bit - 8);
	return (uint8_t) product;
}

static void
field(void **state)
{
	(void) state;
	assert_int_equal(fed_gf256_multiply(0x57, 0x83), 0xc1); /* FIPS 197 */
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++)
			assert_int_equal(fed_gf256_multiply((uint8_t) a, (uint8_t) b),
							 multiply_by_hand((uint8_t) a, (uint8_t) b));
}

static void
shuffle(uint64_t *random, uint8_t *x, uint32_t n)
{
	for (uint32_t i = n - 1; i > 0; i--)
	{
		uint32_t	j = (uint32_t) (next_random(random) % (i + 1));
		uint8_t		kept = x[i];

		x[i] = x[j];
		x[j] = kept;
	}
}

/* Any t of n, in any order, for thresholds of both modes and the extremes. */
static void
any_t_combine(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 10, 33, 100, 127, 128};
	uint64_t	random = 3;

	(void) state;
	for (size_t s = 0; s < LENGTH(sizes); s++)
	{
		uint32_t	n = sizes[s];
		uint32_t	thresholds[] = {1, n / 2 + 1, 2 * n / 3 + 1, n};

		for (size_t i = 0; i < LENGTH(thresholds); i++)
		{
			uint32_t	t = thresholds[i] > n ? n : thresholds[i];
			FedShare	secret;
			FedShare	coefficients[MOST];
			FedShare	shares[MOST];
			FedShare	chosen[MOST];
			FedShare	got;
			uint8_t		x[MOST];

			fill_random(&random, secret, sizeof(secret));
			assert_true(fed_shamir_fresh(coefficients, t, NULL));
			assert_true(fed_shamir_deal(secret, coefficients, t, n, shares, NULL));
			for (uint32_t j = 0; j < n; j++)
				x[j] = (uint8_t) (j + 1);
			for (int repeat = 0; repeat < 5; repeat++)
			{
				shuffle(&random, x, n);
				for (uint32_t j = 0; j < t; j++)
					memcpy(chosen[j], shares[x[j] - 1], sizeof(FedShare));
				assert_true(fed_shamir_combine(x, chosen, t, 0, got, NULL));
				assert_memory_equal(got, secret, sizeof(got));
				/* and every other share follows from them */
				assert_true(fed_shamir_combine(x, chosen, t, x[n - 1], got, NULL));
				assert_memory_equal(got, shares[x[n - 1] - 1], sizeof(got));
			}
		}
	}
}

/*
 * t = 3: over all coefficients of one byte, each pair of shares that two
 * holders may have comes with every secret equally often (once).
 */
static void
fewer_say_nothing(void **state)
{
	static uint8_t seen[65536];

	(void) state;
	for (int secret = 0; secret < 256; secret += 51)
	{
		memset(seen, 0, sizeof(seen));
		for (int c = 0; c < 65536 / 32; c++)
		{
			/* 32 polynomials at a time, one per byte */
			FedShare	secrets;
			FedShare	coefficients[2];
			FedShare	shares[5];

			memset(secrets, secret, sizeof(secrets));
			for (int i = 0; i < 32; i++)
			{
				coefficients[0][i] = (uint8_t) (32 * c + i);
				coefficients[1][i] = (uint8_t) ((32 * c + i) >> 8);
			}
			assert_true(fed_shamir_deal(secrets, coefficients, 3, 5, shares, NULL));
			for (int i = 0; i < 32; i++)
				seen[shares[1][i] << 8 | shares[4][i]]++;
		}
		for (int pair = 0; pair < 65536; pair++)
			assert_int_equal(seen[pair], 1);
	}
}

static void
bad_numbers_refused(void **state)
{
	FedSecaggError err = {0};
	FedShare	secret = {1};
	FedShare	shares[4] = {{1}};
	FedShare	out;

	(void) state;
	assert_false(fed_shamir_deal(secret, shares, 0, 3, shares, NULL));
	assert_false(fed_shamir_deal(secret, shares, 4, 3, shares, NULL));
	assert_false(fed_shamir_deal(secret, shares, 2, 129, shares, &err));
	assert_int_equal(err.code, FED_SECAGG_OUT_OF_RANGE);
	assert_false(fed_shamir_combine((uint8_t[]) {1, 2, 1}, shares, 3, 0, out, &err));
	assert_int_equal(err.code, FED_SECAGG_MALFORMED);
	assert_string_equal(err.message, "two shares of holder 1");
	assert_false(fed_shamir_combine((uint8_t[]) {1, 0, 2}, shares, 3, 0, out, NULL));
	assert_false(fed_shamir_combine((uint8_t[]) {1, 129, 2}, shares, 3, 0, out, NULL));
	assert_false(fed_shamir_combine((uint8_t[]) {1}, shares, 0, 0, out, NULL));
}

static bool
is_secret(const FedShare candidate, void *arg)
{
	return memcmp(candidate, arg, sizeof(FedShare)) == 0;
}

/* k shares of a sharing, of which those in `wrong` are spoilt. */
static bool
recover(uint32_t n, uint32_t t, uint32_t k, const uint32_t *wrong, size_t n_wrong,
		uint32_t *tried)
{
	uint64_t	random = 11;
	FedShare	secret;
	FedShare	coefficients[MOST];
	FedShare	shares[MOST];
	FedShare	got;
	uint8_t		x[MOST];
	bool		deviates[MOST];
	bool		expected[MOST] = {false};
	bool		ok;
	uint32_t	tries = FED_SHAMIR_TRIES;
	FedSecaggError err = {0};

	fill_random(&random, secret, sizeof(secret));
	fill_random(&random, coefficients, sizeof(coefficients));
	assert_true(fed_shamir_deal(secret, coefficients, t, n, shares, NULL));
	for (uint32_t i = 0; i < k; i++)
		x[i] = (uint8_t) (i + 1);
	for (size_t i = 0; i < n_wrong; i++)
	{
		shares[wrong[i]][i] ^= 0x40;
		expected[wrong[i]] = true;
	}
	ok = fed_shamir_recover(x, shares, k, t, is_secret, secret, got, deviates, &tries, &err);
	*tried = FED_SHAMIR_TRIES - tries;
	if (!ok)
	{
		static const FedShare zero;

		assert_int_equal(err.code, FED_SECAGG_REFUSED);
		assert_memory_equal(got, zero, sizeof(zero));
		return false;
	}
	assert_memory_equal(got, secret, sizeof(got));
	for (uint32_t i = 0; i < k; i++)
		assert_int_equal(deviates[i], expected[i]);
	return true;
}

static void
wrong_shares_found(void **state)
{
	uint32_t	tried;

	(void) state;
	assert_true(recover(5, 4, 4, NULL, 0, &tried));
	assert_int_equal(tried, 1);
	assert_false(recover(5, 4, 4, (uint32_t[]) {2}, 1, &tried));
	assert_int_equal(tried, 1);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(recover(5, 4, 5, &i, 1, &tried));
	assert_false(recover(5, 4, 5, (uint32_t[]) {0, 3}, 2, &tried));
	assert_true(recover(10, 7, 10, (uint32_t[]) {0, 4, 9}, 3, &tried));
	assert_in_range(tried, 1, 10 + 120);
	assert_false(recover(10, 7, 10, (uint32_t[]) {0, 3, 6, 9}, 4, &tried));
	assert_int_equal(tried, 10 + 120);
	assert_true(recover(100, 67, 100, (uint32_t[]) {0}, 1, &tried));
	assert_true(recover(128, 86, 128, (uint32_t[]) {7, 31, 63, 100}, 4, &tried));
}

/* No more than the limit, whatever there is to try. */
static void
search_ends(void **state)
{
	uint32_t	wrong[20];
	uint32_t	tried;

	(void) state;
	for (uint32_t i = 0; i < LENGTH(wrong); i++)
		wrong[i] = 2 * i;
	assert_false(recover(40, 21, 40, wrong, LENGTH(wrong), &tried));
	assert_int_equal(tried, FED_SHAMIR_TRIES);
}

/* The caller may allow fewer; a search that was cut off has not found anything. */
static void
tries_are_counted(void **state)
{
	const uint8_t x[] = {1, 2, 3};
	FedShare	shares[] = {{7}, {9}, {7}};	/* f(x) = 7, the second is wrong */
	FedShare	secret = {7};
	FedShare	got;
	bool		deviates[3];
	uint32_t	tries = 2;

	(void) state;
	assert_false(fed_shamir_recover(x, shares, 3, 2, is_secret, secret, got, deviates, &tries, NULL));
	assert_int_equal(tries, 0);
	tries = 5;
	assert_true(fed_shamir_recover(x, shares, 3, 2, is_secret, secret, got, deviates, &tries, NULL));
	assert_int_equal(tries, 2);
	assert_true(!deviates[0] && deviates[1] && !deviates[2]);
	assert_true(fed_shamir_combine(x, shares, 2, 2, got, NULL));
	assert_memory_equal(got, shares[1], sizeof(got));
}

static void
thresholds(void **state)
{
	static const uint32_t active[][3] = {
		{3, 3, 0}, {4, 3, 1}, {5, 4, 1}, {6, 5, 1}, {7, 5, 2}, {10, 7, 3}, {100, 67, 33}
	};

	(void) state;
	for (size_t i = 0; i < LENGTH(active); i++)
	{
		uint32_t	n = active[i][0];

		assert_int_equal(fed_secagg_threshold(FED_SECAGG_ACTIVE, n), active[i][1]);
		assert_int_equal(n - active[i][1], active[i][2]);
	}
	assert_int_equal(fed_secagg_threshold(FED_SECAGG_SEMI_HONEST, 3), 2);
	assert_int_equal(fed_secagg_threshold(FED_SECAGG_SEMI_HONEST, 4), 3);
	assert_int_equal(fed_secagg_threshold(FED_SECAGG_SEMI_HONEST, 5), 3);
	assert_int_equal(fed_secagg_minimum(2, 2), 3);
	assert_int_equal(fed_secagg_minimum(4, 3), 4);
	assert_int_equal(fed_secagg_minimum(4, 5), 5);
	for (uint32_t n = 3; n <= 128; n++)
	{
		uint32_t	t = fed_secagg_threshold(FED_SECAGG_ACTIVE, n);
		uint32_t	f = fed_secagg_max_colluding(FED_SECAGG_ACTIVE, n);
		uint32_t	M = fed_secagg_minimum(t, 3);

		assert_true(t <= n && 2 * t > n + f && M - f >= 2);
		t = fed_secagg_threshold(FED_SECAGG_SEMI_HONEST, n);
		assert_int_equal(fed_secagg_max_colluding(FED_SECAGG_SEMI_HONEST, n), t - 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field),
		cmocka_unit_test(any_t_combine),
		cmocka_unit_test(fewer_say_nothing),
		cmocka_unit_test(bad_numbers_refused),
		cmocka_unit_test(wrong_shares_found),
		cmocka_unit_test(search_ends),
		cmocka_unit_test(tries_are_counted),
		cmocka_unit_test(thresholds)
	};

	return RUN_TESTS(tests);
}
