/*
 * calls.c
 *		The SQL functions that the worker calls, as C functions.
 *
 * The state machine is SQL; the worker knows nothing of it but these nine
 * names. All run inside a transaction with SPI connected and a snapshot set,
 * and raise what the SQL function raises.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/statement.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/calls.h"

typedef enum Call
{
	WORKER_START,
	WORKER_SEEN,
	DUE_SESSIONS,
	NEXT_DUE,
	ADVANCE,
	RECORD_FAILURE,
	MAINTAIN,
	AGGREGATE_CHUNK,
	NEXT_WEBHOOK,
} Call;

#define N_CALLS (NEXT_WEBHOOK + 1)

static FedStatement calls[N_CALLS] = {
	[WORKER_START] = {.sql = "SELECT federated.worker_start()"},
	[WORKER_SEEN] = {.sql = "SELECT federated.worker_seen()"},
	[DUE_SESSIONS] = {.sql = "SELECT due FROM federated.due_sessions() AS due"},
	[NEXT_DUE] = {.sql = "SELECT federated.next_due()"},
	[ADVANCE] = {.sql = "SELECT federated.advance($1)", .n_args = 1, .types = {UUIDOID}},
	[RECORD_FAILURE] = {.sql = "SELECT federated.record_failure($1, $2, $3)", .n_args = 3, .types = {UUIDOID, TEXTOID, TEXTOID}},
	[MAINTAIN] = {.sql = "SELECT federated.maintain()"},
	[AGGREGATE_CHUNK] = {.sql = "SELECT federated.aggregate_chunk($1)", .n_args = 1, .types = {INT8OID}},
	[NEXT_WEBHOOK] = {.sql = "SELECT federated.next_webhook()"},
};

/* Run one call; its rows are in SPI_tuptable. */
static void
execute(Call call, Datum *args)
{
	fed_statement_run(&calls[call], args, NULL, false);
}

/* The value of the first column of a row of the last call. */
static Datum
fetch(uint64 row, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, isnull);
}

/* fed_calls_worker_start says that a worker begins to drive this database. */
void
fed_calls_worker_start(void)
{
	execute(WORKER_START, NULL);
}

/* fed_calls_worker_seen stamps the time at which a worker was at work. */
void
fed_calls_worker_seen(void)
{
	execute(WORKER_SEEN, NULL);
}

/*
 * fed_calls_due_sessions finds the sessions that have something to do now.
 *
 * Returns their number; *sessions is palloc'd in the given context.
 */
int
fed_calls_due_sessions(MemoryContext context, pg_uuid_t **sessions)
{
	uint64		n_rows;
	int			n_sessions = 0;

	execute(DUE_SESSIONS, NULL);
	n_rows = SPI_processed;

	*sessions = MemoryContextAlloc(context, mul_size(Max(n_rows, 1), sizeof(pg_uuid_t)));
	for (uint64 row = 0; row < n_rows; row++)
	{
		bool		isnull;
		Datum		session = fetch(row, &isnull);

		if (!isnull)
			(*sessions)[n_sessions++] = *DatumGetUUIDP(session);
	}
	return n_sessions;
}

/* Make a call that returns a time; false when it is NULL. */
static bool
execute_for_time(Call call, TimestampTz *when)
{
	bool		isnull;
	Datum		value;

	execute(call, NULL);
	value = fetch(0, &isnull);
	*when = isnull ? 0 : DatumGetTimestampTz(value);
	return !isnull;
}

/* fed_calls_next_due says when to look again; false when nothing is active. */
bool
fed_calls_next_due(TimestampTz *when)
{
	return execute_for_time(NEXT_DUE, when);
}

/* fed_calls_next_webhook says when the next is to be sent; false when there is none. */
bool
fed_calls_next_webhook(TimestampTz *when)
{
	return execute_for_time(NEXT_WEBHOOK, when);
}

/* fed_calls_advance does one step of a session; false if none was due. */
bool
fed_calls_advance(const pg_uuid_t *session)
{
	Datum		args[1];
	bool		isnull;

	args[0] = UUIDPGetDatum(session);
	execute(ADVANCE, args);
	(void) fetch(0, &isnull);
	return !isnull;
}

/* fed_calls_record_failure has the session wait before it is due again. */
void
fed_calls_record_failure(const pg_uuid_t *session,
						 const char *sqlstate, const char *message)
{
	Datum		args[3];

	args[0] = UUIDPGetDatum(session);
	args[1] = CStringGetTextDatum(sqlstate);
	args[2] = CStringGetTextDatum(message);
	execute(RECORD_FAILURE, args);
}

/* fed_calls_maintain cleans up; returns how much is left for another time. */
int
fed_calls_maintain(void)
{
	bool		isnull;
	Datum		value;

	execute(MAINTAIN, NULL);
	value = fetch(0, &isnull);
	return isnull ? 0 : DatumGetInt32(value);
}

/* fed_calls_aggregate_chunk makes a part of a round's result; false if none is left. */
bool
fed_calls_aggregate_chunk(int64 round_id)
{
	Datum		args[1];
	bool		isnull;

	args[0] = Int64GetDatum(round_id);
	execute(AGGREGATE_CHUNK, args);
	return DatumGetBool(fetch(0, &isnull));
}
