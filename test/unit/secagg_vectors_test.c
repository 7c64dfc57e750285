/*
 * secagg_vectors_test.c
 *		The whole exchange of five Islands of test/vectors/secagg_n5.json, value
 *		by value: active, threshold 4, Island 3 lost after it shared.
 */
#include "support.h"

#include <jansson.h>

#include "core/digest.h"
#include "core/secagg/envelope.h"
#include "core/secagg/mask.h"
#include "core/secagg/quantiser.h"
#include "core/secagg/reveal.h"
#include "core/secagg/task_text.h"
#include "core/secagg/transcript.h"

#define N 5
#define T 4
#define D 21
#define AUX 5
#define SLICE 8
#define SLICES 3

static json_t *vectors;

/* What most tests need, by u - 1. */
static uint8_t c0[FED_SHA256_BYTES];
static uint8_t ctx[FED_CTX_BYTES];
static uint8_t advs[N][FED_ADV_BYTES];
static FedSecaggAdv members[N];
static uint8_t m_pk[N][FED_KEY_BYTES];

static json_t *
field(json_t *object, const char *name)
{
	json_t	   *value = json_object_get(object, name);

	if (value == NULL)
		fail_msg("the vectors have no %s", name);
	return value;
}

static void
read_hex(json_t *value, uint8_t *out, size_t len)
{
	assert_true(json_is_string(value));
	assert_true(fed_hex_decode(json_string_value(value), out, len));
}

static void
hex(json_t *object, const char *name, uint8_t *out, size_t len)
{
	read_hex(field(object, name), out, len);
}

static void
assert_hex(json_t *object, const char *name, const uint8_t *got, size_t len)
{
	uint8_t		expected[256];

	assert_true(len <= sizeof(expected));
	hex(object, name, expected, len);
	assert_memory_equal(got, expected, len);
}

static int64_t
integer(json_t *object, const char *name)
{
	return json_integer_value(field(object, name));
}

static json_t *
participant(uint32_t u)
{
	char		key[8];

	snprintf(key, sizeof(key), "%u", u);
	return field(field(vectors, "participants"), key);
}

static FedSecaggSet
set_of(const char *name)
{
	json_t	   *list = field(vectors, name);
	FedSecaggSet set = {{0, 0}};
	int64_t		members_of[N];

	for (size_t i = 0; i < json_array_size(list); i++)
		members_of[i] = json_integer_value(json_array_get(list, i));
	assert_true(fed_set_from_list(&set, members_of, json_array_size(list), N, name, NULL));
	return set;
}

static int
load(void **state)
{
	json_error_t err;

	(void) state;
	vectors = json_load_file("../vectors/secagg_n5.json", 0, &err);
	if (vectors == NULL)
		return -1;
	hex(vectors, "c0", c0, sizeof(c0));
	hex(vectors, "ctx", ctx, sizeof(ctx));
	for (uint32_t u = 1; u <= N; u++)
	{
		hex(participant(u), "adv", advs[u - 1], FED_ADV_BYTES);
		fed_adv_unpack(advs[u - 1], &members[u - 1]);
		memcpy(m_pk[u - 1], members[u - 1].m_pk, FED_KEY_BYTES);
	}
	return 0;
}

static int
unload(void **state)
{
	(void) state;
	json_decref(vectors);
	return 0;
}

static FedSecaggParams
make_params(void)
{
	json_t	   *given = field(vectors, "params");
	json_t	   *vector = json_array_get(field(given, "vectors"), 0);
	const char *uuid = json_string_value(field(given, "session"));
	char		digits[33];
	size_t		n = 0;
	FedSecaggParams params = {
		.round = (uint32_t) integer(given, "round"),
		.attempt = (uint32_t) integer(given, "attempt"),
		.mode = FED_SECAGG_ACTIVE,
		.weights = FED_SECAGG_DECLARED,
		.n_vectors = 1,
		.aux_len = (uint32_t) integer(given, "aux_len"),
		.slice_values = (uint32_t) integer(given, "slice_values"),
		.Q = (uint64_t) integer(given, "Q"),
		.W_cap = (uint32_t) integer(given, "W_cap"),
		.n_cap = (uint32_t) integer(given, "n_cap"),
		.n_max = (uint32_t) integer(given, "n_max")
	};

	params.vectors[0].stream = (uint32_t) integer(vector, "stream");
	params.vectors[0].n_values = (uint64_t) integer(vector, "d");
	params.vectors[0].range = json_number_value(field(vector, "R"));
	for (; *uuid != '\0'; uuid++)
		if (*uuid != '-')
			digits[n++] = *uuid;
	digits[n] = '\0';
	assert_true(fed_hex_decode(digits, params.session, sizeof(params.session)));
	hex(vectors, "base_hash", params.base, sizeof(params.base));
	hex(vectors, "task_sha256", params.task, sizeof(params.task));
	return params;
}

static void
task_text(void **state)
{
	json_t	   *value = field(vectors, "task_text");
	FedTaskText *task = fed_task_text_parse(json_string_value(value),
											json_string_length(value), NULL);
	FedTaskEntry entries[32];
	size_t		n;
	char	   *text;
	size_t		len;
	uint8_t		digest[FED_SHA256_BYTES];

	(void) state;
	assert_non_null(task);
	n = fed_task_text_count(task);
	assert_in_range(n, 1, LENGTH(entries));
	for (size_t i = 0; i < n; i++)
		entries[n - 1 - i] = *fed_task_text_entry(task, i);
	assert_true(fed_task_text_build(entries, n, &text, &len, NULL));
	assert_string_equal(text, json_string_value(value));
	assert_true(fed_sha256(text, len, digest));
	assert_hex(vectors, "task_sha256", digest, sizeof(digest));
	assert_int_equal(fed_task_text_find(task, "total_rounds")->integer, 10);
	assert_true(fed_task_text_find(task, "secure_aggregation")->boolean);
	assert_true(fed_task_text_find(task, "secagg_range")->real == 1.0);
	assert_string_equal(fed_task_text_find(task, "workload")->string, "support-bot");
	assert_null(fed_task_text_find(task, "secagg_metric_bounds"));
	free(text);
	fed_task_text_free(task);
}

static void
base_and_c0(void **state)
{
	json_t	   *model = json_array_get(field(vectors, "base_model"), 0);
	FedSecaggBase *base = fed_base_new(1);
	FedSecaggParams params = make_params();
	uint8_t		digest[FED_SHA256_BYTES];

	(void) state;
	assert_non_null(base);
	assert_true(fed_base_vector(base, D));
	for (size_t i = 0; i < D; i++)
	{
		float		value = (float) json_number_value(json_array_get(model, i));

		assert_true(fed_base_values(base, &value, 1));
	}
	assert_true(fed_base_final(base, digest));
	fed_base_free(base);
	assert_hex(vectors, "base_hash", digest, sizeof(digest));
	assert_int_equal(fed_quantiser_levels(params.n_max), params.Q);
	assert_true(fed_secagg_c0(&params, digest, NULL));
	assert_hex(vectors, "c0", digest, sizeof(digest));
}

static void
keys_and_adv(void **state)
{
	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		json_t	   *island = participant(u);
		uint8_t		secret[FED_KEY_BYTES];
		uint8_t		identity[FED_KEY_BYTES];
		uint8_t		signature[FED_SIGNATURE_BYTES];
		uint8_t		packed[FED_ADV_BYTES];
		FedSecaggAdv adv;

		hex(island, "identity_sk", secret, sizeof(secret));
		assert_true(fed_ed25519_public(secret, identity, NULL));
		assert_hex(island, "identity_pk", identity, sizeof(identity));
		assert_true(fed_sign_adv(secret, c0, advs[u - 1], signature, NULL));
		assert_hex(island, "adv_signature", signature, sizeof(signature));
		assert_true(fed_verify_adv(identity, c0, advs[u - 1], signature, NULL));

		assert_true(fed_pid_of_identity(identity, adv.pid, NULL));
		assert_hex(island, "pid", adv.pid, sizeof(adv.pid));
		hex(island, "c_sk", secret, sizeof(secret));
		assert_true(fed_x25519_public(secret, adv.c_pk, NULL));
		assert_hex(island, "c_pk", adv.c_pk, sizeof(adv.c_pk));
		hex(island, "m_sk", secret, sizeof(secret));
		assert_true(fed_x25519_public(secret, adv.m_pk, NULL));
		assert_hex(island, "m_pk", adv.m_pk, sizeof(adv.m_pk));
		assert_true(fed_adv_has_m_sk(&adv, secret));
		hex(island, "b", secret, sizeof(secret));
		assert_true(fed_secagg_commit(c0, adv.pid, secret, adv.commit, NULL));
		assert_hex(island, "b_commit", adv.commit, sizeof(adv.commit));
		assert_true(fed_adv_has_b(&adv, c0, secret));
		assert_false(fed_adv_has_m_sk(&adv, secret));
		secret[31] ^= 1;
		assert_false(fed_adv_has_b(&adv, c0, secret));

		fed_adv_pack(&adv, packed);
		assert_memory_equal(packed, advs[u - 1], FED_ADV_BYTES);
	}
}

static void
roster(void **state)
{
	uint32_t	n = (uint32_t) integer(vectors, "n");
	uint32_t	t = fed_secagg_threshold(FED_SECAGG_ACTIVE, n);
	uint8_t		digest[FED_CTX_BYTES];

	(void) state;
	assert_int_equal(n, N);
	assert_int_equal(t, integer(vectors, "t"));
	assert_true(fed_roster_check(members, n, 8, NULL));
	assert_true(fed_secagg_ctx(c0, n, t, advs, digest, NULL));
	assert_hex(vectors, "ctx", digest, sizeof(digest));
}

static void
deal(uint32_t u, const char *secret_name, const char *coefficient_name, FedShare shares[N])
{
	json_t	   *given = field(participant(u), coefficient_name);
	FedShare	secret;
	FedShare	coefficients[T - 1];

	hex(participant(u), secret_name, secret, sizeof(secret));
	assert_int_equal(json_array_size(given), T - 1);
	for (size_t m = 0; m < T - 1; m++)
		read_hex(json_array_get(given, m), coefficients[m], sizeof(FedShare));
	assert_true(fed_shamir_deal(secret, coefficients, T, N, shares, NULL));
}

/* Seals, and opens at the other end with the key that is derived there. */
static void
exchange(json_t *share, uint32_t owner, uint32_t holder,
		 const FedShare sk_share, const FedShare b_share)
{
	uint8_t		envelope[FED_ENVELOPE_BYTES];
	uint8_t		secret[FED_KEY_BYTES];
	uint8_t		key[FED_KEY_BYTES];
	FedShare	opened[2];

	hex(share, "envelope", envelope, sizeof(envelope));
	hex(participant(owner), "c_sk", secret, sizeof(secret));
	assert_true(fed_share_key(secret, members[holder - 1].c_pk, ctx, owner, holder, key, NULL));
	assert_true(fed_envelope_seal(key, ctx, owner, holder, envelope, sk_share, b_share, envelope, NULL));
	assert_hex(share, "envelope", envelope, sizeof(envelope));

	hex(participant(holder), "c_sk", secret, sizeof(secret));
	assert_true(fed_share_key(secret, members[owner - 1].c_pk, ctx, owner, holder, key, NULL));
	assert_true(fed_envelope_open(key, ctx, owner, holder, envelope, opened[0], opened[1], NULL));
	assert_memory_equal(opened[0], sk_share, sizeof(FedShare));
	assert_memory_equal(opened[1], b_share, sizeof(FedShare));
}

static void
shares_and_envelopes(void **state)
{
	json_t	   *given = field(vectors, "shares");
	FedShare	sk[N][N];
	FedShare	b[N][N];
	size_t		i;
	json_t	   *share;

	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		deal(u, "m_sk", "shamir_coef_sk", sk[u - 1]);
		deal(u, "b", "shamir_coef_b", b[u - 1]);
	}
	assert_int_equal(json_array_size(given), N * N);
	json_array_foreach(given, i, share)
	{
		uint32_t	owner = (uint32_t) integer(share, "owner");
		uint32_t	holder = (uint32_t) integer(share, "holder");

		assert_int_equal(integer(share, "x"), holder);
		assert_hex(share, "sk_share", sk[owner - 1][holder - 1], sizeof(FedShare));
		assert_hex(share, "b_share", b[owner - 1][holder - 1], sizeof(FedShare));
		if (owner != holder)
			exchange(share, owner, holder, sk[owner - 1][holder - 1], b[owner - 1][holder - 1]);
	}
}

static void
derived_keys(void **state)
{
	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		uint8_t		secret[FED_KEY_BYTES];
		uint8_t		key[FED_KEY_BYTES];

		hex(participant(u), "b", secret, sizeof(secret));
		assert_true(fed_self_key(secret, ctx, u, key, NULL));
		assert_hex(participant(u), "self_key", key, sizeof(key));
		hex(participant(u), "m_sk", secret, sizeof(secret));
		for (uint32_t v = 1; v <= N; v++)
		{
			char		name[8];

			if (v == u)
				continue;
			snprintf(name, sizeof(name), "%u", v);
			assert_true(fed_pair_key(secret, m_pk[v - 1], ctx, u, v, key, NULL));
			assert_hex(field(participant(u), "pair_keys"), name, key, sizeof(key));
		}
	}
}

static FedQuantiser
quantiser_of(uint32_t u)
{
	FedSecaggParams params = make_params();

	return (FedQuantiser) {
		.R = params.vectors[0].range,
		.Q = params.Q,
		.W = fed_quantiser_weight((uint64_t) integer(participant(u), "n_samples"), params.n_cap, params.W_cap),
		.W_cap = params.W_cap
	};
}

/* q and aux of an Island, from its input. */
static void
quantise(uint32_t u, uint32_t q[D], uint32_t aux[AUX])
{
	json_t	   *input = json_array_get(field(participant(u), "input"), 0);
	json_t	   *metric = json_array_get(field(participant(u), "metrics"), 0);
	double		value = json_number_value(metric);
	FedQuantiser quantiser = quantiser_of(u);
	uint64_t	clamped = 0;
	float		x[D];

	for (size_t i = 0; i < D; i++)
		x[i] = (float) json_number_value(json_array_get(input, i));
	assert_true(fed_quantise(&quantiser, x, D, 0, q, &clamped, NULL));
	aux[FED_AUX_WEIGHT] = quantiser.W;
	aux[FED_AUX_COUNT] = 1;
	aux[FED_AUX_CLAMPED] = fed_aux_clamped(clamped, 8);
	assert_true(fed_aux_metric(&quantiser, json_is_null(metric) ? NULL : &value, aux + FED_AUX_METRICS, NULL));
}

static void
quantised(void **state)
{
	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		json_t	   *values = json_array_get(field(participant(u), "values"), 0);
		uint32_t	q[D];
		uint32_t	aux[AUX];

		quantise(u, q, aux);
		assert_int_equal(quantiser_of(u).W, integer(participant(u), "W"));
		for (size_t i = 0; i < D; i++)
			assert_int_equal((int32_t) q[i], json_integer_value(json_array_get(values, i)));
		for (size_t i = 0; i < AUX; i++)
			assert_int_equal((int32_t) aux[i],
							 json_integer_value(json_array_get(field(participant(u), "aux"), i)));
	}
}

static FedMask *
mask_of(uint32_t u)
{
	FedSecaggSet u2 = set_of("U2");
	uint8_t		b[FED_KEY_BYTES];
	uint8_t		m_sk[FED_KEY_BYTES];
	FedMask    *mask;

	hex(participant(u), "b", b, sizeof(b));
	hex(participant(u), "m_sk", m_sk, sizeof(m_sk));
	mask = fed_mask_of_island(u, b, m_sk, ctx, m_pk, N, &u2, NULL);
	assert_non_null(mask);
	assert_int_equal(fed_mask_keys(mask), N);
	return mask;
}

static size_t
slice_length(size_t slice)
{
	return slice < SLICES - 1 ? SLICE : D - (SLICES - 1) * SLICE;
}

/* The masked slices of an Island, one after the other, and its masked aux. */
static void
masked(uint32_t u, uint8_t bytes[4 * D], uint8_t aux_bytes[4 * AUX])
{
	json_t	   *slices = json_array_get(field(participant(u), "masked_slices"), 0);

	assert_int_equal(json_array_size(slices), SLICES);
	for (size_t i = 0; i < SLICES; i++)
		read_hex(json_array_get(slices, i), bytes + 4 * SLICE * i, 4 * slice_length(i));
	hex(participant(u), "masked_aux", aux_bytes, 4 * AUX);
}

static void
masks(void **state)
{
	FedSecaggSet u3 = set_of("U3");

	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		uint32_t	q[D];
		uint32_t	aux[AUX];
		uint8_t		bytes[4 * D];
		uint8_t		expected[4 * D];
		uint8_t		expected_aux[4 * AUX];
		FedMask    *mask;

		if (!fed_set_has(&u3, u))
			continue;
		mask = mask_of(u);
		quantise(u, q, aux);
		masked(u, expected, expected_aux);
		/* slices out of order: each is masked on its own */
		for (size_t i = SLICES; i-- > 0;)
			assert_true(fed_mask_apply(mask, FED_STREAM_DELTA, SLICE * i, q + SLICE * i, slice_length(i), NULL));
		fed_words_pack(q, D, bytes);
		assert_memory_equal(bytes, expected, sizeof(bytes));
		assert_true(fed_mask_apply(mask, FED_STREAM_AUX, 0, aux, AUX, NULL));
		fed_words_pack(aux, AUX, bytes);
		assert_memory_equal(bytes, expected_aux, sizeof(expected_aux));
		fed_mask_free(mask);
	}
}

static void
manifests(void **state)
{
	FedSecaggSet u3 = set_of("U3");

	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		FedSecaggManifest *manifest;
		uint8_t		bytes[4 * D];
		uint8_t		aux[4 * AUX];
		uint8_t		seed[FED_KEY_BYTES];
		uint8_t		identity[FED_KEY_BYTES];
		uint8_t		signature[FED_SIGNATURE_BYTES];
		uint8_t		digest[FED_SHA256_BYTES];

		if (!fed_set_has(&u3, u))
			continue;
		masked(u, bytes, aux);
		manifest = fed_upload_manifest_new(ctx, u, 1);
		assert_non_null(manifest);
		assert_true(fed_upload_manifest_vector(manifest, FED_STREAM_DELTA, SLICES));
		for (size_t i = 0; i < SLICES; i++)
		{
			assert_true(fed_sha256(bytes + 4 * SLICE * i, 4 * slice_length(i), digest));
			assert_true(fed_upload_manifest_slice(manifest, digest));
		}
		assert_true(fed_upload_manifest_final(manifest, aux, sizeof(aux), digest));
		fed_upload_manifest_free(manifest);
		assert_hex(participant(u), "manifest", digest, sizeof(digest));

		hex(participant(u), "identity_sk", seed, sizeof(seed));
		hex(participant(u), "identity_pk", identity, sizeof(identity));
		assert_true(fed_sign_upload(seed, digest, signature, NULL));
		assert_hex(participant(u), "upload_signature", signature, sizeof(signature));
		assert_true(fed_verify_upload(identity, digest, signature, NULL));
		assert_false(fed_verify_agree(identity, digest, signature, NULL));
	}
}

static void
agreement(void **state)
{
	FedSecaggSet u2 = set_of("U2");
	FedSecaggSet u3 = set_of("U3");
	uint8_t		sets[FED_SHA256_BYTES];

	(void) state;
	assert_true(fed_secagg_sets(ctx, &u2, &u3, sets, NULL));
	assert_hex(vectors, "sets_hash", sets, sizeof(sets));
	for (uint32_t u = 1; u <= N; u++)
	{
		uint8_t		seed[FED_KEY_BYTES];
		uint8_t		identity[FED_KEY_BYTES];
		uint8_t		signature[FED_SIGNATURE_BYTES];

		if (!fed_set_has(&u3, u))
			continue;
		hex(participant(u), "identity_sk", seed, sizeof(seed));
		hex(participant(u), "identity_pk", identity, sizeof(identity));
		assert_true(fed_sign_agree(seed, sets, signature, NULL));
		assert_hex(participant(u), "agree_signature", signature, sizeof(signature));
		assert_true(fed_verify_agree(identity, sets, signature, NULL));
		assert_false(fed_verify_upload(identity, sets, signature, NULL));
	}
}

static void
reveals(void **state)
{
	FedSecaggSet u2 = set_of("U2");
	FedSecaggSet u3 = set_of("U3");
	FedShare	shares[N][N];

	(void) state;
	for (uint32_t u = 1; u <= N; u++)
	{
		if (fed_set_has(&u3, u))
			deal(u, "b", "shamir_coef_b", shares[u - 1]);
		else
			deal(u, "m_sk", "shamir_coef_sk", shares[u - 1]);
	}
	for (uint32_t u = 1; u <= N; u++)
	{
		FedReveal	entries[FED_SECAGG_MAX_COHORT];
		uint8_t		bytes[N * FED_REVEAL_BYTES];
		size_t		count;

		if (!fed_set_has(&u3, u))
			continue;
		for (uint32_t v = 1; v <= N; v++)
		{
			entries[v - 1].owner = v;
			entries[v - 1].kind = fed_set_has(&u3, v) ? FED_REVEAL_B : FED_REVEAL_SK;
			entries[v - 1].x = (uint8_t) u;
			memcpy(entries[v - 1].share, shares[v - 1][u - 1], sizeof(FedShare));
		}
		fed_reveal_pack(entries, N, bytes);
		assert_hex(participant(u), "reveal", bytes, sizeof(bytes));
		assert_true(fed_reveal_parse(bytes, sizeof(bytes), u, N, entries, &count, NULL));
		assert_int_equal(count, N);
		assert_true(fed_reveal_check(entries, count, &u2, &u3, NULL, NULL));
	}
}

/* What the server makes of the reveals: secrets[u - 1] is b or m_sk. */
static void
reconstruct(uint8_t secrets[N][FED_KEY_BYTES])
{
	FedSecaggSet u3 = set_of("U3");
	FedShare	shares[N][N];
	uint8_t		x[N];
	uint32_t	k = 0;

	for (uint32_t u = 1; u <= N; u++)
	{
		FedReveal	entries[FED_SECAGG_MAX_COHORT];
		uint8_t		bytes[N * FED_REVEAL_BYTES];
		size_t		count;

		if (!fed_set_has(&u3, u))
			continue;
		hex(participant(u), "reveal", bytes, sizeof(bytes));
		assert_true(fed_reveal_parse(bytes, sizeof(bytes), u, N, entries, &count, NULL));
		for (uint32_t v = 1; v <= N; v++)
			memcpy(shares[v - 1][k], entries[v - 1].share, sizeof(FedShare));
		x[k++] = (uint8_t) u;
	}
	assert_int_equal(k, T);
	for (uint32_t v = 1; v <= N; v++)
		assert_true(fed_shamir_combine(x, shares[v - 1], T, 0, secrets[v - 1], NULL));
}

static void
reconstructed(void **state)
{
	FedSecaggSet u3 = set_of("U3");
	uint8_t		secrets[N][FED_KEY_BYTES];

	(void) state;
	reconstruct(secrets);
	for (uint32_t v = 1; v <= N; v++)
	{
		char		name[8];

		snprintf(name, sizeof(name), "%u", v);
		assert_hex(field(vectors, "reconstructed"), name, secrets[v - 1], FED_KEY_BYTES);
		assert_true(fed_set_has(&u3, v) ? fed_adv_has_b(&members[v - 1], c0, secrets[v - 1]) :
					fed_adv_has_m_sk(&members[v - 1], secrets[v - 1]));
	}
}

static void
unmasked(void **state)
{
	FedSecaggSet u2 = set_of("U2");
	FedSecaggSet u3 = set_of("U3");
	json_t	   *expected = field(vectors, "expected");
	uint8_t		secrets[N][FED_KEY_BYTES];
	uint32_t	sum[D] = {0};
	uint32_t	aux[AUX] = {0};
	double		mean[D];
	FedMask    *mask;
	FedQuantiser quantiser = quantiser_of(1);

	(void) state;
	reconstruct(secrets);
	mask = fed_mask_of_sum(secrets, ctx, m_pk, N, &u2, &u3, NULL);
	assert_non_null(mask);
	assert_int_equal(fed_mask_keys(mask), 4 + 4);
	for (uint32_t u = 1; u <= N; u++)
	{
		uint8_t		bytes[4 * D];
		uint8_t		aux_bytes[4 * AUX];

		if (!fed_set_has(&u3, u))
			continue;
		masked(u, bytes, aux_bytes);
		fed_mask_sum(sum, bytes, D);
		fed_mask_sum(aux, aux_bytes, AUX);
	}
	for (size_t page = 0; page < D; page += 4)
		assert_true(fed_mask_apply(mask, FED_STREAM_DELTA, page, sum + page, D - page < 4 ? D - page : 4, NULL));
	assert_true(fed_mask_apply(mask, FED_STREAM_AUX, 0, aux, AUX, NULL));
	fed_mask_free(mask);

	for (size_t i = 0; i < AUX; i++)
		assert_int_equal(aux[i], json_integer_value(json_array_get(field(expected, "aux_sum"), i)));
	fed_quantiser_mean(&quantiser, sum, D, aux[FED_AUX_WEIGHT], mean);
	for (size_t i = 0; i < D; i++)
	{
		json_t	   *sums = json_array_get(field(expected, "sum_int"), 0);
		json_t	   *means = json_array_get(field(expected, "mean"), 0);

		assert_int_equal((int32_t) sum[i], json_integer_value(json_array_get(sums, i)));
		assert_true(mean[i] == json_number_value(json_array_get(means, i)));
	}
	assert_true(fed_aux_metric_mean(&quantiser, aux + FED_AUX_METRICS) ==
				json_number_value(field(field(expected, "metrics"), "accuracy")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_text),
		cmocka_unit_test(base_and_c0),
		cmocka_unit_test(keys_and_adv),
		cmocka_unit_test(roster),
		cmocka_unit_test(shares_and_envelopes),
		cmocka_unit_test(derived_keys),
		cmocka_unit_test(quantised),
		cmocka_unit_test(masks),
		cmocka_unit_test(manifests),
		cmocka_unit_test(agreement),
		cmocka_unit_test(reveals),
		cmocka_unit_test(reconstructed),
		cmocka_unit_test(unmasked)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, load, unload);
}
