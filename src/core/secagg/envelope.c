/*
 * envelope.c
 *		Shares for one holder, sealed with AES-256-GCM (NIST SP 800-38D).
 */
#include "core/secagg/envelope.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/secagg/bytes.h"

#define TAG_BYTES 16
#define PLAIN_BYTES (2 * (1 + FED_SHARE_BYTES))

static const char label[] = "FSA1 share";

#define AAD_BYTES (sizeof(label) + FED_CTX_BYTES + 8)

/* Who sent what to whom, and in which attempt. */
static void
make_aad(uint8_t aad[AAD_BYTES], const uint8_t *ctx,
		 uint32_t owner, uint32_t holder)
{
	memcpy(aad, label, sizeof(label));
	memcpy(aad + sizeof(label), ctx, FED_CTX_BYTES);
	fed_store_le32(aad + sizeof(label) + FED_CTX_BYTES, owner);
	fed_store_le32(aad + sizeof(label) + FED_CTX_BYTES + 4, holder);
}

bool
fed_envelope_seal(const uint8_t key[FED_KEY_BYTES],
				  const uint8_t ctx[FED_CTX_BYTES],
				  uint32_t owner, uint32_t holder, const uint8_t *nonce,
				  const FedShare sk_share, const FedShare b_share,
				  uint8_t envelope[FED_ENVELOPE_BYTES], FedSecaggError *err)
{
	uint8_t		aad[AAD_BYTES];
	uint8_t		plain[PLAIN_BYTES];
	uint8_t    *sealed = envelope + FED_NONCE_BYTES;
	EVP_CIPHER_CTX *gcm;
	int			len;
	bool		ok;

	if (nonce != NULL)
		memcpy(envelope, nonce, FED_NONCE_BYTES);
	else if (RAND_priv_bytes(envelope, FED_NONCE_BYTES) != 1)
		return fed_secagg_fail(err, FED_SECAGG_FAILED,
							   "libcrypto has no random bytes");
	make_aad(aad, ctx, owner, holder);
	plain[0] = plain[1 + FED_SHARE_BYTES] = (uint8_t) holder;
	memcpy(plain + 1, sk_share, FED_SHARE_BYTES);
	memcpy(plain + 2 + FED_SHARE_BYTES, b_share, FED_SHARE_BYTES);

	gcm = EVP_CIPHER_CTX_new();
	ok = gcm != NULL &&
		EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, envelope) == 1 &&
		EVP_EncryptUpdate(gcm, NULL, &len, aad, sizeof(aad)) == 1 &&
		EVP_EncryptUpdate(gcm, sealed, &len, plain, sizeof(plain)) == 1 &&
		len == PLAIN_BYTES &&
		EVP_EncryptFinal_ex(gcm, sealed + PLAIN_BYTES, &len) == 1 &&
		EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, TAG_BYTES,
							sealed + PLAIN_BYTES) == 1;
	EVP_CIPHER_CTX_free(gcm);
	OPENSSL_cleanse(plain, sizeof(plain));
	return ok || fed_secagg_fail(err, FED_SECAGG_FAILED,
								 "libcrypto could not seal an envelope");
}

/* The plain bytes, once tag and context have been found right. */
static bool
decrypt(const uint8_t *key, const uint8_t *aad, const uint8_t *envelope,
		uint8_t plain[PLAIN_BYTES])
{
	const uint8_t *sealed = envelope + FED_NONCE_BYTES;
	uint8_t		tag[TAG_BYTES];
	uint8_t		rest[TAG_BYTES];
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	int			len;
	bool		ok;

	memcpy(tag, sealed + PLAIN_BYTES, TAG_BYTES);
	ok = gcm != NULL &&
		EVP_DecryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, envelope) == 1 &&
		EVP_DecryptUpdate(gcm, NULL, &len, aad, AAD_BYTES) == 1 &&
		EVP_DecryptUpdate(gcm, plain, &len, sealed, PLAIN_BYTES) == 1 &&
		len == PLAIN_BYTES &&
		EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1 &&
		EVP_DecryptFinal_ex(gcm, rest, &len) == 1;
	EVP_CIPHER_CTX_free(gcm);
	return ok;
}

bool
fed_envelope_open(const uint8_t key[FED_KEY_BYTES],
				  const uint8_t ctx[FED_CTX_BYTES],
				  uint32_t owner, uint32_t holder,
				  const uint8_t envelope[FED_ENVELOPE_BYTES],
				  FedShare sk_share, FedShare b_share, FedSecaggError *err)
{
	uint8_t		aad[AAD_BYTES];
	uint8_t		plain[PLAIN_BYTES];
	bool		ok;

	make_aad(aad, ctx, owner, holder);
	ok = decrypt(key, aad, envelope, plain) &&
		plain[0] == holder && plain[1 + FED_SHARE_BYTES] == holder;
	if (ok)
	{
		memcpy(sk_share, plain + 1, FED_SHARE_BYTES);
		memcpy(b_share, plain + 2 + FED_SHARE_BYTES, FED_SHARE_BYTES);
	}
	else
	{
		memset(sk_share, 0, FED_SHARE_BYTES);
		memset(b_share, 0, FED_SHARE_BYTES);
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	return ok || fed_secagg_fail(err, FED_SECAGG_REFUSED,
								 "the envelope from %" PRIu32 " to %" PRIu32 " does not open",
								 owner, holder);
}
