/*
 * token_call.h
 *		Getting a token from the server, into its file: enrolment and renewal.
 */
#ifndef FED_CLIENT_TOKEN_CALL_H
#define FED_CLIENT_TOKEN_CALL_H

#include <stdbool.h>

#include <jansson.h>

#include "lib/http_call.h"

/*
 * Calls path, which answers {"token": …, …}, as the bearer of another token,
 * and writes the new one to file. The file is begun before the call, so that
 * one that cannot be written costs no token. *answer, without the token, is the
 * caller's. Tried once.
 */
extern bool fed_token_call(FedHttp *http, const char *path,
						   const char *arguments, const char *bearer,
						   const char *file, json_t **answer, FedError *err);

#endif							/* FED_CLIENT_TOKEN_CALL_H */
