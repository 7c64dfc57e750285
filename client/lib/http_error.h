/*
 * http_error.h
 *		What the server's answer means when it is not the one asked for.
 *
 * Kinds are those that the same failure has over libpq, so that exit codes and
 * repetition do not depend on the way.
 */
#ifndef FED_CLIENT_HTTP_ERROR_H
#define FED_CLIENT_HTTP_ERROR_H

#include <stdbool.h>

#include "lib/http_call.h"

/*
 * Fills err from the status, the body {code, message, details, hint}, if that
 * is what it is, and what it says of coming back later. Always false.
 */
extern bool fed_http_error(const FedHttpAnswer *answer, FedError *err);

/* Whether a call that sends an update was answered with a rejection. */
extern bool fed_http_is_rejection(const FedHttpAnswer *answer);

#endif							/* FED_CLIENT_HTTP_ERROR_H */
