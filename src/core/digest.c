/*
 * digest.c
 *		SHA-256 and hexadecimal text, over libcrypto.
 *
 * The EVP interface is the one that providers (FIPS) may replace or refuse,
 * and the only one that OpenSSL 3 does not deprecate.
 */
#include "core/digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

struct FedSha256
{
	EVP_MD_CTX *evp;
};

bool
fed_sha256(const void *data, size_t len, uint8_t out[FED_SHA256_BYTES])
{
	uint8_t		digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(len == 0 ? "" : data, len, digest, NULL,
				   EVP_sha256(), NULL) != 1)
		return false;
	memcpy(out, digest, FED_SHA256_BYTES);
	return true;
}

FedSha256 *
fed_sha256_new(void)
{
	FedSha256  *ctx = malloc(sizeof(FedSha256));

	if (ctx == NULL)
		return NULL;
	ctx->evp = EVP_MD_CTX_new();
	if (ctx->evp == NULL ||
		EVP_DigestInit_ex(ctx->evp, EVP_sha256(), NULL) != 1)
	{
		fed_sha256_free(ctx);
		return NULL;
	}
	return ctx;
}

bool
fed_sha256_update(FedSha256 *ctx, const void *data, size_t len)
{
	return len == 0 || EVP_DigestUpdate(ctx->evp, data, len) == 1;
}

bool
fed_sha256_final(FedSha256 *ctx, uint8_t out[FED_SHA256_BYTES])
{
	uint8_t		digest[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(ctx->evp, digest, NULL) != 1 ||
		EVP_DigestInit_ex(ctx->evp, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(out, digest, FED_SHA256_BYTES);
	return true;
}

void
fed_sha256_free(FedSha256 *ctx)
{
	if (ctx == NULL)
		return;
	EVP_MD_CTX_free(ctx->evp);
	free(ctx);
}

void
fed_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++)
	{
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
fed_hex_decode(const char *text, uint8_t *out, size_t len)
{
	/* Checked first, so that out stays as it was; NUL is no digit. */
	for (size_t i = 0; i < 2 * len; i++)
	{
		if (hex_value(text[i]) < 0)
			return false;
	}
	if (text[2 * len] != '\0')
		return false;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) (hex_value(text[2 * i]) << 4 |
							hex_value(text[2 * i + 1]));
	return true;
}
