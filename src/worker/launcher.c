/*
 * launcher.c
 *		The process that starts the workers: one per cluster.
 *
 * It is connected to no database. It knows the databases that may have the
 * extension (databases.c), starts a worker in each to find out, and starts it
 * again when it ends though it should not have. It looks at pg_database when
 * told to, when the configuration changes and once a minute, so that a
 * database that appears in whatever way is found.
 *
 * Only a few workers are on their way at a time: a cluster with a hundred
 * databases must not have max_worker_processes used up by probes. A database
 * without the extension gives its slot back and is remembered here.
 *
 * What the launcher remembers by itself (known databases, handles) is lost when
 * it is restarted and found again by looking; what is in shared memory, the
 * workers above all, goes on meanwhile.
 */
#include "postgres.h"

#include <signal.h>

#include "base/compat.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/databases.h"
#include "worker/launcher.h"
#include "worker/process.h"
#include "worker/shmem.h"
#include "worker/signals.h"
#include "worker/slots.h"

#define RESTART_SECONDS		5
#define SCAN_INTERVAL_MS	(60 * 1000)
#define PROBE_INTERVAL_MS	(10 * 60 * 1000)
#define COMPLAIN_INTERVAL_MS	(10 * 60 * 1000)

/* Workers on their way at a time; one that takes longer is not counted. */
#define MAX_IN_TRANSIT		2
#define STARTING_MS			(10 * 1000)

/* A database that may have the extension. */
typedef struct KnownDatabase
{
	Oid			database;		/* hash key */
	bool		listed;			/* by the latest scan */
	TimestampTz probe_at;		/* look again then if it has no slot */
} KnownDatabase;

extern PGDLLEXPORT void fed_launcher_main(Datum unused);

static HTAB *known = NULL;		/* NULL until the first scan */

/* When processes ran out: how often in a row, and when to try again. */
static int	refused = 0;
static TimestampTz register_at = 0;

/* Of workers started by this process, by slot; NULL: none. */
static BackgroundWorkerHandle *handles[FED_MAX_DATABASES];

/* fed_launcher_register has the postmaster start the launcher. */
void
fed_launcher_register(void)
{
	BackgroundWorker launcher = fed_process_describe("federated launcher", "fed_launcher_main");

	launcher.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&launcher);
}

/* Runs when the launcher ends, before its PGPROC is given back. */
static void
leave_shmem(int code, Datum arg)
{
	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	if (fed_shared->launcher_pid == MyProcPid)
	{
		fed_shared->launcher_pid = 0;
		fed_shared->launcher_latch = NULL;
	}
	LWLockRelease(fed_shared->lock);
}

/*
 * Become reachable. Workers that a previous launcher registered and that have
 * not claimed their slot are forgotten: should one still come, it or ours
 * finds the slot claimed and ends.
 */
static void
enter_shmem(void)
{
	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	fed_shared->launcher_pid = MyProcPid;
	fed_shared->launcher_latch = MyLatch;
	for (int i = 0; i < FED_MAX_DATABASES; i++)
		fed_shared->slots[i].launched_at = 0;
	LWLockRelease(fed_shared->lock);

	before_shmem_exit(leave_shmem, (Datum) 0);
}

/*
 * Take the wishes out of the shared structure; returns whether a scan is among
 * them. A request for a worker is one: its database may be new. Requests are
 * granted by making the slot due at once; one whose worker is still on its way
 * out stays until it has gone.
 */
static bool
take_requests(void)
{
	bool		scan;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	scan = fed_shared->scan_requested;
	fed_shared->scan_requested = false;
	for (int i = 0; i < FED_MAX_DATABASES; i++)
	{
		FedSlot    *slot = &fed_shared->slots[i];

		if (!OidIsValid(slot->database) || !slot->requested || slot->pid != 0)
			continue;
		slot->requested = false;
		slot->state = FED_WORKER_STARTING;
		slot->retry_after = 0;
		scan = true;
	}
	LWLockRelease(fed_shared->lock);

	return scan;
}

/* End workers, and free slots, of databases that the latest scan did not list. */
static void
drop_unlisted_slots(void)
{
	if (known == NULL)
		return;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < FED_MAX_DATABASES; i++)
	{
		FedSlot    *slot = &fed_shared->slots[i];

		/* requested: asked for after the scan, by a database it did not see */
		if (!OidIsValid(slot->database) || slot->requested || slot->holds > 0 ||
			hash_search(known, &slot->database, HASH_FIND, NULL) != NULL)
			continue;
		if (slot->webhook_pid != 0)
			kill(slot->webhook_pid, SIGTERM);
		if (slot->pid != 0)
			kill(slot->pid, SIGTERM);
		else if (handles[i] == NULL && slot->webhook_pid == 0)
			slot->database = InvalidOid;
	}
	LWLockRelease(fed_shared->lock);
}

static void
create_known(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(KnownDatabase);
	control.hcxt = TopMemoryContext;
	known = hash_create("federated databases", 64, &control,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Bring the known databases up to date with pg_database and the setting. */
static void
scan_databases(void)
{
	List	   *databases;
	ListCell   *cell;
	HASH_SEQ_STATUS sequence;
	KnownDatabase *entry;

	if (!fed_databases_list(&databases))
		return;
	if (known == NULL)
		create_known();

	foreach(cell, databases)
	{
		bool		found;

		entry = hash_search(known, &lfirst_oid(cell), HASH_ENTER, &found);
		entry->listed = true;
		if (!found)
			entry->probe_at = 0;
	}

	hash_seq_init(&sequence, known);
	while ((entry = hash_seq_search(&sequence)) != NULL)
	{
		if (!entry->listed)
			(void) hash_search(known, &entry->database, HASH_REMOVE, NULL);
		else
			entry->listed = false;
	}
}

/* Leave a database in which the extension was not found alone for a while. */
static void
probe_later(Oid database)
{
	KnownDatabase *entry;

	if (known == NULL)
		return;
	entry = hash_search(known, &database, HASH_FIND, NULL);
	if (entry != NULL)
		entry->probe_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													  PROBE_INTERVAL_MS);
}

/*
 * See which workers have ended. One that never claimed its slot could not
 * start; one that found no extension gives the slot back until the next probe.
 */
static void
reap_workers(void)
{
	for (int i = 0; i < FED_MAX_DATABASES; i++)
	{
		FedSlot    *slot = &fed_shared->slots[i];
		pid_t		pid;

		if (handles[i] != NULL &&
			GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED)
		{
			pfree(handles[i]);
			handles[i] = NULL;
			register_at = 0;	/* a process has become free */
		}
		if (handles[i] != NULL)
			continue;

		LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
		if (OidIsValid(slot->database) && slot->pid == 0)
		{
			if (slot->launched_at != 0)
			{
				slot->launched_at = 0;
				fed_slots_back_off(slot);
			}
			else if (slot->state == FED_WORKER_ABSENT && slot->webhook_pid == 0 &&
					 !slot->requested && slot->holds == 0)
			{
				probe_later(slot->database);
				slot->database = InvalidOid;
			}
		}
		LWLockRelease(fed_shared->lock);
	}
}

/* Whether the slot's database waits for a worker that may be started now. */
static bool
is_startable(const FedSlot *slot)
{
	return OidIsValid(slot->database) && slot->pid == 0 &&
		slot->launched_at == 0 && slot->holds == 0 &&
		slot->state != FED_WORKER_ABSENT;
}

/*
 * Whether the slot's worker is on its way in, and not stuck there, or on its
 * way out: until the postmaster has seen it end it takes up a process.
 */
static bool
is_in_transit(int i, TimestampTz now)
{
	const FedSlot *slot = &fed_shared->slots[i];
	TimestampTz since = slot->launched_at;

	if (slot->pid != 0 && slot->state == FED_WORKER_STARTING)
		since = slot->started_at;
	if (since != 0)
		return !TimestampDifferenceExceeds(since, now, STARTING_MS);
	return slot->pid == 0 && handles[i] != NULL;
}

static int
count_in_transit(TimestampTz now)
{
	int			n = 0;

	for (int i = 0; i < FED_MAX_DATABASES; i++)
		n += is_in_transit(i, now) ? 1 : 0;
	return n;
}

/* Make the earlier of two times the one to wake at. */
static void
wake_no_later(TimestampTz *wake_at, TimestampTz when)
{
	*wake_at = Min(*wake_at, when);
}

/*
 * Choose a database to start a worker in and mark its slot, or return -1 and
 * say in *wake_at when that may change by time alone.
 */
static int
choose_slot(TimestampTz now, TimestampTz *wake_at)
{
	HASH_SEQ_STATUS sequence;
	KnownDatabase *entry;

	if (count_in_transit(now) >= MAX_IN_TRANSIT)
	{
		wake_no_later(wake_at, TimestampTzPlusMilliseconds(now, STARTING_MS));
		return -1;
	}

	for (int i = 0; i < FED_MAX_DATABASES; i++)
	{
		FedSlot    *slot = &fed_shared->slots[i];

		if (!is_startable(slot) || handles[i] != NULL)
			continue;
		if (slot->retry_after <= now)
			return i;
		wake_no_later(wake_at, slot->retry_after);
	}

	if (known == NULL)
		return -1;
	hash_seq_init(&sequence, known);
	while ((entry = hash_seq_search(&sequence)) != NULL)
	{
		FedSlot    *slot;

		if (fed_slots_find(entry->database) != NULL)
			continue;
		if (entry->probe_at > now)
		{
			wake_no_later(wake_at, entry->probe_at);
			continue;
		}
		slot = fed_slots_reserve(entry->database);
		hash_seq_term(&sequence);
		return slot != NULL ? (int) (slot - fed_shared->slots) : -1;
	}
	return -1;
}

/* Say that there are no worker processes left, not too often. */
static void
complain_no_process(void)
{
	static TimestampTz complained_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (complained_at != 0 &&
		!TimestampDifferenceExceeds(complained_at, now, COMPLAIN_INTERVAL_MS))
		return;

	complained_at = now;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("could not start a federated worker: no background worker slot is free"),
			 errdetail("The parameter \"max_worker_processes\" is %d.", max_worker_processes),
			 errhint("Raise \"max_worker_processes\"; the launcher needs one and each database with the extension one.")));
}

/* Say once that a database could not be given a slot. */
static void
complain_no_slot(void)
{
	static bool complained = false;
	bool		exhausted;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	exhausted = fed_shared->slots_exhausted;
	fed_shared->slots_exhausted = false;
	LWLockRelease(fed_shared->lock);

	if (!exhausted || complained)
		return;

	complained = true;
	ereport(LOG,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("sessions of some databases are not driven"),
			 errdetail("Federated workers run in at most %d databases.", FED_MAX_DATABASES),
			 errhint("Name the databases to drive in \"federated.databases\".")));
}

/*
 * Register a worker of the database, to be watched by the given handle. False
 * if max_worker_processes are in use.
 */
static bool
register_worker(Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = fed_process_describe("federated worker", "fed_worker_main");

	snprintf(worker.bgw_name, sizeof(worker.bgw_name),
			 "federated worker for database %u", database);
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	return fed_process_start(&worker, handle);
}

/*
 * Start a worker in the database of a slot that choose_slot has chosen. False
 * if that has to wait, and so have all others: processes are the cluster's. If
 * one of ours is on its way out, for that; otherwise for a growing delay.
 */
static bool
start_worker(int i, Oid database, TimestampTz now)
{
	bool		started = register_worker(database, &handles[i]);
	bool		stuck = false;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	if (!started)
	{
		fed_shared->slots[i].launched_at = 0;
		stuck = count_in_transit(now) == 0;
		fed_shared->out_of_processes = stuck;
	}
	LWLockRelease(fed_shared->lock);

	if (started)
		refused = 0;
	if (stuck)
	{
		register_at = TimestampTzPlusMilliseconds(now, fed_slots_back_off_ms(refused++));
		complain_no_process();
	}
	return started;
}

/*
 * Start the workers that are due, as many as may be on their way at a time.
 * Returns when to look again if nobody wakes us: each start, each end and each
 * worker that gets to work does.
 */
static TimestampTz
start_workers(TimestampTz wake_at)
{
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		Oid			database = InvalidOid;
		int			i = -1;

		LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
		if (now >= register_at)
		{
			i = choose_slot(now, &wake_at);
			fed_shared->out_of_processes = false;
		}
		if (i >= 0)
		{
			database = fed_shared->slots[i].database;
			fed_shared->slots[i].state = FED_WORKER_STARTING;
			fed_shared->slots[i].launched_at = now;
		}
		LWLockRelease(fed_shared->lock);

		if (i < 0 || !start_worker(i, database, now))
			break;
	}

	if (register_at > GetCurrentTimestamp())
		wake_no_later(&wake_at, register_at);
	complain_no_slot();
	return wake_at;
}

/* fed_launcher_main is the entry point of "federated launcher". */
void
fed_launcher_main(Datum unused)
{
	static uint32 wait_event = 0;
	MemoryContext context;
	TimestampTz scan_at = 0;

	fed_signals_install();
	enter_shmem();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	context = AllocSetContextCreate(TopMemoryContext, "federated launcher",
									ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		TimestampTz wake_at;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);

		if (take_requests() || GetCurrentTimestamp() >= scan_at)
		{
			scan_databases();
			scan_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SCAN_INTERVAL_MS);
		}
		reap_workers();
		drop_unlisted_slots();
		wake_at = start_workers(scan_at);

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), wake_at)),
						 fed_wait_event(&wait_event, "FederatedLauncherMain"));
		ResetLatch(MyLatch);
		if (fed_signals_absorb())
			scan_at = 0;
	}
}
