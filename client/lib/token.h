/*
 * token.h
 *		The token that says who is calling over HTTPS, and the file it lives in.
 *
 * Whoever has the token is the Island: it is never part of a command line, a
 * message or a log, and its file is its owner's alone.
 */
#ifndef FED_CLIENT_TOKEN_H
#define FED_CLIENT_TOKEN_H

#include <stdbool.h>
#include <time.h>

#include <jansson.h>

#include "lib/error.h"

#define FED_TOKEN_MAX 8192

/*
 * Cuts blanks and line feeds at the end. False if something else than the
 * characters of a bearer token (RFC 6750) remains, or nothing.
 */
extern bool fed_token_trim(char *text);

/*
 * Reads a token's file; malloc'd. NULL, and err filled, if it is not there,
 * open to others (FED_ERR_POLICY), or no token.
 */
extern char *fed_token_read(const char *path, FedError *err);

/*
 * What a JSON Web Token says, on its own word: the signature is the server's
 * to check. NULL if it is none.
 */
extern json_t *fed_token_claims(const char *token);

/* Whether more than half of the token's lifetime is over. */
extern bool fed_token_is_half_over(const char *token, time_t now);

#endif							/* FED_CLIENT_TOKEN_H */
