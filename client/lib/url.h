/*
 * url.h
 *		Which URLs are safe enough to use.
 *
 * The rules of tls.h, for HTTPS: no secret on a command line, and a server that
 * is not this machine proves who it is, by a certificate.
 */
#ifndef FED_CLIENT_URL_H
#define FED_CLIENT_URL_H

#include <stdbool.h>

#include "lib/error.h"

/*
 * Refuses (FED_ERR_USAGE) what is not http:// or https:// with a host and
 * perhaps a port and a path. A user or a password is refused, and not repeated.
 */
extern bool fed_url_is_valid(const char *url, FedError *err);

/* Whether a valid URL's host is this machine. */
extern bool fed_url_is_local(const char *url);

/* False, and err filled (FED_ERR_POLICY), for http:// to another machine. */
extern bool fed_url_is_safe(const char *url, FedError *err);

/* text as a value in a query string. malloc'd; NULL if there is no memory. */
extern char *fed_url_escape(const char *text);

#endif							/* FED_CLIENT_URL_H */
