/*
 * transcript.c
 *		The hashes and signatures that bind everything of an attempt.
 */
#include "core/secagg/transcript.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/secagg/bytes.h"

/* A hash that remembers whether anything failed, so that it is asked once. */
typedef struct Hash
{
	FedSha256  *sha;
	bool		ok;
} Hash;

static void
put(Hash *hash, const void *data, size_t len)
{
	hash->ok = hash->ok && fed_sha256_update(hash->sha, data, len);
}

/* label is a literal, hashed with its terminating zero byte. */
#define start(hash, label) start_with(hash, label, sizeof(label))

static void
start_with(Hash *hash, const char *label, size_t len)
{
	hash->sha = fed_sha256_new();
	hash->ok = hash->sha != NULL;
	put(hash, label, len);
}

static void
put_le32(Hash *hash, uint32_t value)
{
	uint8_t		bytes[4];

	fed_store_le32(bytes, value);
	put(hash, bytes, sizeof(bytes));
}

static void
put_le64(Hash *hash, uint64_t value)
{
	uint8_t		bytes[8];

	fed_store_le64(bytes, value);
	put(hash, bytes, sizeof(bytes));
}

static void
put_f64le(Hash *hash, double value)
{
	uint8_t		bytes[8];

	fed_store_f64le(bytes, value);
	put(hash, bytes, sizeof(bytes));
}

static bool
finish(Hash *hash, uint8_t out[FED_SHA256_BYTES], FedSecaggError *err)
{
	bool		ok = hash->ok && fed_sha256_final(hash->sha, out);

	fed_sha256_free(hash->sha);
	hash->sha = NULL;
	return ok || fed_secagg_fail(err, FED_SECAGG_FAILED,
								 "libcrypto could not hash");
}

struct FedSecaggBase
{
	Hash		hash;
	uint32_t	vectors;		/* still to come */
	uint64_t	values;			/* still to come of the one begun */
};

FedSecaggBase *
fed_base_new(uint32_t n_vectors)
{
	FedSecaggBase *base = calloc(1, sizeof(FedSecaggBase));

	if (base == NULL)
		return NULL;
	start(&base->hash, "FSA1 base");
	put_le32(&base->hash, n_vectors);
	base->vectors = n_vectors;
	return base;
}

bool
fed_base_vector(FedSecaggBase *base, uint64_t n_values)
{
	if (base->vectors == 0 || base->values != 0)
		base->hash.ok = false;
	else
		base->vectors--;
	base->values = n_values;
	put_le64(&base->hash, n_values);
	return base->hash.ok;
}

bool
fed_base_values(FedSecaggBase *base, const float *values, size_t count)
{
	if (count > base->values)
		return base->hash.ok = false;
	base->values -= count;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	put(&base->hash, values, count * sizeof(float));
#else
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], sizeof(bits));
		put_le32(&base->hash, bits);
	}
#endif
	return base->hash.ok;
}

bool
fed_base_final(FedSecaggBase *base, uint8_t hash[FED_SHA256_BYTES])
{
	if (base->vectors != 0 || base->values != 0 || base->hash.sha == NULL)
		return base->hash.ok = false;
	return base->hash.ok = finish(&base->hash, hash, NULL);
}

void
fed_base_free(FedSecaggBase *base)
{
	if (base == NULL)
		return;
	fed_sha256_free(base->hash.sha);
	free(base);
}

bool
fed_secagg_c0(const FedSecaggParams *params, uint8_t c0[FED_SHA256_BYTES],
			  FedSecaggError *err)
{
	Hash		hash;

	if (params->n_vectors > FED_SECAGG_MAX_VECTORS)
		return fed_secagg_fail(err, FED_SECAGG_OUT_OF_RANGE,
							   "%" PRIu32 " vectors, at most %d",
							   params->n_vectors, FED_SECAGG_MAX_VECTORS);
	start(&hash, "FSA1 params");
	put(&hash, params->session, FED_SESSION_BYTES);
	put_le32(&hash, params->round);
	put_le32(&hash, params->attempt);
	put_le32(&hash, params->mode);
	put_le32(&hash, params->weights);
	put_le32(&hash, params->n_vectors);
	for (uint32_t i = 0; i < params->n_vectors; i++)
	{
		put_le32(&hash, params->vectors[i].stream);
		put_le64(&hash, params->vectors[i].n_values);
		put_f64le(&hash, params->vectors[i].range);
	}
	put_le32(&hash, params->aux_len);
	put_le32(&hash, params->slice_values);
	put_le32(&hash, 32);		/* bits of the modulus */
	put_le64(&hash, params->Q);
	put_le32(&hash, params->W_cap);
	put_le32(&hash, params->n_cap);
	put_le32(&hash, params->n_max);
	put_f64le(&hash, params->clip);
	put_le64(&hash, params->noise_var);
	put_le64(&hash, params->aux_noise_var);
	put(&hash, params->base, FED_SHA256_BYTES);
	put(&hash, params->task, FED_SHA256_BYTES);
	return finish(&hash, c0, err);
}

bool
fed_secagg_commit(const uint8_t c0[FED_SHA256_BYTES],
				  const uint8_t pid[FED_PID_BYTES],
				  const uint8_t b[FED_KEY_BYTES],
				  uint8_t commit[FED_SHA256_BYTES], FedSecaggError *err)
{
	Hash		hash;

	start(&hash, "FSA1 commit");
	put(&hash, c0, FED_SHA256_BYTES);
	put(&hash, pid, FED_PID_BYTES);
	put(&hash, b, FED_KEY_BYTES);
	return finish(&hash, commit, err);
}

void
fed_adv_pack(const FedSecaggAdv *adv, uint8_t bytes[FED_ADV_BYTES])
{
	memcpy(bytes, adv->pid, FED_PID_BYTES);
	memcpy(bytes + 16, adv->c_pk, FED_KEY_BYTES);
	memcpy(bytes + 48, adv->m_pk, FED_KEY_BYTES);
	memcpy(bytes + 80, adv->commit, FED_SHA256_BYTES);
}

void
fed_adv_unpack(const uint8_t bytes[FED_ADV_BYTES], FedSecaggAdv *adv)
{
	memcpy(adv->pid, bytes, FED_PID_BYTES);
	memcpy(adv->c_pk, bytes + 16, FED_KEY_BYTES);
	memcpy(adv->m_pk, bytes + 48, FED_KEY_BYTES);
	memcpy(adv->commit, bytes + 80, FED_SHA256_BYTES);
}

bool
fed_adv_has_b(const FedSecaggAdv *adv, const uint8_t c0[FED_SHA256_BYTES],
			  const uint8_t b[FED_KEY_BYTES])
{
	uint8_t		commit[FED_SHA256_BYTES];

	return fed_secagg_commit(c0, adv->pid, b, commit, NULL) &&
		CRYPTO_memcmp(commit, adv->commit, sizeof(commit)) == 0;
}

bool
fed_adv_has_m_sk(const FedSecaggAdv *adv, const uint8_t m_sk[FED_KEY_BYTES])
{
	uint8_t		m_pk[FED_KEY_BYTES];

	return fed_x25519_public(m_sk, m_pk, NULL) &&
		CRYPTO_memcmp(m_pk, adv->m_pk, sizeof(m_pk)) == 0;
}

/* The i-th of the 2 n keys of a roster. */
static const uint8_t *
roster_key(const FedSecaggAdv *members, uint32_t i)
{
	return i % 2 == 0 ? members[i / 2].c_pk : members[i / 2].m_pk;
}

static bool
check_roster_keys(const FedSecaggAdv *members, uint32_t n, FedSecaggError *err)
{
	for (uint32_t i = 0; i < 2 * n; i++)
	{
		for (uint32_t j = 0; j < i; j++)
			if (memcmp(roster_key(members, i), roster_key(members, j),
					   FED_KEY_BYTES) == 0)
				return fed_secagg_fail(err, FED_SECAGG_REFUSED,
									   "roster: a key of member %" PRIu32 " is also one of member %" PRIu32,
									   i / 2 + 1, j / 2 + 1);
		if (!fed_x25519_check(roster_key(members, i), NULL))
			return fed_secagg_fail(err, FED_SECAGG_REFUSED,
								   "roster: member %" PRIu32 " has a key of low order",
								   i / 2 + 1);
	}
	return true;
}

bool
fed_roster_check(const FedSecaggAdv *members, uint32_t n, uint32_t n_max,
				 FedSecaggError *err)
{
	if (n < FED_SECAGG_MIN_COHORT || n > n_max || n > FED_SECAGG_MAX_COHORT)
		return fed_secagg_fail(err, FED_SECAGG_REFUSED,
							   "roster: %" PRIu32 " members are not %d to %" PRIu32 ", and at most %d",
							   n, FED_SECAGG_MIN_COHORT, n_max, FED_SECAGG_MAX_COHORT);
	for (uint32_t i = 1; i < n; i++)
		if (memcmp(members[i - 1].pid, members[i].pid, FED_PID_BYTES) >= 0)
			return fed_secagg_fail(err, FED_SECAGG_REFUSED,
								   "roster: member %" PRIu32 " is not in the order of pids",
								   i + 1);
	return check_roster_keys(members, n, err);
}

bool
fed_secagg_ctx(const uint8_t c0[FED_SHA256_BYTES], uint32_t n, uint32_t t,
			   const uint8_t (*advs)[FED_ADV_BYTES],
			   uint8_t ctx[FED_CTX_BYTES], FedSecaggError *err)
{
	Hash		hash;

	start(&hash, "FSA1 roster");
	put(&hash, c0, FED_SHA256_BYTES);
	put_le32(&hash, n);
	put_le32(&hash, t);
	put_le32(&hash, 0);			/* degree: the complete graph */
	put(&hash, advs, (size_t) n * FED_ADV_BYTES);
	return finish(&hash, ctx, err);
}

struct FedSecaggManifest
{
	Hash		hash;
	uint32_t	vectors;		/* still to come */
	uint32_t	slices;			/* still to come of the one begun */
};

FedSecaggManifest *
fed_upload_manifest_new(const uint8_t ctx[FED_CTX_BYTES], uint32_t u,
						uint32_t n_vectors)
{
	FedSecaggManifest *manifest = calloc(1, sizeof(FedSecaggManifest));

	if (manifest == NULL)
		return NULL;
	start(&manifest->hash, "FSA1 manifest");
	put(&manifest->hash, ctx, FED_CTX_BYTES);
	put_le32(&manifest->hash, u);
	put_le32(&manifest->hash, n_vectors);
	manifest->vectors = n_vectors;
	return manifest;
}

bool
fed_upload_manifest_vector(FedSecaggManifest *manifest, uint32_t stream,
						   uint32_t n_slices)
{
	if (manifest->vectors == 0 || manifest->slices != 0)
		manifest->hash.ok = false;
	else
		manifest->vectors--;
	manifest->slices = n_slices;
	put_le32(&manifest->hash, stream);
	put_le32(&manifest->hash, n_slices);
	return manifest->hash.ok;
}

bool
fed_upload_manifest_slice(FedSecaggManifest *manifest,
						  const uint8_t slice[FED_SHA256_BYTES])
{
	if (manifest->slices == 0)
		return manifest->hash.ok = false;
	manifest->slices--;
	put(&manifest->hash, slice, FED_SHA256_BYTES);
	return manifest->hash.ok;
}

bool
fed_upload_manifest_final(FedSecaggManifest *manifest, const uint8_t *aux,
						  size_t len, uint8_t hash[FED_SHA256_BYTES])
{
	uint8_t		aux_hash[FED_SHA256_BYTES];

	if (manifest->vectors != 0 || manifest->slices != 0 ||
		manifest->hash.sha == NULL || !fed_sha256(aux, len, aux_hash))
		return manifest->hash.ok = false;
	put(&manifest->hash, aux_hash, sizeof(aux_hash));
	return manifest->hash.ok = finish(&manifest->hash, hash, NULL);
}

void
fed_upload_manifest_free(FedSecaggManifest *manifest)
{
	if (manifest == NULL)
		return;
	fed_sha256_free(manifest->hash.sha);
	free(manifest);
}

static void
put_set(Hash *hash, const FedSecaggSet *set)
{
	put_le32(hash, fed_set_size(set));
	for (uint32_t u = 1; u <= FED_SECAGG_MAX_COHORT; u++)
		if (fed_set_has(set, u))
			put_le32(hash, u);
}

bool
fed_secagg_sets(const uint8_t ctx[FED_CTX_BYTES], const FedSecaggSet *u2,
				const FedSecaggSet *u3, uint8_t hash[FED_SHA256_BYTES],
				FedSecaggError *err)
{
	Hash		sets;

	start(&sets, "FSA1 sets");
	put(&sets, ctx, FED_CTX_BYTES);
	put_set(&sets, u2);
	put_set(&sets, u3);
	return finish(&sets, hash, err);
}

/*
 * What is signed: a label with its zero byte, then the bytes themselves. Each
 * is written here once, for signer and verifier.
 */
typedef struct Message
{
	uint8_t		bytes[16 + FED_SHA256_BYTES + FED_ADV_BYTES];
	size_t		len;
} Message;

static void
append(Message *message, const void *bytes, size_t len)
{
	memcpy(message->bytes + message->len, bytes, len);
	message->len += len;
}

static Message
adv_message(const uint8_t *c0, const uint8_t *adv)
{
	Message		message = {.len = 0};

	append(&message, "FSA1 adv", sizeof("FSA1 adv"));
	append(&message, c0, FED_SHA256_BYTES);
	append(&message, adv, FED_ADV_BYTES);
	return message;
}

static Message
upload_message(const uint8_t *manifest)
{
	Message		message = {.len = 0};

	append(&message, "FSA1 upload", sizeof("FSA1 upload"));
	append(&message, manifest, FED_SHA256_BYTES);
	return message;
}

static Message
agree_message(const uint8_t *sets)
{
	Message		message = {.len = 0};

	append(&message, "FSA1 agree", sizeof("FSA1 agree"));
	append(&message, sets, FED_SHA256_BYTES);
	return message;
}

bool
fed_sign_adv(const uint8_t seed[FED_KEY_BYTES],
			 const uint8_t c0[FED_SHA256_BYTES],
			 const uint8_t adv[FED_ADV_BYTES],
			 uint8_t signature[FED_SIGNATURE_BYTES], FedSecaggError *err)
{
	Message		message = adv_message(c0, adv);

	return fed_ed25519_sign(seed, message.bytes, message.len, signature, err);
}

bool
fed_verify_adv(const uint8_t identity_pk[FED_KEY_BYTES],
			   const uint8_t c0[FED_SHA256_BYTES],
			   const uint8_t adv[FED_ADV_BYTES],
			   const uint8_t signature[FED_SIGNATURE_BYTES],
			   FedSecaggError *err)
{
	Message		message = adv_message(c0, adv);

	return fed_ed25519_verify(identity_pk, message.bytes, message.len,
							  signature, err);
}

bool
fed_sign_upload(const uint8_t seed[FED_KEY_BYTES],
				const uint8_t manifest[FED_SHA256_BYTES],
				uint8_t signature[FED_SIGNATURE_BYTES], FedSecaggError *err)
{
	Message		message = upload_message(manifest);

	return fed_ed25519_sign(seed, message.bytes, message.len, signature, err);
}

bool
fed_verify_upload(const uint8_t identity_pk[FED_KEY_BYTES],
				  const uint8_t manifest[FED_SHA256_BYTES],
				  const uint8_t signature[FED_SIGNATURE_BYTES],
				  FedSecaggError *err)
{
	Message		message = upload_message(manifest);

	return fed_ed25519_verify(identity_pk, message.bytes, message.len,
							  signature, err);
}

bool
fed_sign_agree(const uint8_t seed[FED_KEY_BYTES],
			   const uint8_t sets[FED_SHA256_BYTES],
			   uint8_t signature[FED_SIGNATURE_BYTES], FedSecaggError *err)
{
	Message		message = agree_message(sets);

	return fed_ed25519_sign(seed, message.bytes, message.len, signature, err);
}

bool
fed_verify_agree(const uint8_t identity_pk[FED_KEY_BYTES],
				 const uint8_t sets[FED_SHA256_BYTES],
				 const uint8_t signature[FED_SIGNATURE_BYTES],
				 FedSecaggError *err)
{
	Message		message = agree_message(sets);

	return fed_ed25519_verify(identity_pk, message.bytes, message.len,
							  signature, err);
}
