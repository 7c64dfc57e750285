/*
 * token_test.c
 *		A token's file is its owner's alone, and half of a lifetime is half.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "lib/json.h"
#include "lib/token.h"

/* Payload {"iat":1000,"exp":2000,"host_id":"island-a"}; header and signature are nobody's business here. */
#define TOKEN "e30.eyJpYXQiOjEwMDAsImV4cCI6MjAwMCwiaG9zdF9pZCI6ImlzbGFuZC1hIn0.c2ln"

/* {"s":"?>~ü"}: its Base64 has the two characters that tokens write in another way. */
#define UNUSUAL "e30.eyJzIjoiPz5-w7wifQ.c2ln"

static char path[] = "/tmp/fed-token-XXXXXX";

/* What reading a file of that text and mode gives, or fails with. */
static char *
reading(const char *text, mode_t mode, FedError *err)
{
	FILE	   *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
	chmod(path, mode);
	memset(err, 0, sizeof(*err));
	return fed_token_read(path, err);
}

static bool
reads(const char *text, const char *expected)
{
	FedError	err;
	char	   *token = reading(text, 0600, &err);
	bool		same = token != NULL && strcmp(token, expected) == 0;

	free(token);
	return same;
}

static bool
refuses(const char *text, mode_t mode, FedErrorKind kind)
{
	FedError	err;
	char	   *token = reading(text, mode, &err);
	bool		refused = token == NULL && err.kind == kind && strstr(err.message, "hush") == NULL;

	free(token);
	return refused;
}

static bool
says(const char *token, const char *key, const char *expected)
{
	json_t	   *claims = fed_token_claims(token);
	const char *text = fed_json_text(claims, key);
	bool		same = text != NULL && strcmp(text, expected) == 0;

	json_decref(claims);
	return same;
}

int
main(void)
{
	close(mkstemp(path));
	check(reads(TOKEN, TOKEN) && reads(TOKEN "\r\n", TOKEN), "a token is read, the end of its line is none of it");
	check(refuses("hush", 0640, FED_ERR_POLICY) && refuses("hush", 0604, FED_ERR_POLICY) && refuses("hush", 0620, FED_ERR_POLICY),
		  "a file that is open to others is refused, and what is in it not repeated");
	check(refuses("", 0600, FED_ERR_LOCAL) && refuses("hush hush", 0600, FED_ERR_LOCAL) &&
		  refuses("hush\r\nX-Injected: 1\n", 0600, FED_ERR_LOCAL), "what is no token is refused");
	unlink(path);
	check(fed_token_read(path, NULL) == NULL, "so is a file that is not there");

	check(says(TOKEN, "host_id", "island-a") && says(UNUSUAL, "s", "?>~ü"), "claims are read");
	check(fed_token_claims("") == NULL && fed_token_claims("e30.e30") == NULL && fed_token_claims("a.!.b") == NULL &&
		  fed_token_claims("a.e.b") == NULL && fed_token_claims("a..b") == NULL, "what is no JSON Web Token has none");
	check(!fed_token_is_half_over(TOKEN, 1499) && !fed_token_is_half_over(TOKEN, 1500) && fed_token_is_half_over(TOKEN, 1501),
		  "half of the lifetime is over after half of it");
	check(!fed_token_is_half_over(UNUSUAL, 1501), "one that states no lifetime is left alone");
	return checks_done();
}
