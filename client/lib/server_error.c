/*
 * server_error.c
 *		An error as PostgreSQL states it, however it reached us.
 */
#include "lib/server_error.h"

#include <string.h>

/*
 * 25006: it is a standby (now), another server is primary. 53, 57014: full or
 * too slow just now.
 */
FedErrorKind
fed_sqlstate_kind(const char *sqlstate)
{
	if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0 ||
		strcmp(sqlstate, "25P03") == 0 || strcmp(sqlstate, "25006") == 0)
		return FED_ERR_CONNECTION;
	if (strncmp(sqlstate, "40", 2) == 0 || strcmp(sqlstate, "55P03") == 0 ||
		strncmp(sqlstate, "53", 2) == 0 || strcmp(sqlstate, "57014") == 0)
		return FED_ERR_BUSY;
	return FED_ERR_SERVER;
}

bool
fed_server_error(FedError *err, FedErrorKind kind, const char *code, const char *message, const char *detail,
				 const char *hint)
{
	fed_error_set(err, kind, "%s%s%s", message == NULL ? "the server failed" : message,
				  detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
	if (hint != NULL)
		fed_error_hint(err, "%s", hint);
	if (err != NULL && code != NULL && strlen(code) == sizeof(err->sqlstate) - 1)
		memcpy(err->sqlstate, code, sizeof(err->sqlstate));
	return false;
}
