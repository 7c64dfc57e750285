/*
 * slots.c
 *		The life of a database's slot.
 *
 *		free -> STARTING -> IDLE <-> WORKING -> free
 *		                    |  ^
 *		                    v  |  (the worker died)
 *		                   BACKOFF
 *
 * Anybody may reserve a slot and leave wishes in it (a worker wanted, the
 * database needed empty); only the worker that claimed it writes what it is
 * doing; only the launcher starts workers and frees slots. A worker that ends
 * for whatever reason lets go of its slot before its PGPROC is given back, and
 * decides there when the next one may start: at once if it was asked to make
 * room, after a growing delay otherwise.
 *
 * Functions for backends run inside commit processing, so they neither throw
 * nor allocate.
 */
#include "postgres.h"

#include <signal.h>

#include "base/compat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"
#include "worker/shmem.h"
#include "worker/slots.h"

#define MAX_BACKOFF_MS	(60 * 1000)

/* The slot of which this process is the worker. */
static FedSlot *my_slot = NULL;

/* fed_slots_find returns the database's slot or NULL. Lock held by the caller. */
FedSlot *
fed_slots_find(Oid database)
{
	for (int i = 0; i < FED_MAX_DATABASES; i++)
	{
		if (fed_shared->slots[i].database == database)
			return &fed_shared->slots[i];
	}
	return NULL;
}

/*
 * fed_slots_reserve returns the database's slot, taking a free one if needed.
 *
 * NULL when all are taken; the launcher says so in the log. Lock held
 * exclusively by the caller.
 */
FedSlot *
fed_slots_reserve(Oid database)
{
	FedSlot    *slot = fed_slots_find(database);

	if (slot != NULL)
		return slot;

	slot = fed_slots_find(InvalidOid);
	if (slot == NULL)
	{
		fed_shared->slots_exhausted = true;
		return NULL;
	}

	memset(slot, 0, sizeof(FedSlot));
	slot->database = database;
	slot->state = FED_WORKER_STARTING;
	return slot;
}

/* fed_slots_back_off_ms returns 1, 2, 4 … 60 seconds for failures in a row. */
int
fed_slots_back_off_ms(int failures)
{
	return failures < 6 ? 1000 << failures : MAX_BACKOFF_MS;
}

/*
 * fed_slots_back_off says that a worker has died or could not start, and when
 * to try again. Lock held exclusively by the caller.
 */
void
fed_slots_back_off(FedSlot *slot)
{
	slot->state = FED_WORKER_BACKOFF;
	slot->retry_after = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													fed_slots_back_off_ms(slot->failures));
	slot->failures++;
}

/* fed_slots_rouse_launcher sets the launcher's latch. Lock held by the caller. */
void
fed_slots_rouse_launcher(void)
{
	if (fed_shared->launcher_latch != NULL)
		SetLatch(fed_shared->launcher_latch);
}

/*
 * fed_slots_rouse wakes the slot's worker, if there is one.
 *
 * The latch alone would not do: within a transaction a wait for a lock or for a
 * standby takes it away, and the worker would go to sleep on what it knew
 * before. Lock held exclusively by the caller.
 */
void
fed_slots_rouse(FedSlot *slot)
{
	if (slot->latch == NULL)
		return;

	slot->woken = true;
	SetLatch(slot->latch);
}

/*
 * fed_slots_request asks for a worker of the database now.
 *
 * A worker that runs is woken and takes the request back once it has seen the
 * extension; if it was about to leave, the launcher starts the next one.
 */
void
fed_slots_request(Oid database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_reserve(database);
	if (slot != NULL)
	{
		slot->requested = true;
		fed_slots_rouse(slot);
	}
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_request_scan has the launcher look at pg_database now. */
void
fed_slots_request_scan(void)
{
	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	fed_shared->scan_requested = true;
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_wake has the database's worker look now; no worker, no effect. */
void
fed_slots_wake(Oid database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(database);
	if (slot != NULL)
		fed_slots_rouse(slot);
	LWLockRelease(fed_shared->lock);
}

/*
 * fed_slots_restart ends the database's worker and asks for another.
 *
 * Returns whether there was one to end.
 */
bool
fed_slots_restart(Oid database)
{
	FedSlot    *slot;
	bool		running = false;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_reserve(database);
	if (slot != NULL && slot->pid != 0)
	{
		running = true;
		slot->restarting = true;
		kill(slot->pid, SIGTERM);
	}
	else if (slot != NULL)
		slot->requested = true;
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);

	return running;
}

/*
 * fed_slots_hold asks the database's processes to leave and keeps the next from
 * starting.
 *
 * Returns how many there are, and their process ids in pids. The worker leaves
 * at the end of its step. Each call is paired with one of
 * fed_slots_release_hold. Without a free slot the hold is not remembered; a
 * process that is not running cannot be in the way.
 */
int
fed_slots_hold(Oid database, pid_t pids[FED_SLOT_PROCESSES])
{
	FedSlot    *slot;
	int			n = 0;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_reserve(database);
	if (slot != NULL)
	{
		slot->holds++;
		if (slot->pid != 0)
			pids[n++] = slot->pid;
		if (slot->webhook_pid != 0)
			pids[n++] = slot->webhook_pid;
		fed_slots_rouse(slot);
		if (slot->webhook_latch != NULL)
			SetLatch(slot->webhook_latch);
	}
	LWLockRelease(fed_shared->lock);

	return n;
}

/* fed_slots_terminate interrupts the database's processes that are running. */
void
fed_slots_terminate(Oid database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_SHARED);
	slot = fed_slots_find(database);
	if (slot != NULL && slot->pid != 0)
		kill(slot->pid, SIGTERM);
	if (slot != NULL && slot->webhook_pid != 0)
		kill(slot->webhook_pid, SIGTERM);
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_release_hold undoes one fed_slots_hold. */
void
fed_slots_release_hold(Oid database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(database);
	if (slot != NULL && slot->holds > 0)
	{
		slot->holds--;
		slot->requested = true;
	}
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_read copies the database's slot; false if it has none. */
bool
fed_slots_read(Oid database, FedSlot *copy)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_SHARED);
	slot = fed_slots_find(database);
	if (slot != NULL)
		*copy = *slot;
	LWLockRelease(fed_shared->lock);

	return slot != NULL;
}

/*
 * Let go of the slot. Runs when the worker ends, after its transaction has
 * been aborted and before its PGPROC is given back.
 */
static void
leave_slot(int code, Datum arg)
{
	FedSlot    *slot = my_slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	if (slot != NULL && slot->pid == MyProcPid)
	{
		TimestampTz now = GetCurrentTimestamp();

		slot->pid = 0;
		slot->latch = NULL;
		if (TimestampDifferenceExceeds(slot->started_at, now, FED_RAN_WELL_MS))
			slot->failures = 0;

		if (slot->restarting || slot->holds > 0)
		{
			slot->state = FED_WORKER_STARTING;
			slot->requested = true;
		}
		else if (slot->state != FED_WORKER_ABSENT)
			fed_slots_back_off(slot);
		slot->restarting = false;
	}
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);

	my_slot = NULL;
}

/*
 * fed_slots_claim makes this process the database's worker.
 *
 * False if it must end instead: there is one, the database is held, or there
 * is no slot. The claim ends with the process.
 */
bool
fed_slots_claim(Oid database)
{
	FedSlot    *slot;
	bool		claimed = false;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_reserve(database);
	if (slot != NULL && slot->pid == 0 && slot->holds == 0)
	{
		slot->pid = MyProcPid;
		slot->latch = MyLatch;
		slot->state = FED_WORKER_STARTING;
		slot->woken = false;
		slot->launched_at = 0;
		slot->retry_after = 0;
		slot->started_at = GetCurrentTimestamp();
		slot->last_turn = 0;
		slot->turns = 0;
		claimed = true;
	}
	LWLockRelease(fed_shared->lock);

	if (claimed)
	{
		my_slot = slot;
		before_shmem_exit(leave_slot, (Datum) 0);
	}
	return claimed;
}

/* fed_slots_must_leave says whether somebody needs our database empty. */
bool
fed_slots_must_leave(void)
{
	FedSlot    *slot;
	bool		held;

	LWLockAcquire(fed_shared->lock, LW_SHARED);
	slot = fed_slots_find(MyDatabaseId);
	held = slot != NULL && slot->holds > 0;
	LWLockRelease(fed_shared->lock);

	return held;
}

/*
 * fed_slots_take_wake says whether this worker was woken since it last asked.
 *
 * Asked before a turn looks at the database, and once more before sleeping.
 */
bool
fed_slots_take_wake(void)
{
	bool		woken;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	woken = my_slot->woken;
	my_slot->woken = false;
	LWLockRelease(fed_shared->lock);

	return woken;
}

/*
 * fed_slots_report publishes what this worker does now.
 *
 * Any state but ABSENT means that the extension was seen, which answers a
 * request for a worker. The launcher starts few workers at a time, so the
 * first report is what lets it start the next.
 */
void
fed_slots_report(FedWorkerState state)
{
	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	if (my_slot->state == FED_WORKER_STARTING)
		fed_slots_rouse_launcher();
	my_slot->state = state;
	if (state != FED_WORKER_ABSENT)
		my_slot->requested = false;
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_report_turn counts a finished turn; sleeping says what follows. */
void
fed_slots_report_turn(bool sleeping)
{
	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	if (sleeping)
		my_slot->state = FED_WORKER_IDLE;
	my_slot->turns++;
	my_slot->last_turn = GetCurrentTimestamp();
	LWLockRelease(fed_shared->lock);
}

/* fed_slots_report_error keeps the worker's latest error for worker_status. */
void
fed_slots_report_error(const char *message)
{
	int			length = pg_mbcliplen(message, strlen(message), FED_ERROR_LENGTH - 1);

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	memcpy(my_slot->last_error, message, length);
	my_slot->last_error[length] = '\0';
	LWLockRelease(fed_shared->lock);
}
