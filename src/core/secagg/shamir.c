/*
 * shamir.c
 *		Shamir's secret sharing of 32 bytes over GF(2^8).
 *
 * No tables: which entry is read would depend on secrets. All 32 bytes go
 * through the same steps, which the compiler makes vectors of.
 */
#include "core/secagg/shamir.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/secagg/threshold.h"

#define MAX_SHARES FED_SECAGG_MAX_COHORT

/* v * 2 in GF(2^8): the bit that falls out comes back as 0x1B. */
static inline uint8_t
doubled(uint8_t v)
{
	return (uint8_t) (v << 1 ^ (0x1b & (uint8_t) -(v >> 7)));
}

uint8_t
fed_gf256_multiply(uint8_t a, uint8_t b)
{
	uint8_t		product = 0;

	for (int bit = 0; bit < 8; bit++)
	{
		product ^= a & (uint8_t) -(b >> bit & 1);
		a = doubled(a);
	}
	return product;
}

/* a^254 = 1/a; 0 for 0. */
static uint8_t
inverse(uint8_t a)
{
	uint8_t		power = a;		/* a^(2^i - 1) */

	for (int i = 0; i < 6; i++)
		power = fed_gf256_multiply(fed_gf256_multiply(power, power), a);
	return fed_gf256_multiply(power, power);
}

/* sum[i] ^= v[i] * by, for all bytes of a share. */
static inline void
add_multiple(FedShare sum, const FedShare v, uint8_t by)
{
	FedShare	power;

	memcpy(power, v, sizeof(power));
	for (int bit = 0; bit < 8; bit++)
	{
		uint8_t		taken = (uint8_t) -(by >> bit & 1);

		for (int i = 0; i < FED_SHARE_BYTES; i++)
		{
			sum[i] ^= power[i] & taken;
			power[i] = doubled(power[i]);
		}
	}
	OPENSSL_cleanse(power, sizeof(power));
}

bool
fed_shamir_fresh(FedShare *coefficients, uint32_t t, FedSecaggError *err)
{
	if (t > 1 && RAND_priv_bytes((uint8_t *) coefficients,
								 (int) ((t - 1) * sizeof(FedShare))) != 1)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto has no random bytes");
	return true;
}

/* f(x) = (… (c_{t-1} x + c_{t-2}) x + …) x + secret (Horner). */
static void
evaluate(const FedShare secret, const FedShare *coefficients, uint32_t t,
		 uint8_t x, FedShare out)
{
	FedShare	value = {0};

	for (uint32_t m = t; m-- > 0;)
	{
		const uint8_t *next = m == 0 ? secret : coefficients[m - 1];
		FedShare	sum;

		memcpy(sum, next, sizeof(sum));
		add_multiple(sum, value, x);
		memcpy(value, sum, sizeof(value));
		OPENSSL_cleanse(sum, sizeof(sum));
	}
	memcpy(out, value, sizeof(FedShare));
	OPENSSL_cleanse(value, sizeof(value));
}

bool
fed_shamir_deal(const FedShare secret, const FedShare *coefficients,
				uint32_t t, uint32_t n, FedShare *shares, FedSecaggError *err)
{
	if (t < 1 || t > n || n > MAX_SHARES)
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "no sharing of %" PRIu32 " of %" PRIu32 " shares",
							   t, n);
	for (uint32_t x = 1; x <= n; x++)
		evaluate(secret, coefficients, t, (uint8_t) x, shares[x - 1]);
	return true;
}

/* Holders' indices that a polynomial can go through. */
static bool
check_indices(const uint8_t *x, uint32_t k, FedSecaggError *err)
{
	bool		seen[MAX_SHARES + 1] = {false};

	for (uint32_t i = 0; i < k; i++)
	{
		if (x[i] < 1 || x[i] > MAX_SHARES)
			return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
								   "a share of holder %u: holders are 1 to %d",
								   x[i], MAX_SHARES);
		if (seen[x[i]])
			return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
								   "two shares of holder %u", x[i]);
		seen[x[i]] = true;
	}
	return true;
}

/*
 * A polynomial by t of its shares, `chosen` by place, whose indices have been
 * checked: weights[i] = 1 / prod_{j != i} (x_i - x_j), Lagrange's constants.
 */
typedef struct Polynomial
{
	const uint8_t *x;
	const FedShare *shares;
	const uint8_t *chosen;
	uint32_t	t;
	uint8_t		weights[MAX_SHARES];
} Polynomial;

static void
weigh(Polynomial *f)
{
	uint8_t		x[MAX_SHARES] = {0};
	uint8_t		below[MAX_SHARES];

	for (uint32_t i = 0; i < f->t; i++)
		x[i] = f->x[f->chosen[i]];
	memset(below, 1, sizeof(below));
	/* All at once, as vectors; where x_i meets itself the factor is 1. */
	for (uint32_t j = 0; j < f->t; j++)
	{
		for (uint32_t i = 0; i < MAX_SHARES; i++)
			below[i] = fed_gf256_multiply(below[i],
										  (uint8_t) ((x[i] ^ x[j]) | (i == j)));
	}
	for (uint32_t i = 0; i < f->t; i++)
		f->weights[i] = inverse(below[i]);
}

/* f(at), where none of the chosen shares stands: by Lagrange's sum. */
static void
evaluate_between(const Polynomial *f, uint8_t at, FedShare out)
{
	FedShare	sum = {0};
	uint8_t		above = 1;

	for (uint32_t i = 0; i < f->t; i++)
		above = fed_gf256_multiply(above, at ^ f->x[f->chosen[i]]);
	for (uint32_t i = 0; i < f->t; i++)
	{
		uint32_t	own = f->chosen[i];
		uint8_t		others = fed_gf256_multiply(above, inverse(at ^ f->x[own]));

		add_multiple(sum, f->shares[own],
					 fed_gf256_multiply(others, f->weights[i]));
	}
	memcpy(out, sum, sizeof(FedShare));
	OPENSSL_cleanse(sum, sizeof(sum));
}

static void
choose_window(uint8_t *chosen, uint32_t k, uint32_t t, uint32_t start)
{
	for (uint32_t i = 0; i < t; i++)
		chosen[i] = (uint8_t) ((start + i) % k);
}

bool
fed_shamir_combine(const uint8_t *x, const FedShare *shares, uint32_t t,
				   uint8_t at, FedShare out, FedSecaggError *err)
{
	uint8_t		chosen[MAX_SHARES];
	Polynomial	f = {x, shares, chosen, t, {0}};

	if (t < 1 || t > MAX_SHARES)
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "no secret of %" PRIu32 " shares", t);
	if (!check_indices(x, t, err))
		return false;
	for (uint32_t i = 0; i < t; i++)
	{
		if (x[i] == at)
		{
			memmove(out, shares[i], sizeof(FedShare));
			return true;
		}
	}
	choose_window(chosen, t, t, 0);
	weigh(&f);
	evaluate_between(&f, at, out);
	return true;
}

/* k over t, or FED_SHAMIR_TRIES + 1 if it is more than FED_SHAMIR_TRIES. */
static uint32_t
count_subsets(uint32_t k, uint32_t t)
{
	uint64_t	count = 1;

	if (t > k - t)
		t = k - t;
	for (uint32_t i = 1; i <= t; i++)
	{
		count = count * (k - t + i) / i;
		if (count > FED_SHAMIR_TRIES)
			return FED_SHAMIR_TRIES + 1;
	}
	return (uint32_t) count;
}

/* The next subset of 0 … k - 1 in lexical order; false after the last. */
static bool
next_subset(uint8_t *chosen, uint32_t k, uint32_t t)
{
	for (uint32_t i = t; i-- > 0;)
	{
		if (chosen[i] < k - t + i)
		{
			chosen[i]++;
			for (uint32_t j = i + 1; j < t; j++)
				chosen[j] = (uint8_t) (chosen[j - 1] + 1);
			return true;
		}
	}
	return false;
}

/*
 * A subset that looks random, by splitmix64 (Steele, Lea, Flood 2014) and the
 * first t steps of a shuffle. The same ones in every run: what is unpredictable
 * here would help nobody.
 */
static void
choose_scattered(uint8_t *chosen, uint32_t k, uint32_t t, uint64_t *state)
{
	uint8_t		all[MAX_SHARES];

	choose_window(all, k, k, 0);
	for (uint32_t i = 0; i < t; i++)
	{
		uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));
		uint32_t	from;

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		from = i + (uint32_t) ((z ^ z >> 31) % (k - i));
		chosen[i] = all[from];
		all[from] = all[i];
	}
}

/*
 * The order in which subsets are tried. Neighbours in a ring first: they find
 * the secret whenever the wrong shares stand together, a single one above all.
 * Then all subsets, if there are few enough, else scattered ones.
 */
typedef struct Search
{
	uint32_t	k;
	uint32_t	t;
	uint32_t	most;			/* subsets that may be looked at */
	uint32_t	tried;
	bool		few;
	uint64_t	state;
	uint8_t		chosen[MAX_SHARES];
} Search;

static bool
next_try(Search *search)
{
	uint32_t	windows = search->k;
	uint32_t	tried = search->tried;

	if (tried >= search->most || (tried > 0 && search->k == search->t))
		return false;
	if (tried < windows)
		choose_window(search->chosen, search->k, search->t, tried);
	else if (!search->few)
		choose_scattered(search->chosen, search->k, search->t, &search->state);
	else if (tried == windows)
		choose_window(search->chosen, search->k, search->t, 0);
	else if (!next_subset(search->chosen, search->k, search->t))
		return false;
	search->tried++;
	return true;
}

/* Shares that were chosen lie on the polynomial that they made. */
static void
find_deviating(const Polynomial *f, uint32_t k, bool *deviates)
{
	bool		chosen[MAX_SHARES] = {false};
	FedShare	expected;

	for (uint32_t i = 0; i < f->t; i++)
		chosen[f->chosen[i]] = true;
	for (uint32_t i = 0; i < k; i++)
	{
		deviates[i] = false;
		if (chosen[i])
			continue;
		evaluate_between(f, f->x[i], expected);
		deviates[i] = CRYPTO_memcmp(expected, f->shares[i],
									sizeof(expected)) != 0;
	}
	OPENSSL_cleanse(expected, sizeof(expected));
}

bool
fed_shamir_recover(const uint8_t *x, const FedShare *shares,
				   uint32_t k, uint32_t t, FedShamirCheck check, void *arg,
				   FedShare secret, bool *deviates, uint32_t *tries,
				   FedSecaggError *err)
{
	Search		search = {.k = k, .t = t, .most = *tries};
	Polynomial	f = {x, shares, search.chosen, t, {0}};
	bool		found = false;

	if (t < 1 || k > MAX_SHARES || k < t)
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "%" PRIu32 " shares, %" PRIu32 " are needed",
							   k, t);
	if (!check_indices(x, k, err))
		return false;
	search.few = count_subsets(k, t) <= FED_SHAMIR_TRIES - k;
	while (!found && next_try(&search))
	{
		weigh(&f);
		evaluate_between(&f, 0, secret);
		found = check(secret, arg);
	}
	*tries -= search.tried;
	if (!found)
	{
		OPENSSL_cleanse(secret, sizeof(FedShare));
		return fed_secagg_fail(err, FED_SECAGG_REFUSED,
							   "none of %" PRIu32 " subsets of %" PRIu32 " shares gives the secret",
							   search.tried, k);
	}
	find_deviating(&f, k, deviates);
	return true;
}
