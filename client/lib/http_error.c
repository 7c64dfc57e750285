/*
 * http_error.c
 *		What the server's answer means when it is not the one asked for.
 */
#include "lib/http_error.h"

#include <string.h>

#include "lib/json.h"
#include "lib/server_error.h"

/*
 * PostgreSQL's code counts, if it came through. PGRST000 to PGRST003: PostgREST
 * has no database. Other proxies than our nginx may be between, which know a
 * status only.
 */
static FedErrorKind
kind_of(long status, const char *code)
{
	FedErrorKind kind = code == NULL || strlen(code) != 5 ? FED_ERR_SERVER : fed_sqlstate_kind(code);

	if (kind != FED_ERR_SERVER)
		return kind;
	if (status == 502 || status == 504 || (code != NULL && strncmp(code, "PGRST00", 7) == 0))
		return FED_ERR_CONNECTION;
	return status == 408 || status == 429 || status == 503 ? FED_ERR_BUSY : FED_ERR_SERVER;
}

bool
fed_http_error(const FedHttpAnswer *answer, FedError *err)
{
	json_t	   *body = fed_json_parse(answer->body, "the answer", FED_ERR_PROTOCOL, NULL);
	const char *code = fed_json_text(body, "code");
	const char *message = fed_json_text(body, "message");
	FedErrorKind kind = kind_of(answer->status, code);

	if (message != NULL)
		fed_server_error(err, kind, code, message, fed_json_text(body, "details"), fed_json_text(body, "hint"));
	else
		fed_error_set(err, kind, "the server answered with HTTP status %ld", answer->status);
	if (answer->status >= 300 && answer->status < 400)
		fed_error_hint(err, "redirects are not followed: --url must be the server's own");
	if (err != NULL)
		err->retry_after = answer->retry_after;
	json_decref(body);
	return false;
}

bool
fed_http_is_rejection(const FedHttpAnswer *answer)
{
	json_t	   *body = fed_json_parse(answer->body, "the answer", FED_ERR_PROTOCOL, NULL);
	const char *status = fed_json_text(body, "status");
	bool		rejected = status != NULL && strcmp(status, "rejected") == 0;

	json_decref(body);
	return rejected;
}
