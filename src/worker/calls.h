/*
 * calls.h
 *		The SQL functions that the worker calls.
 */
#ifndef FED_WORKER_CALLS_H
#define FED_WORKER_CALLS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

extern void fed_calls_worker_start(void);
extern void fed_calls_worker_seen(void);
extern int	fed_calls_due_sessions(MemoryContext context, pg_uuid_t **sessions);
extern bool fed_calls_next_due(TimestampTz *when);
extern PGDLLEXPORT bool fed_calls_next_webhook(TimestampTz *when);
extern bool fed_calls_advance(const pg_uuid_t *session);
extern void fed_calls_record_failure(const pg_uuid_t *session,
									 const char *sqlstate, const char *message);
extern int	fed_calls_maintain(void);
extern bool fed_calls_aggregate_chunk(int64 round_id);

#endif							/* FED_WORKER_CALLS_H */
