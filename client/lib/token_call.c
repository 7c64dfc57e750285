/*
 * token_call.c
 *		Getting a token from the server, into its file: enrolment and renewal.
 */
#include "lib/token_call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/http_error.h"
#include "lib/json.h"
#include "lib/token.h"

/* A descriptor for what is to replace the file, or -1. */
static int
begin(const char *file, FedError *err)
{
	struct stat st;

	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
	{
		fed_error_set(err, FED_ERR_LOCAL, "\"%s\" is not a file", file);
		return -1;
	}
	return fed_replace_begin(file, err);
}

static bool
ask(FedHttp *http, const char *path, const char *arguments, const char *bearer, json_t **answer, FedError *err)
{
	FedHttpRequest request = {.path = path, .token = bearer, .type = FED_HTTP_JSON, .body = arguments,
	.len = strlen(arguments), .accept = FED_HTTP_JSON, .max_bytes = 4 * FED_TOKEN_MAX, .once = true};
	FedHttpAnswer received;

	if (!fed_http_call(http, &request, &received, err))
		return false;
	*answer = received.status / 100 != 2 ? NULL
		: fed_json_parse(received.body, "the server's answer", FED_ERR_PROTOCOL, err);
	if (received.status / 100 != 2)
		fed_http_error(&received, err);
	free(received.body);
	return *answer != NULL;
}

static bool
write_token(int fd, const char *file, const char *text, FedError *err)
{
	char	   *token = strdup(text == NULL ? "" : text);
	bool		ok = token != NULL || fed_error_memory(err);

	ok = ok && (fed_token_trim(token) || fed_error_set(err, FED_ERR_PROTOCOL, "the server's answer holds no token")) &&
		fed_write_at(fd, token, strlen(token), 0, file, err) && fed_write_at(fd, "\n", 1, strlen(token), file, err);
	free(token);
	return ok;
}

bool
fed_token_call(FedHttp *http, const char *path, const char *arguments, const char *bearer, const char *file,
			   json_t **answer, FedError *err)
{
	int			fd = begin(file, err);
	bool		ok;

	*answer = NULL;
	if (fd < 0)
		return false;
	ok = ask(http, path, arguments, bearer, answer, err) &&
		write_token(fd, file, fed_json_text(*answer, "token"), err);
	if (!ok)
		fed_replace_abandon(fd, file);
	ok = ok && fed_replace_finish(fd, file, err);
	if (ok)
		json_object_del(*answer, "token");
	else
	{
		json_decref(*answer);
		*answer = NULL;
	}
	return ok;
}
