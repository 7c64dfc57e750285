/*
 * http_call.h
 *		One request over HTTP: sent, waited for, its answer collected.
 *
 * What an answer means is for others to say (http_error.h); here a request
 * fails only if there is no whole answer.
 */
#ifndef FED_CLIENT_HTTP_CALL_H
#define FED_CLIENT_HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

typedef struct FedHttpServer
{
	const char *url;
	const char *ca_file;		/* NULL: the environment's, or the system's */
	bool		insecure;		/* any certificate will do */
} FedHttpServer;

#define FED_HTTP_JSON "application/json"
#define FED_HTTP_BYTES "application/octet-stream"

typedef struct FedHttpRequest
{
	const char *path;			/* below the server's URL, with query, escaped */
	const char *token;			/* NULL: none */
	const char *headers[5];		/* "Name: value", more of them; NULL ends */
	const char *type;			/* of the body; NULL: a GET, else a POST */
	const void *body;
	size_t		len;
	const char *accept;
	size_t		max_bytes;		/* a longer answer is refused */
	bool		once;			/* must not arrive twice */
} FedHttpRequest;

typedef struct FedHttpAnswer
{
	long		status;
	double		retry_after;	/* seconds; 0: not said */
	char	   *body;			/* malloc'd, NUL-terminated */
	size_t		len;
} FedHttpAnswer;

typedef struct FedHttp FedHttp;

/* Nothing is connected yet. NULL if there is no memory. */
extern FedHttp *fed_http_open(const FedHttpServer *server);
extern void fed_http_close(FedHttp *http);

/* Gives up the connections that are kept. */
extern void fed_http_disconnect(FedHttp *http);

/*
 * False, and err filled, if no whole answer came (FED_ERR_CONNECTION) or one
 * that is too long (FED_ERR_PROTOCOL), or a stop is wished (FED_ERR_STOPPED).
 * The caller frees out->body.
 */
extern bool fed_http_call(FedHttp *http, const FedHttpRequest *request,
						  FedHttpAnswer *out, FedError *err);

#endif							/* FED_CLIENT_HTTP_CALL_H */
