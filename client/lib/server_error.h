/*
 * server_error.h
 *		An error as PostgreSQL states it, however it reached us.
 */
#ifndef FED_CLIENT_SERVER_ERROR_H
#define FED_CLIENT_SERVER_ERROR_H

#include "lib/error.h"

/*
 * What kind of failure a SQLSTATE is; FED_ERR_SERVER for all that nothing but a
 * person can do something about.
 */
extern FedErrorKind fed_sqlstate_kind(const char *sqlstate);

/*
 * Fills err with "message: detail" and the hint. Any of the texts may be NULL;
 * a code that is not of five characters is none of PostgreSQL's and is left
 * out. Always false.
 */
extern bool fed_server_error(FedError *err, FedErrorKind kind,
							 const char *code, const char *message,
							 const char *detail, const char *hint);

#endif							/* FED_CLIENT_SERVER_ERROR_H */
