/*
 * pq_call.h
 *		One statement over libpq: sent, waited for, judged.
 */
#ifndef FED_CLIENT_PQ_CALL_H
#define FED_CLIENT_PQ_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include "lib/error.h"

/* A parameter: text (NUL-terminated, or NULL for null) or bytes. */
typedef struct FedPqParam
{
	const void *value;
	size_t		len;
	bool		binary;
} FedPqParam;

#define FED_PQ_TEXT(text) ((FedPqParam) {(text), 0, false})
#define FED_PQ_BYTES(data, length) ((FedPqParam) {(data), (length), true})

#define FED_PQ_MAX_PARAMS 8

/*
 * Connects, so that a wish to stop is heard meanwhile. conninfo may be NULL.
 * NULL, and err filled, on failure (FED_ERR_CONNECTION, FED_ERR_STOPPED).
 */
extern PGconn *fed_pq_connect(const char *conninfo, FedError *err);

/*
 * Runs a statement of one result; binary asks for binary columns. NULL, and
 * err filled, unless it gave rows. The caller clears the result.
 */
extern PGresult *fed_pq_call(PGconn *conn, const char *sql, bool binary,
							 int n, const FedPqParam *params, FedError *err);

/* The same in two: between them the server works. What was sent must be collected, and nothing else be done on the connection. */
extern bool fed_pq_send(PGconn *conn, const char *sql, bool binary, int n,
						const FedPqParam *params, FedError *err);
extern PGresult *fed_pq_collect(PGconn *conn, FedError *err);

/*
 * A statement whose binary rows are taken one by one, while the server makes
 * the next. Each fed_pq_next_row gives a result of one row, that the caller
 * clears; NULL, and err filled, when there is none, which ends the statement.
 * fed_pq_end_rows ends it before, or after the last row that is wanted: what
 * is still to come is received and dropped. A connection on which that fails
 * is broken, which the next call finds out.
 */
extern bool fed_pq_begin_rows(PGconn *conn, const char *sql, int n,
							  const FedPqParam *params, FedError *err);
extern PGresult *fed_pq_next_row(PGconn *conn, FedError *err);
extern void fed_pq_end_rows(PGconn *conn);

#endif							/* FED_CLIENT_PQ_CALL_H */
