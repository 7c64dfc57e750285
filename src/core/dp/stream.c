/*
 * stream.c
 *		Random words from AES-256 in counter mode, over libcrypto.
 */
#include "core/dp/stream.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

bool
fed_stream_start(FedStream *stream, const uint8_t key[FED_STREAM_KEY_BYTES])
{
	static const uint8_t first[16];		/* a key is used once, so every counter starts at 0 */
	uint8_t		own[FED_STREAM_KEY_BYTES];

	stream->at = FED_STREAM_WORDS;
	stream->cipher = EVP_CIPHER_CTX_new();
	stream->failed = stream->cipher == NULL
		|| (key == NULL && RAND_priv_bytes(own, sizeof(own)) != 1)
		|| EVP_EncryptInit_ex(stream->cipher, EVP_aes_256_ctr(), NULL, key == NULL ? own : key, first) != 1;
	OPENSSL_cleanse(own, sizeof(own));
	return !stream->failed;
}

void
fed_stream_end(FedStream *stream)
{
	EVP_CIPHER_CTX_free(stream->cipher);
	OPENSSL_cleanse(stream, sizeof(*stream));
	stream->failed = true;
}

void
fed_stream_refill(FedStream *stream)
{
	uint8_t    *bytes = (uint8_t *) stream->words;
	int			written = 0;

	/* What is encrypted are zeros: the cipher's key stream itself. */
	memset(bytes, 0, sizeof(stream->words));
	if (!stream->failed
		&& (EVP_EncryptUpdate(stream->cipher, bytes, &written, bytes, sizeof(stream->words)) != 1
			|| written != sizeof(stream->words)))
		stream->failed = true;
	stream->at = 0;
}
