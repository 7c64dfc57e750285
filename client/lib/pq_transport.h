/*
 * pq_transport.h
 *		What the files that make up the transport over libpq share.
 */
#ifndef FED_CLIENT_PQ_TRANSPORT_H
#define FED_CLIENT_PQ_TRANSPORT_H

#include "lib/pq_call.h"
#include "lib/transport.h"

/* The one value of a statement as text, malloc'd; null is an error. "@" in sql stands for the extension's schema. */
extern bool fed_pq_document(FedTransport *t, const char *sql, int n, const FedPqParam *params, char **out, FedError *err);

/* named_call_pq.c */
extern bool fed_pq_named_call(FedTransport *t, const FedNamedCall *call, char **document, FedError *err);

#endif							/* FED_CLIENT_PQ_TRANSPORT_H */
