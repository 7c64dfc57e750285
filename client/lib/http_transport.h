/*
 * http_transport.h
 *		What the files that make up the transport over HTTPS share.
 */
#ifndef FED_CLIENT_HTTP_TRANSPORT_H
#define FED_CLIENT_HTTP_TRANSPORT_H

#include "lib/transport.h"

/* POST of a JSON body, which is freed (NULL has failed already); the answer is malloc'd. A rejection is one too. */
extern bool fed_http_post_verdict(FedTransport *t, const char *path, char *body, char **document, FedError *err);

/* named_call_http.c */
extern bool fed_http_named_call(FedTransport *t, const FedNamedCall *call, char **document, FedError *err);

#endif							/* FED_CLIENT_HTTP_TRANSPORT_H */
