/*
 * keys.c
 *		Key pairs of secure aggregation, over libcrypto.
 */
#include "core/secagg/keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/digest.h"

static bool
fresh(uint8_t *bytes, int len, FedSecaggError *err)
{
	if (RAND_priv_bytes(bytes, len) != 1)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto has no random bytes");
	return true;
}

bool
fed_secret_fresh(uint8_t secret[FED_KEY_BYTES], FedSecaggError *err)
{
	return fresh(secret, FED_KEY_BYTES, err);
}

/* The public half of a secret key of either type. */
static bool
public_of(int type, const uint8_t *secret, uint8_t *public_key,
		  FedSecaggError *err)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(type, NULL, secret,
												   FED_KEY_BYTES);
	size_t		len = FED_KEY_BYTES;
	bool		ok = key != NULL &&
		EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1 &&
		len == FED_KEY_BYTES;

	EVP_PKEY_free(key);
	return ok || fed_secagg_fail(err, FED_SECAGG_FAILED,
								 "libcrypto could not make a public key");
}

bool
fed_x25519_public(const uint8_t secret[FED_KEY_BYTES],
				  uint8_t public_key[FED_KEY_BYTES], FedSecaggError *err)
{
	return public_of(EVP_PKEY_X25519, secret, public_key, err);
}

/*
 * The agreement itself. libcrypto refuses a zero result on its own; it is
 * looked at here all the same, in constant time, as everything rests on it.
 */
static bool
derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[FED_KEY_BYTES])
{
	static const uint8_t zero[FED_KEY_BYTES];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t		len = FED_KEY_BYTES;
	bool		ok = ctx != NULL &&
		EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		EVP_PKEY_derive(ctx, shared, &len) == 1 &&
		len == FED_KEY_BYTES &&
		CRYPTO_memcmp(shared, zero, FED_KEY_BYTES) != 0;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

struct FedX25519
{
	EVP_PKEY   *key;
};

FedX25519 *
fed_x25519_new(const uint8_t secret[FED_KEY_BYTES])
{
	FedX25519  *own = malloc(sizeof(FedX25519));

	if (own == NULL)
		return NULL;
	own->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret,
											FED_KEY_BYTES);
	if (own->key == NULL)
	{
		free(own);
		return NULL;
	}
	return own;
}

void
fed_x25519_free(FedX25519 *own)
{
	if (own == NULL)
		return;
	EVP_PKEY_free(own->key);	/* cleanses */
	free(own);
}

bool
fed_x25519_agree_as(const FedX25519 *own,
					const uint8_t public_key[FED_KEY_BYTES],
					uint8_t shared[FED_KEY_BYTES], FedSecaggError *err)
{
	EVP_PKEY   *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL,
												   public_key, FED_KEY_BYTES);
	bool		made = own != NULL && peer != NULL;
	bool		ok = made && derive(own->key, peer, shared);

	EVP_PKEY_free(peer);
	if (ok)
		return true;
	OPENSSL_cleanse(shared, FED_KEY_BYTES);
	if (!made)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto could not take an X25519 key");
	return fed_secagg_fail(err, FED_SECAGG_REFUSED,
						   "an X25519 key of low order");
}

bool
fed_x25519_agree(const uint8_t secret[FED_KEY_BYTES],
				 const uint8_t public_key[FED_KEY_BYTES],
				 uint8_t shared[FED_KEY_BYTES], FedSecaggError *err)
{
	FedX25519  *own = fed_x25519_new(secret);
	bool		ok = fed_x25519_agree_as(own, public_key, shared, err);

	fed_x25519_free(own);
	return ok;
}

bool
fed_x25519_check(const uint8_t public_key[FED_KEY_BYTES], FedSecaggError *err)
{
	/*
	 * Scalars are clamped to multiples of 8, the cofactor: a key of low order
	 * gives zero with this one as with any other.
	 */
	static const uint8_t any[FED_KEY_BYTES] = {8};
	uint8_t		shared[FED_KEY_BYTES];

	return fed_x25519_agree(any, public_key, shared, err);
}

bool
fed_ed25519_public(const uint8_t seed[FED_KEY_BYTES],
				   uint8_t public_key[FED_KEY_BYTES], FedSecaggError *err)
{
	return public_of(EVP_PKEY_ED25519, seed, public_key, err);
}

bool
fed_ed25519_sign(const uint8_t seed[FED_KEY_BYTES],
				 const void *message, size_t len,
				 uint8_t signature[FED_SIGNATURE_BYTES], FedSecaggError *err)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
												   seed, FED_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t		signature_len = FED_SIGNATURE_BYTES;
	bool		ok = key != NULL && ctx != NULL &&
		EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(ctx, signature, &signature_len, message, len) == 1 &&
		signature_len == FED_SIGNATURE_BYTES;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok || fed_secagg_fail(err, FED_SECAGG_FAILED,
								 "libcrypto could not sign");
}

bool
fed_ed25519_verify(const uint8_t public_key[FED_KEY_BYTES],
				   const void *message, size_t len,
				   const uint8_t signature[FED_SIGNATURE_BYTES],
				   FedSecaggError *err)
{
	EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
												  public_key, FED_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool		ready = key != NULL && ctx != NULL &&
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1;
	bool		ok = ready &&
		EVP_DigestVerify(ctx, signature, FED_SIGNATURE_BYTES, message, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!ready)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto could not take an Ed25519 key");
	return ok || fed_secagg_fail(err, FED_SECAGG_REFUSED,
								 "the signature is not of this key and message");
}

bool
fed_pid_of_identity(const uint8_t identity_pk[FED_KEY_BYTES],
					uint8_t pid[FED_PID_BYTES], FedSecaggError *err)
{
	uint8_t		digest[FED_SHA256_BYTES];

	if (!fed_sha256(identity_pk, FED_KEY_BYTES, digest))
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto could not hash");
	memcpy(pid, digest, FED_PID_BYTES);
	return true;
}

bool
fed_pid_fresh(uint8_t pid[FED_PID_BYTES], FedSecaggError *err)
{
	return fresh(pid, FED_PID_BYTES, err);
}
