/*
 * turn.c
 *		What the worker does each time it wakes.
 *
 * A turn asks which sessions are due and gives each of them one step. If any
 * moved there is another turn at once; otherwise the worker sleeps until the
 * nearest deadline. So sessions share the worker step by step, and one that
 * becomes due meanwhile waits for one step of each of the others at most.
 *
 * Times kept here are only about this process: what must survive it is in the
 * database.
 */
#include "postgres.h"

#include "base/compat.h"
#include "pgstat.h"
#include "utils/inval.h"
#include "utils/timestamp.h"
#include "base/settings.h"
#include "worker/calls.h"
#include "worker/signals.h"
#include "worker/slots.h"
#include "worker/step.h"
#include "worker/transaction.h"
#include "worker/turn.h"
#include "worker/webhooks.h"

#define IDLE_SLEEP_MS		(60 * 1000) /* nothing is active, or we are off */
#define BUSY_SLEEP_MS		1000	/* the extension is being altered */
#define MIN_SLEEP_MS		10
#define STUCK_SLEEP_MS		100 /* sessions are due and none would move */
#define MAINTAIN_SOON_MS	1000	/* after something may have retired */
#define MAINTAIN_LATER_MS	(60 * 1000)
#define MAINTAIN_OVERDUE_MS (10 * 1000) /* then not even steps go first */
#define FORGET_STEPS	1000	/* then the system caches are emptied */

/* What the first transaction of a turn finds out. */
typedef struct Agenda
{
	pg_uuid_t  *due;
	int			n_due;
	bool		active;			/* next_due is set; asked only if nothing is due */
	TimestampTz next_due;
} Agenda;

/*
 * The extension that we said worker_start() to, InvalidOid while we do not
 * drive: after being switched off, a version mismatch or CREATE EXTENSION the
 * time in between counts as time without a worker.
 */
static Oid	driven = InvalidOid;
static bool mismatch_told = false;

static TimestampTz maintain_at = 0;
static int	maintain_delay = MAINTAIN_LATER_MS;
static int	maintain_waiting = 0;
static int	steps_remembered = 0;

/* Find out what is to be done. *agenda is empty unless READY and switched on. */
static FedExtensionStatus
read_agenda(Agenda *agenda, FedExtension *extension, MemoryContext context)
{
	FedExtensionStatus status;

	memset(agenda, 0, sizeof(Agenda));
	status = fed_transaction_begin(extension);
	if (status != FED_EXTENSION_READY)
		return status;

	if (fed_setting_worker)
	{
		if (driven != extension->oid)
			fed_calls_worker_start();
		fed_calls_worker_seen();
		agenda->n_due = fed_calls_due_sessions(context, &agenda->due);
		if (agenda->n_due == 0)
			agenda->active = fed_calls_next_due(&agenda->next_due);
	}
	fed_transaction_commit();

	driven = fed_setting_worker ? extension->oid : InvalidOid;
	return status;
}

/* Idle, and say why, while library and extension are not of the same version. */
static void
report_mismatch(const FedExtension *extension)
{
	fed_slots_report(FED_WORKER_VERSION_MISMATCH);
	driven = InvalidOid;
	if (mismatch_told)
		return;

	mismatch_told = true;
	ereport(LOG,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("sessions are not driven: the library is for another version of extension \"%s\"",
					FED_EXTENSION_NAME),
			 errdetail("The extension is version %s, the library is version %s.",
					   extension->version, FED_VERSION),
			 errhint("Install and preload the library of the newer version, restart the server, then run ALTER EXTENSION federated UPDATE.")));
}

/* One step for each due session; returns how many moved. */
static int
run_steps(const Agenda *agenda, MemoryContext context)
{
	int			n_moved = 0;

	for (int i = 0; i < agenda->n_due; i++)
	{
		fed_signals_absorb();
		if (fed_slots_must_leave())
			break;
		if (fed_step_run(&agenda->due[i], context))
			n_moved++;
	}
	return n_moved;
}

/*
 * Every index that was made and dropped leaves entries in the system caches
 * that say what does not exist, some hundred bytes, for as long as a backend
 * usually lives. This one lives on. To be called in a transaction.
 */
static void
forget_dropped_tables(void)
{
	if (steps_remembered < FORGET_STEPS)
		return;

	InvalidateSystemCaches();
	steps_remembered = 0;
}

/*
 * Clean up in one transaction. What is left waiting, usually a table that
 * somebody still reads, is tried again soon, then less and less often.
 */
static void
maintain(MemoryContext context)
{
	FedExtension extension;
	ErrorData  *volatile error = NULL;
	volatile int waiting = maintain_waiting;

	pgstat_report_activity(STATE_RUNNING, "maintaining");
	PG_TRY();
	{
		if (fed_transaction_begin(&extension) == FED_EXTENSION_READY)
		{
			waiting = fed_calls_maintain();
			forget_dropped_tables();
			fed_transaction_commit();
		}
	}
	PG_CATCH();
	{
		error = fed_transaction_recover(context);
	}
	PG_END_TRY();

	if (error != NULL)
	{
		fed_slots_report_error(error->message);
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("maintenance failed: %s", error->message)));
		maintain_delay = MAINTAIN_LATER_MS;
	}
	else if (waiting == 0)
		maintain_delay = MAINTAIN_LATER_MS;
	else if (waiting != maintain_waiting)
		maintain_delay = MAINTAIN_SOON_MS;
	else
		maintain_delay = Min(maintain_delay * 2, MAINTAIN_LATER_MS);

	maintain_waiting = waiting;
	maintain_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), maintain_delay);
}

/* Maintain when it is time; steps come first unless it is long overdue. */
static void
maintain_if_due(int n_moved, MemoryContext context)
{
	TimestampTz now = GetCurrentTimestamp();

	steps_remembered += n_moved;
	if (n_moved > 0)
	{
		/* a step may have retired something */
		maintain_at = Min(maintain_at, TimestampTzPlusMilliseconds(now, MAINTAIN_SOON_MS));
		if (!TimestampDifferenceExceeds(maintain_at, now, MAINTAIN_OVERDUE_MS))
			return;
	}
	if (maintain_at <= now)
		maintain(context);
}

/*
 * How long until the next turn, given that nothing moved in this one. If
 * something was due all the same, its failure has changed what is due next.
 */
static long
time_to_sleep(const Agenda *agenda)
{
	TimestampTz now = GetCurrentTimestamp();
	long		sleep_ms = IDLE_SLEEP_MS;

	if (agenda->n_due > 0)
		return STUCK_SLEEP_MS;

	if (agenda->active)
		sleep_ms = Min(TimestampDifferenceMilliseconds(now, agenda->next_due),
					   fed_setting_worker_interval);
	sleep_ms = Min(sleep_ms, TimestampDifferenceMilliseconds(now, maintain_at));
	return Max(sleep_ms, MIN_SLEEP_MS);
}

/*
 * fed_turn_run does what is due.
 *
 * Returns false if the worker is to leave, the extension being gone; otherwise
 * *sleep_ms says when to come again unless woken, 0 for at once. Errors of
 * single sessions are dealt with; any other error is raised. The memory used
 * is left in the given context, which must be the current one.
 */
bool
fed_turn_run(MemoryContext context, long *sleep_ms)
{
	Agenda		agenda;
	FedExtension extension;
	int			n_moved;

	*sleep_ms = IDLE_SLEEP_MS;
	switch (read_agenda(&agenda, &extension, context))
	{
		case FED_EXTENSION_ABSENT:
			fed_slots_report(FED_WORKER_ABSENT);
			return false;
		case FED_EXTENSION_BUSY:
			*sleep_ms = BUSY_SLEEP_MS;
			return true;
		case FED_EXTENSION_OTHER_VERSION:
			report_mismatch(&extension);
			return true;
		case FED_EXTENSION_READY:
			mismatch_told = false;
			break;
	}

	fed_slots_report(FED_WORKER_WORKING);
	if (fed_setting_worker)
	{
		n_moved = run_steps(&agenda, context);
		maintain_if_due(n_moved, context);
		*sleep_ms = n_moved > 0 ? 0 : time_to_sleep(&agenda);
	}
	*sleep_ms = Min(*sleep_ms, fed_webhooks_supervise(context));
	fed_slots_report_turn(*sleep_ms > 0);
	return true;
}
