/*
 * http_error_test.c
 *		What an answer that is no success means, by its status and its body.
 */
#include <string.h>

#include "check.h"
#include "lib/http_error.h"

static FedError
error_of(long status, const char *body, double retry_after)
{
	FedHttpAnswer answer = {.status = status, .retry_after = retry_after, .body = (char *) body, .len = strlen(body)};
	FedError	err = {0};

	fed_http_error(&answer, &err);
	return err;
}

static FedErrorKind
kind_of(long status, const char *body)
{
	return error_of(status, body, 0).kind;
}

static bool
is_rejection(const char *body)
{
	FedHttpAnswer answer = {.status = 409, .body = (char *) body, .len = strlen(body)};

	return fed_http_is_rejection(&answer);
}

int
main(void)
{
	FedError	err = error_of(404, "{\"code\":\"P0002\",\"message\":\"session 7 does not exist\",\"details\":null,\"hint\":null}", 0);

	check(err.kind == FED_ERR_SERVER && strcmp(err.message, "session 7 does not exist") == 0 &&
		  strcmp(err.sqlstate, "P0002") == 0 && err.hint[0] == '\0', "a refusal, its message and code");
	err = error_of(400, "{\"code\":\"22023\",\"message\":\"config key \\\"x\\\" is unknown\",\"details\":\"Given x.\",\"hint\":\"See y.\"}", 0);
	check(strcmp(err.message, "config key \"x\" is unknown: Given x.") == 0 && strcmp(err.hint, "See y.") == 0, "details and hint");
	err = error_of(401, "{\"code\":\"PGRST301\",\"message\":\"JWT invalid\",\"details\":null,\"hint\":null}", 0);
	check(err.kind == FED_ERR_SERVER && err.sqlstate[0] == '\0', "a code that is none of PostgreSQL's is no SQLSTATE");
	check(kind_of(403, "{\"code\":\"42501\",\"message\":\"no\"}") == FED_ERR_SERVER, "403 is a refusal");

	check(kind_of(429, "<html>") == FED_ERR_BUSY && kind_of(503, "<html>") == FED_ERR_BUSY, "busy: call again");
	check(kind_of(502, "<html>") == FED_ERR_CONNECTION && kind_of(504, "") == FED_ERR_CONNECTION &&
		  kind_of(504, "{\"code\":\"08006\",\"message\":\"late\"}") == FED_ERR_CONNECTION, "a proxy without a server");
	check(kind_of(503, "{\"code\":\"PGRST002\",\"message\":\"no database\"}") == FED_ERR_CONNECTION &&
		  kind_of(504, "{\"code\":\"PGRST003\",\"message\":\"no database\"}") == FED_ERR_CONNECTION, "PostgREST without a database");
	check(kind_of(500, "{\"code\":\"40001\",\"message\":\"again\"}") == FED_ERR_BUSY &&
		  kind_of(503, "{\"code\":\"57P01\",\"message\":\"shutdown\"}") == FED_ERR_CONNECTION, "PostgreSQL's code decides over the status");
	check(kind_of(500, "{\"code\":\"XX000\",\"message\":\"bug\"}") == FED_ERR_SERVER && kind_of(500, "") == FED_ERR_SERVER,
		  "a failure that a repetition would not cure");
	check(error_of(503, "{}", 7).retry_after == 7, "when to come back");
	check(strstr(error_of(302, "", 0).hint, "redirects") != NULL, "a redirect is explained");

	check(is_rejection("{\"status\":\"rejected\",\"reason\":\"stale_round\"}"), "a rejection");
	check(!is_rejection("{\"status\":\"stored\"}") && !is_rejection("{\"code\":\"23505\",\"message\":\"rejected\"}") &&
		  !is_rejection("[\"status\"]") && !is_rejection("") && !is_rejection("{\"status\":1}"), "and what is none");
	return checks_done();
}
