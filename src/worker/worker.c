/*
 * worker.c
 *		The process that drives the sessions of one database.
 *
 * Started by the launcher, it first claims the database's slot, which makes it
 * the only one, then takes turns until the extension is gone. It is its own
 * probe: in a database without the extension it leaves after one look.
 *
 * An error that is not one session's ends the process, and with it whatever
 * state the error left; the launcher starts another after a delay. Between
 * turns it sleeps on its own latch, which commits set (wake.c), and on nothing
 * else, so that barriers and SIGTERM always reach it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "worker/environment.h"
#include "worker/launcher.h"
#include "worker/shmem.h"
#include "worker/signals.h"
#include "worker/slots.h"
#include "worker/turn.h"
#include "worker/utility.h"
#include "worker/worker.h"

extern PGDLLEXPORT void fed_worker_main(Datum database);

/*
 * Sleep until the latch is set, the time is over or the postmaster is gone.
 *
 * The turn before may have lost what the latch said: a wait for a lock or for
 * a synchronous standby resets it, and the latter does not even act on SIGTERM.
 * So first see whether there is a reason not to sleep.
 */
static void
sleep_for(long sleep_ms)
{
	static uint32 wait_event = 0;

	if (fed_signals_absorb() || fed_slots_take_wake())
		sleep_ms = 0;

	if (sleep_ms > 0)
	{
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 sleep_ms, fed_wait_event(&wait_event, "FederatedWorkerMain"));
	ResetLatch(MyLatch);
}

/* Take turns until the extension is gone or somebody needs the database empty. */
static void
take_turns(MemoryContext context)
{
	long		sleep_ms;

	for (;;)
	{
		fed_signals_absorb();
		if (fed_slots_must_leave())
			return;
		(void) fed_slots_take_wake();
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		pgstat_report_activity(STATE_RUNNING, "looking for due sessions");
		if (!fed_turn_run(context, &sleep_ms))
			return;
		sleep_for(sleep_ms);
	}
}

/* Keep the error that ends this process where worker_status() finds it. */
static void
remember_error(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	fed_slots_report_error(error->message);
}

/*
 * fed_worker_main is the entry point of "federated worker".
 *
 * Ends with 0 if it is not needed here and with 1 after an error; the launcher
 * reads the slot rather than the code.
 */
void
fed_worker_main(Datum database)
{
	MemoryContext context;

	fed_signals_install();
	if (!fed_slots_claim(DatumGetObjectId(database)))
		proc_exit(0);

	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	fed_environment_force("federated worker");
	context = AllocSetContextCreate(TopMemoryContext, "federated turn",
									ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		take_turns(context);
	}
	PG_CATCH();
	{
		remember_error(context);
		PG_RE_THROW();
	}
	PG_END_TRY();

	proc_exit(0);
}

/*
 * fed_worker_init starts the process layer; called once, from _PG_init.
 *
 * Does nothing in a library that was not preloaded, where everything works but
 * driving by itself, nor under pg_upgrade, whose servers must stay quiet.
 */
void
fed_worker_init(void)
{
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;

	fed_shmem_install();
	fed_utility_install();
	fed_launcher_register();
}
