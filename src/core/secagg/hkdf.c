/*
 * hkdf.c
 *		HKDF with SHA-256, over libcrypto, and the keys that the protocol derives.
 */
#include "core/secagg/hkdf.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "core/secagg/bytes.h"

/* A label with its trailing zero byte, and two indices. */
#define INFO_BYTES(label) (sizeof(label) + 8)

bool
fed_hkdf_sha256(const uint8_t *ikm, size_t ikm_len,
				const uint8_t *salt, size_t salt_len,
				const uint8_t *info, size_t info_len,
				uint8_t *out, size_t len, FedSecaggError *err)
{
	static const uint8_t nothing[1];	/* libcrypto refuses NULL */
	EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t		got = len;
	bool		ok = kdf != NULL &&
		EVP_PKEY_derive_init(kdf) == 1 &&
		EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_salt(kdf, salt_len == 0 ? nothing : salt,
									(int) salt_len) == 1 &&
		EVP_PKEY_CTX_set1_hkdf_key(kdf, ikm, (int) ikm_len) == 1 &&
		EVP_PKEY_CTX_add1_hkdf_info(kdf, info_len == 0 ? nothing : info,
									(int) info_len) == 1 &&
		EVP_PKEY_derive(kdf, out, &got) == 1 &&
		got == len;

	EVP_PKEY_CTX_free(kdf);
	if (ok)
		return true;
	OPENSSL_cleanse(out, len);
	return fed_secagg_fail(err, FED_SECAGG_FAILED,
						   "libcrypto could not derive a key");
}

/* HKDF of an agreement, with a label and two indices as info. */
static bool
agreed_key(const FedX25519 *own, const uint8_t *public_key,
		   const uint8_t *ctx, const uint8_t *info, size_t info_len,
		   uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	uint8_t		shared[FED_KEY_BYTES];
	bool		ok = fed_x25519_agree_as(own, public_key, shared, err) &&
		fed_hkdf_sha256(shared, sizeof(shared), ctx, FED_CTX_BYTES,
						info, info_len, key, FED_KEY_BYTES, err);

	OPENSSL_cleanse(shared, sizeof(shared));
	return ok;
}

bool
fed_share_key_as(const FedX25519 *own_c_sk,
				 const uint8_t peer_c_pk[FED_KEY_BYTES],
				 const uint8_t ctx[FED_CTX_BYTES],
				 uint32_t owner, uint32_t holder,
				 uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	static const char label[] = "FSA1 share";
	uint8_t		info[INFO_BYTES(label)];

	memcpy(info, label, sizeof(label));
	fed_store_le32(info + sizeof(label), owner);
	fed_store_le32(info + sizeof(label) + 4, holder);
	return agreed_key(own_c_sk, peer_c_pk, ctx, info, sizeof(info), key, err);
}

bool
fed_pair_key_as(const FedX25519 *own_m_sk,
				const uint8_t peer_m_pk[FED_KEY_BYTES],
				const uint8_t ctx[FED_CTX_BYTES], uint32_t u, uint32_t v,
				uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	static const char label[] = "FSA1 pair";
	uint8_t		info[INFO_BYTES(label)];

	memcpy(info, label, sizeof(label));
	fed_store_le32(info + sizeof(label), u < v ? u : v);
	fed_store_le32(info + sizeof(label) + 4, u < v ? v : u);
	return agreed_key(own_m_sk, peer_m_pk, ctx, info, sizeof(info), key, err);
}

bool
fed_share_key(const uint8_t own_c_sk[FED_KEY_BYTES],
			  const uint8_t peer_c_pk[FED_KEY_BYTES],
			  const uint8_t ctx[FED_CTX_BYTES],
			  uint32_t owner, uint32_t holder,
			  uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	FedX25519  *own = fed_x25519_new(own_c_sk);
	bool		ok = fed_share_key_as(own, peer_c_pk, ctx, owner, holder, key, err);

	fed_x25519_free(own);
	return ok;
}

bool
fed_pair_key(const uint8_t own_m_sk[FED_KEY_BYTES],
			 const uint8_t peer_m_pk[FED_KEY_BYTES],
			 const uint8_t ctx[FED_CTX_BYTES], uint32_t u, uint32_t v,
			 uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	FedX25519  *own = fed_x25519_new(own_m_sk);
	bool		ok = fed_pair_key_as(own, peer_m_pk, ctx, u, v, key, err);

	fed_x25519_free(own);
	return ok;
}

bool
fed_self_key(const uint8_t b[FED_KEY_BYTES],
			 const uint8_t ctx[FED_CTX_BYTES], uint32_t u,
			 uint8_t key[FED_KEY_BYTES], FedSecaggError *err)
{
	static const char label[] = "FSA1 self";
	uint8_t		info[sizeof(label) + 4];

	memcpy(info, label, sizeof(label));
	fed_store_le32(info + sizeof(label), u);
	return fed_hkdf_sha256(b, FED_KEY_BYTES, ctx, FED_CTX_BYTES,
						   info, sizeof(info), key, FED_KEY_BYTES, err);
}
