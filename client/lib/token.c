/*
 * token.c
 *		The token that says who is calling over HTTPS, and the file it lives in.
 */
#include "lib/token.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/file.h"
#include "lib/json.h"

bool
fed_token_trim(char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";
	size_t		len = strlen(text);

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = '\0';
	return len > 0 && strspn(text, allowed) == len;
}

char *
fed_token_read(const char *path, FedError *err)
{
	char	   *token = fed_read_secret(path, FED_TOKEN_MAX, err);

	if (token == NULL || fed_token_trim(token))
		return token;
	free(token);
	fed_error_set(err, FED_ERR_LOCAL, "\"%s\" does not hold a token", path);
	return NULL;
}

/* Base64 as tokens have it (RFC 4648, section 5): two other characters, no padding. */
static char *
decode(const char *from, size_t len)
{
	size_t		padded = (len + 3) / 4 * 4;
	char	   *text = malloc(padded + 1);
	unsigned char *out = malloc(padded / 4 * 3 + 1);
	int			n = -1;

	if (text != NULL && out != NULL)
	{
		memset(text, '=', padded);
		for (size_t i = 0; i < len; i++)
			text[i] = from[i] == '-' ? '+' : from[i] == '_' ? '/' : from[i];
		n = EVP_DecodeBlock(out, (unsigned char *) text, (int) padded);
	}
	free(text);
	if (n < 0)
	{
		free(out);
		return NULL;
	}
	/* The padding was decoded to zeros. */
	out[n] = '\0';
	return (char *) out;
}

json_t *
fed_token_claims(const char *token)
{
	const char *payload = strchr(token, '.');
	const char *end = payload == NULL ? NULL : strchr(payload + 1, '.');
	char	   *text = end == NULL ? NULL : decode(payload + 1, (size_t) (end - payload - 1));
	json_t	   *claims = text == NULL ? NULL : fed_json_parse(text, "the token", FED_ERR_LOCAL, NULL);

	free(text);
	return claims;
}

bool
fed_token_is_half_over(const char *token, time_t now)
{
	json_t	   *claims = fed_token_claims(token);
	double		issued;
	double		expires;
	bool		over = fed_json_number(claims, "iat", &issued) && fed_json_number(claims, "exp", &expires) &&
		(double) now > issued + (expires - issued) / 2;

	json_decref(claims);
	return over;
}
