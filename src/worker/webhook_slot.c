/*
 * webhook_slot.c
 *		The part of a database's slot that is about the process that sends webhooks.
 *
 * Whoever queues something leaves word here at commit: to the process if it
 * runs, otherwise to the worker, which starts it (webhooks.c). The word stays
 * until one of them takes it, so that nothing is overlooked while the process
 * is on its way in or out.
 *
 * A start counts as a failure until the process has left in good order, or has
 * lasted for a while. So one
 * that cannot even load its library is not started over and over.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"
#include "worker/slots.h"
#include "worker/webhook_slot.h"

/*
 * fed_webhook_slot_wake says that the database's outbox has something to look
 * at. Without a slot there is no worker either, and the next looks by itself.
 */
void
fed_webhook_slot_wake(Oid database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(database);
	if (slot != NULL)
	{
		slot->webhook_woken = true;
		if (slot->webhook_latch != NULL)
			SetLatch(slot->webhook_latch);
		else
			fed_slots_rouse(slot);
	}
	LWLockRelease(fed_shared->lock);
}

/* fed_webhook_slot_running says whether our database has the process. */
bool
fed_webhook_slot_running(void)
{
	FedSlot		slot;

	return fed_slots_read(MyDatabaseId, &slot) && slot.webhook_pid != 0;
}

/* fed_webhook_slot_failures says how many starts in a row have not ended well. */
int
fed_webhook_slot_failures(void)
{
	FedSlot		slot;

	return fed_slots_read(MyDatabaseId, &slot) ? slot.webhook_failures : 0;
}

/* fed_webhook_slot_start counts a start; returns how many have failed before it. */
int
fed_webhook_slot_start(void)
{
	FedSlot    *slot;
	int			failures = 0;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(MyDatabaseId);
	if (slot != NULL)
		failures = slot->webhook_failures++;
	LWLockRelease(fed_shared->lock);

	return failures;
}

/* Runs when the process ends, before its PGPROC is given back. */
static void
leave(int code, Datum database)
{
	FedSlot    *slot;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(DatumGetObjectId(database));
	if (slot != NULL && slot->webhook_pid == MyProcPid)
	{
		slot->webhook_pid = 0;
		slot->webhook_latch = NULL;
		if (code == 0 || TimestampDifferenceExceeds(MyStartTimestamp, GetCurrentTimestamp(), FED_RAN_WELL_MS))
			slot->webhook_failures = 0;
		fed_slots_rouse(slot);
	}
	fed_slots_rouse_launcher();
	LWLockRelease(fed_shared->lock);
}

/*
 * fed_webhook_slot_claim makes this process the one that sends the database's
 * webhooks. False if it must end instead: there is one, or the database is held.
 */
bool
fed_webhook_slot_claim(Oid database)
{
	FedSlot    *slot;
	bool		claimed = false;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(database);
	if (slot != NULL && slot->webhook_pid == 0 && slot->holds == 0)
	{
		slot->webhook_pid = MyProcPid;
		slot->webhook_latch = MyLatch;
		claimed = true;
	}
	LWLockRelease(fed_shared->lock);

	if (claimed)
		before_shmem_exit(leave, ObjectIdGetDatum(database));
	return claimed;
}

/*
 * fed_webhook_slot_take_wake says whether anything was queued since somebody
 * last asked.
 */
bool
fed_webhook_slot_take_wake(void)
{
	FedSlot    *slot;
	bool		woken = false;

	LWLockAcquire(fed_shared->lock, LW_EXCLUSIVE);
	slot = fed_slots_find(MyDatabaseId);
	if (slot != NULL)
	{
		woken = slot->webhook_woken;
		slot->webhook_woken = false;
	}
	LWLockRelease(fed_shared->lock);

	return woken;
}
