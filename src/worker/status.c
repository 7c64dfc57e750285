/*
 * status.c
 *		What SQL may know about the processes, and the one thing it may do.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"
#include "worker/slots.h"

PG_FUNCTION_INFO_V1(federated_worker_restart);
PG_FUNCTION_INFO_V1(federated_worker_status);

static const char *const state_names[] = {
	[FED_WORKER_ABSENT] = "absent",
	[FED_WORKER_STARTING] = "starting",
	[FED_WORKER_IDLE] = "idle",
	[FED_WORKER_WORKING] = "working",
	[FED_WORKER_VERSION_MISMATCH] = "version_mismatch",
	[FED_WORKER_BACKOFF] = "backoff",
};

/* Columns of worker_status(). */
enum
{
	PRELOADED,
	LAUNCHER_PID,
	WORKER_PID,
	STATE,
	STARTED_AT,
	LAST_TURN,
	TURNS,
	LAST_ERROR,
	N_COLUMNS
};

/*
 * What the worker of a database is doing; slot may be NULL. A database that
 * waits for its first worker waits in vain while there are no processes left.
 */
static const char *
name_of_state(const FedSlot *slot, bool out_of_processes)
{
	if (out_of_processes &&
		(slot == NULL || (slot->pid == 0 && slot->state == FED_WORKER_STARTING)))
		return "no_slot";
	return state_names[slot != NULL ? slot->state : FED_WORKER_ABSENT];
}

/* The columns that come from the database's slot. */
static void
fill_from_slot(const FedSlot *slot, Datum *values, bool *nulls)
{
	values[WORKER_PID] = Int32GetDatum(slot->pid);
	nulls[WORKER_PID] = slot->pid == 0;
	values[STARTED_AT] = TimestampTzGetDatum(slot->started_at);
	nulls[STARTED_AT] = slot->started_at == 0;
	values[LAST_TURN] = TimestampTzGetDatum(slot->last_turn);
	nulls[LAST_TURN] = slot->last_turn == 0;
	values[TURNS] = Int64GetDatum(slot->turns);
	nulls[TURNS] = false;
	values[LAST_ERROR] = CStringGetTextDatum(slot->last_error);
	nulls[LAST_ERROR] = slot->last_error[0] == '\0';
}

/* All that is known about this database; nothing if there are no processes. */
static const char *
fill_from_shared(Datum *values, bool *nulls)
{
	FedSlot		slot;
	bool		found;
	pid_t		launcher_pid;
	bool		out_of_processes;

	if (fed_shared == NULL)
		return state_names[FED_WORKER_ABSENT];

	LWLockAcquire(fed_shared->lock, LW_SHARED);
	launcher_pid = fed_shared->launcher_pid;
	out_of_processes = fed_shared->out_of_processes;
	LWLockRelease(fed_shared->lock);

	values[LAUNCHER_PID] = Int32GetDatum(launcher_pid);
	nulls[LAUNCHER_PID] = launcher_pid == 0;
	found = fed_slots_read(MyDatabaseId, &slot);
	if (found)
		fill_from_slot(&slot, values, nulls);
	return name_of_state(found ? &slot : NULL, out_of_processes);
}

/*
 * federated.worker_status() returns (preloaded bool, launcher_pid int,
 *		worker_pid int, state text, started_at timestamptz,
 *		last_turn timestamptz, turns bigint, last_error text)
 *
 * One row about this database. What is not known is NULL; the state is never.
 */
Datum
federated_worker_status(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[N_COLUMNS] = {0};
	bool		nulls[N_COLUMNS];

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != N_COLUMNS)
		elog(ERROR, "worker_status() must return a row of %d columns", N_COLUMNS);

	memset(nulls, true, sizeof(nulls));
	values[PRELOADED] = BoolGetDatum(fed_shared != NULL);
	nulls[PRELOADED] = false;
	values[STATE] = CStringGetTextDatum(fill_from_shared(values, nulls));
	nulls[STATE] = false;

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/*
 * federated.worker_restart() returns boolean
 *
 * Ends this database's worker, if it is running, and has another started at
 * once. Returns whether one was running.
 */
Datum
federated_worker_restart(PG_FUNCTION_ARGS)
{
	if (fed_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there are no federated workers"),
				 errhint("Add \"federated\" to \"shared_preload_libraries\" and restart the server.")));

	PG_RETURN_BOOL(fed_slots_restart(MyDatabaseId));
}
