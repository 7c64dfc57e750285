/*
 * secagg_masking_test.c
 *		Whole sums behind masks, with drop-outs; and what rosters, sets, reveals
 *		and manifests refuse.
 */
#include "support.h"

#include "core/secagg/hkdf.h"
#include "core/secagg/mask.h"
#include "core/secagg/quantiser.h"
#include "core/secagg/reveal.h"
#include "core/secagg/transcript.h"

#define MOST FED_SECAGG_MAX_COHORT
#define VALUES 5003				/* more than two chunks, and an odd rest */
#define PAGE 2016

typedef struct Cohort
{
	uint32_t	n;
	uint8_t		ctx[FED_CTX_BYTES];
	uint8_t		b[MOST][FED_KEY_BYTES];
	uint8_t		m_sk[MOST][FED_KEY_BYTES];
	uint8_t		m_pk[MOST][FED_KEY_BYTES];
} Cohort;

static void
make_cohort(Cohort *cohort, uint32_t n, uint64_t seed)
{
	cohort->n = n;
	fill_random(&seed, cohort->ctx, sizeof(cohort->ctx));
	fill_random(&seed, cohort->b, n * sizeof(cohort->b[0]));
	fill_random(&seed, cohort->m_sk, n * sizeof(cohort->m_sk[0]));
	for (uint32_t i = 0; i < n; i++)
		assert_true(fed_x25519_public(cohort->m_sk[i], cohort->m_pk[i], NULL));
}

/* What Island u uploads for its random values, which are added to plain. */
static void
upload(const Cohort *cohort, uint32_t u, const FedSecaggSet *u2, uint64_t stream,
	   uint32_t *plain, uint8_t *wire)
{
	static uint32_t values[VALUES];
	uint64_t	random = 1000 * stream + u;
	FedMask    *mask = fed_mask_of_island(u, cohort->b[u - 1], cohort->m_sk[u - 1], cohort->ctx,
										  cohort->m_pk, cohort->n, u2, NULL);

	assert_non_null(mask);
	assert_int_equal(fed_mask_keys(mask), fed_set_size(u2));
	for (size_t i = 0; i < VALUES; i++)
	{
		values[i] = (uint32_t) next_random(&random);
		plain[i] += values[i];
	}
	assert_true(fed_mask_apply(mask, stream, 0, values, VALUES, NULL));
	fed_words_pack(values, VALUES, wire);
	fed_mask_free(mask);
}

/* The sum of U3 without its masks, page by page, is the plain sum. */
static void
check_sum(const Cohort *cohort, const FedSecaggSet *u2, const FedSecaggSet *u3, uint64_t stream)
{
	static uint32_t plain[VALUES];
	static uint32_t sum[VALUES];
	static uint8_t wire[4 * VALUES + 1];
	static uint8_t secrets[MOST][FED_KEY_BYTES];
	uint32_t	dropped = fed_set_size(u2) - fed_set_size(u3);
	FedMask    *mask;

	memset(plain, 0, sizeof(plain));
	memset(sum, 0, sizeof(sum));
	for (uint32_t u = 1; u <= cohort->n; u++)
	{
		/* what the server has no right to is not there */
		memset(secrets[u - 1], 0xee, FED_KEY_BYTES);
		if (fed_set_has(u3, u))
		{
			upload(cohort, u, u2, stream, plain, wire + 1);
			fed_mask_sum(sum, wire + 1, VALUES);
			memcpy(secrets[u - 1], cohort->b[u - 1], FED_KEY_BYTES);
		}
		else if (fed_set_has(u2, u))
			memcpy(secrets[u - 1], cohort->m_sk[u - 1], FED_KEY_BYTES);
	}
	assert_memory_not_equal(sum, plain, sizeof(sum));
	mask = fed_mask_of_sum(secrets, cohort->ctx, cohort->m_pk, cohort->n, u2, u3, NULL);
	assert_non_null(mask);
	assert_int_equal(fed_mask_keys(mask), fed_set_size(u3) * (1 + dropped));
	for (size_t p = VALUES / PAGE + 1; p-- > 0;)
	{
		size_t		first = p * PAGE;

		assert_true(fed_mask_apply(mask, stream, first, sum + first,
								   VALUES - first < PAGE ? VALUES - first : PAGE, NULL));
	}
	assert_memory_equal(sum, plain, sizeof(sum));
	fed_mask_free(mask);
}

static void
sums(void **state)
{
	static const uint32_t sizes[] = {3, 5, 20, 100};
	static Cohort cohort;

	(void) state;
	for (size_t s = 0; s < LENGTH(sizes); s++)
	{
		uint32_t	n = sizes[s];
		FedSecaggSet all = {{0, 0}};
		FedSecaggSet shared = {{0, 0}};
		FedSecaggSet some = {{0, 0}};

		make_cohort(&cohort, n, n);
		for (uint32_t u = 1; u <= n; u++)
		{
			fed_set_add(&all, u);
			if (u % 7 != 3)		/* lost before it shared */
				fed_set_add(&shared, u);
			if (u % 7 != 3 && u % 4 != 2)	/* lost after it shared */
				fed_set_add(&some, u);
		}
		if (n < 100)			/* ten thousand agreements take a second */
			check_sum(&cohort, &all, &all, FED_STREAM_DELTA);
		if (n > 3 && n < 100)
			check_sum(&cohort, &shared, &shared, FED_STREAM_CONTROL);
		if (n > 3)
			check_sum(&cohort, &shared, &some, FED_STREAM_DELTA);
	}
}

/* Without the one key that is missing, nothing of the sum can be seen. */
static void
missing_key_hides(void **state)
{
	static Cohort cohort;
	FedSecaggSet all = {{0, 0}};
	uint8_t		secrets[3][FED_KEY_BYTES];
	uint32_t	sum[4] = {0};
	FedMask    *mask;

	(void) state;
	make_cohort(&cohort, 3, 9);
	for (uint32_t u = 1; u <= 3; u++)
		fed_set_add(&all, u);
	for (uint32_t u = 1; u <= 3; u++)
	{
		uint32_t	values[4] = {1, 2, 3, 4};

		mask = fed_mask_of_island(u, cohort.b[u - 1], cohort.m_sk[u - 1], cohort.ctx, cohort.m_pk, 3, &all, NULL);
		assert_true(fed_mask_apply(mask, 0, 0, values, 4, NULL));
		fed_mask_free(mask);
		for (int i = 0; i < 4; i++)
			sum[i] += values[i];
	}
	memcpy(secrets, cohort.b, sizeof(secrets));
	secrets[1][0] ^= 1;
	mask = fed_mask_of_sum(secrets, cohort.ctx, cohort.m_pk, 3, &all, &all, NULL);
	assert_true(fed_mask_apply(mask, 0, 0, sum, 4, NULL));
	fed_mask_free(mask);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(sum[i], 3 * (i + 1));
}

static void
mask_ranges(void **state)
{
	uint32_t	values[8] = {0};
	FedMask    *mask = fed_mask_new();
	FedSecaggError err = {0};

	(void) state;
	assert_true(fed_mask_apply(mask, 0, 4, values, 8, NULL));
	for (int i = 0; i < 8; i++)
		assert_int_equal(values[i], 0);
	assert_true(fed_mask_add_key(mask, (uint8_t[32]) {1}, false, NULL));
	assert_true(fed_mask_add_key(mask, (uint8_t[32]) {1}, true, NULL));
	assert_true(fed_mask_apply(mask, 0, 4, values, 8, NULL));
	for (int i = 0; i < 8; i++)
		assert_int_equal(values[i], 0);
	assert_false(fed_mask_apply(mask, 0, 3, values, 4, &err));
	assert_int_equal(err.code, FED_SECAGG_MALFORMED);
	fed_mask_free(mask);
}

static void
assert_refused(bool result, const FedSecaggError *err, const char *part)
{
	assert_false(result);
	if (strstr(err->message, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->message, part);
}

static void
rosters(void **state)
{
	FedSecaggAdv good[4] = {0};
	FedSecaggAdv bad[4];
	FedSecaggError err;

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		good[i].pid[15] = (uint8_t) (i + 1);
		assert_true(fed_x25519_public((uint8_t[32]) {(uint8_t) (8 * i + 8)}, good[i].c_pk, NULL));
		assert_true(fed_x25519_public((uint8_t[32]) {(uint8_t) (8 * i + 128)}, good[i].m_pk, NULL));
	}
	assert_true(fed_roster_check(good, 4, 4, NULL));
	assert_refused(fed_roster_check(good, 2, 4, &err), &err, "2 members are not 3 to 4");
	assert_refused(fed_roster_check(good, 4, 3, &err), &err, "4 members are not 3 to 3");
	assert_refused(fed_roster_check(good, 129, 200, &err), &err, "at most 128");

	memcpy(bad, good, sizeof(bad));
	bad[2].pid[15] = bad[1].pid[15];
	assert_refused(fed_roster_check(bad, 4, 4, &err), &err, "member 3 is not in the order");
	memcpy(bad, good, sizeof(bad));
	memcpy(bad[3].c_pk, bad[1].c_pk, 32);
	assert_refused(fed_roster_check(bad, 4, 4, &err), &err, "key of member 4 is also one of member 2");
	memcpy(bad, good, sizeof(bad));
	memcpy(bad[3].m_pk, bad[0].c_pk, 32);
	assert_refused(fed_roster_check(bad, 4, 4, &err), &err, "key of member 4 is also one of member 1");
	memcpy(bad, good, sizeof(bad));
	memcpy(bad[2].m_pk, bad[2].c_pk, 32);
	assert_refused(fed_roster_check(bad, 4, 4, &err), &err, "key of member 3 is also one of member 3");
	memcpy(bad, good, sizeof(bad));
	memset(bad[1].m_pk, 0, 32);
	assert_refused(fed_roster_check(bad, 4, 4, &err), &err, "member 2 has a key of low order");
}

static void
set_lists(void **state)
{
	FedSecaggSet a;
	FedSecaggSet b = {{0, 0}};
	FedSecaggError err;

	(void) state;
	assert_true(fed_set_from_list(&a, (int64_t[]) {1, 64, 65, 128}, 4, 128, "U2", NULL));
	assert_int_equal(fed_set_size(&a), 4);
	assert_true(fed_set_has(&a, 64) && fed_set_has(&a, 65) && fed_set_has(&a, 128));
	assert_false(fed_set_has(&a, 0) || fed_set_has(&a, 2) || fed_set_has(&a, 129));
	fed_set_add(&b, 65);
	fed_set_add(&b, 0);
	fed_set_add(&b, 129);
	assert_int_equal(fed_set_size(&b), 1);
	assert_true(fed_set_within(&b, &a));
	assert_false(fed_set_within(&a, &b) || fed_set_equal(&a, &b));
	assert_refused(fed_set_from_list(&b, (int64_t[]) {2, 2}, 2, 5, "U3", &err), &err, "U3: index 2 comes after 2");
	assert_refused(fed_set_from_list(&b, (int64_t[]) {3, 2}, 2, 5, "U3", &err), &err, "comes after 3");
	assert_refused(fed_set_from_list(&b, (int64_t[]) {0}, 1, 5, "U3", &err), &err, "1 to 5");
	assert_refused(fed_set_from_list(&b, (int64_t[]) {6}, 1, 5, "U3", &err), &err, "1 to 5");
	assert_refused(fed_set_from_list(&b, (int64_t[]) {INT64_C(4294967297)}, 1, 5, "U3", &err), &err, "1 to 5");
	assert_refused(fed_set_from_list(&b, (int64_t[]) {129}, 1, 200, "U3", &err), &err, "129");
	assert_int_equal(fed_set_size(&b), 1);
}

static void
reveals(void **state)
{
	FedReveal	entries[MOST];
	FedReveal	parsed[MOST];
	uint8_t		good[3 * FED_REVEAL_BYTES];
	uint8_t		bad[3 * FED_REVEAL_BYTES];
	FedSecaggSet u2 = {{0, 0}};
	FedSecaggSet u3 = {{0, 0}};
	FedSecaggSet without = {{0, 0}};
	FedSecaggError err;
	size_t		count;

	(void) state;
	for (uint32_t i = 0; i < 3; i++)
	{
		entries[i] = (FedReveal) {.owner = 2 * i + 1, .kind = i == 1 ? FED_REVEAL_SK : FED_REVEAL_B, .x = 5};
		memset(entries[i].share, (int) i, sizeof(FedShare));
		fed_set_add(&u2, 2 * i + 1);
		if (i != 1)
			fed_set_add(&u3, 2 * i + 1);
	}
	fed_reveal_pack(entries, 3, good);
	assert_true(fed_reveal_parse(good, sizeof(good), 5, 5, parsed, &count, NULL));
	assert_int_equal(count, 3);
	assert_int_equal(parsed[2].owner, 5);
	assert_memory_equal(parsed[2].share, entries[2].share, sizeof(FedShare));
	assert_true(fed_reveal_check(parsed, 3, &u2, &u3, NULL, NULL));

	assert_refused(fed_reveal_parse(good, sizeof(good) - 1, 5, 5, parsed, &count, &err), &err, "113 bytes");
	assert_refused(fed_reveal_parse(good, sizeof(good), 5, 4, parsed, &count, &err), &err, "owner 5 is not one of 1 to 4");
	assert_refused(fed_reveal_parse(good, sizeof(good), 4, 5, parsed, &count, &err), &err, "holder 5 from Island 4");
	memcpy(bad, good, sizeof(bad));
	bad[38] = 1;
	assert_refused(fed_reveal_parse(bad, sizeof(bad), 5, 5, parsed, &count, &err), &err, "owner 1 comes after 1");
	memcpy(bad, good, sizeof(bad));
	bad[38 + 3] = 1;
	assert_refused(fed_reveal_parse(bad, sizeof(bad), 5, 5, parsed, &count, &err), &err, "is not one of");
	memcpy(bad, good, sizeof(bad));
	bad[42] = 3;
	assert_refused(fed_reveal_parse(bad, sizeof(bad), 5, 5, parsed, &count, &err), &err, "kind 3 of owner 3");
	{
		static uint8_t long_one[(MOST + 1) * FED_REVEAL_BYTES];

		assert_refused(fed_reveal_parse(long_one, sizeof(long_one), 5, 5, parsed, &count, &err), &err, "at most 128");
	}

	assert_refused(fed_reveal_check(entries, 2, &u2, &u3, NULL, &err), &err, "no share of owner 5");
	fed_set_add(&without, 5);
	assert_true(fed_reveal_check(entries, 2, &u2, &u3, &without, NULL));
	assert_refused(fed_reveal_check(entries, 3, &u2, &u3, &without, &err), &err, "owner 5, which is not due");
	entries[1].kind = FED_REVEAL_B;
	assert_refused(fed_reveal_check(entries, 3, &u2, &u3, NULL, &err), &err, "kind of owner 3 must be 2");
	entries[1].kind = FED_REVEAL_SK;
	entries[0].kind = FED_REVEAL_SK;
	assert_refused(fed_reveal_check(entries, 3, &u2, &u3, NULL, &err), &err, "kind of owner 1 must be 1");
	entries[0].owner = 200;
	assert_false(fed_reveal_check(entries, 3, &u2, &u3, NULL, NULL));
}

/* Manifests and bases count what they are given. */
static void
unfinished(void **state)
{
	uint8_t		hash[32] = {0};
	float		values[3] = {0};

	(void) state;
	for (int wrong = 0; wrong < 5; wrong++)
	{
		FedSecaggManifest *manifest = fed_upload_manifest_new(hash, 1, 1);
		FedSecaggBase *base = fed_base_new(1);

		if (wrong != 1)
		{
			fed_upload_manifest_vector(manifest, 0, wrong == 2 ? 2 : 1);
			fed_base_vector(base, 3);
		}
		fed_upload_manifest_slice(manifest, hash);
		fed_base_values(base, values, wrong == 2 ? 2 : 3);
		if (wrong == 3)
		{
			fed_upload_manifest_slice(manifest, hash);
			fed_base_values(base, values, 1);
		}
		if (wrong == 4)
		{
			fed_upload_manifest_vector(manifest, 2, 0);
			fed_base_vector(base, 0);
		}
		assert_int_equal(fed_upload_manifest_final(manifest, hash, 4, hash), wrong == 0);
		assert_int_equal(fed_base_final(base, hash), wrong == 0);
		assert_false(fed_upload_manifest_final(manifest, hash, 4, hash));
		assert_false(fed_base_final(base, hash));
		fed_upload_manifest_free(manifest);
		fed_base_free(base);
	}
}

/* Without vectors, as in an evaluation, there is still something to sign. */
static void
empty_manifest(void **state)
{
	uint8_t		ctx[32] = {0};
	uint8_t		one[32];
	uint8_t		other[32];
	FedSecaggManifest *manifest = fed_upload_manifest_new(ctx, 1, 0);

	(void) state;
	assert_true(fed_upload_manifest_final(manifest, ctx, 4, one));
	fed_upload_manifest_free(manifest);
	manifest = fed_upload_manifest_new(ctx, 1, 0);
	assert_true(fed_upload_manifest_final(manifest, NULL, 0, other));
	fed_upload_manifest_free(manifest);
	assert_memory_not_equal(one, other, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(missing_key_hides),
		cmocka_unit_test(mask_ranges),
		cmocka_unit_test(rosters),
		cmocka_unit_test(set_lists),
		cmocka_unit_test(reveals),
		cmocka_unit_test(unfinished),
		cmocka_unit_test(empty_manifest)
	};

	return RUN_TESTS(tests);
}
