/*
 * wake.c
 *		What is to happen when the current transaction commits.
 *
 * A worker that is woken before the commit looks too early, sees nothing and
 * goes back to sleep. So the wish is noted in the backend and carried out by a
 * transaction callback, when the commit is visible to everybody. That is inside
 * the commit: nothing there may fail or allocate.
 *
 * A wish of a subtransaction that is rolled back stays; the worker then looks
 * in vain once. PREPARE forgets wishes: COMMIT PREPARED may come from another
 * backend, and the worker looks by itself within federated.worker_interval, or
 * within a minute when no session was active.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "worker/shmem.h"
#include "worker/slots.h"
#include "worker/wake.h"
#include "worker/webhook_slot.h"

static int	pending = 0;
static List *held_databases = NIL;	/* Oids, in TopMemoryContext */

PG_FUNCTION_INFO_V1(federated_launch_worker);
PG_FUNCTION_INFO_V1(federated_wake_webhook);
PG_FUNCTION_INFO_V1(federated_wake_worker);

/* Let workers into the databases that this transaction wanted empty. */
static void
release_holds(void)
{
	ListCell   *cell;

	foreach(cell, held_databases)
		fed_slots_release_hold(lfirst_oid(cell));
	list_free(held_databases);
	held_databases = NIL;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	int			wishes = pending;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;

	pending = 0;
	if (held_databases != NIL)
		release_holds();
	if (event != XACT_EVENT_COMMIT)
		return;

	if (wishes & FED_WAKE_WORKER)
		fed_slots_wake(MyDatabaseId);
	if (wishes & FED_WAKE_LAUNCH)
		fed_slots_request(MyDatabaseId);
	if (wishes & FED_WAKE_WEBHOOK)
		fed_webhook_slot_wake(MyDatabaseId);
	if (wishes & FED_WAKE_SCAN)
		fed_slots_request_scan();
}

static void
register_callback(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_transaction_end, NULL);
	registered = true;
}

/* fed_wake_at_commit adds wishes; without the process layer it does nothing. */
void
fed_wake_at_commit(int wishes)
{
	if (fed_shared == NULL)
		return;

	register_callback();
	pending |= wishes;
}

/*
 * fed_wake_release_at_end remembers a database held by fed_slots_hold.
 *
 * To be called before the hold is taken, so that nothing can fail between the
 * two. Released however the transaction ends, which is also when the lock that
 * the statement takes on the database is.
 */
void
fed_wake_release_at_end(Oid database)
{
	MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);

	register_callback();
	held_databases = lappend_oid(held_databases, database);
	MemoryContextSwitchTo(previous);
}

/*
 * federated.launch_worker() returns void
 *
 * At commit, has this database's worker started if it is not running.
 */
Datum
federated_launch_worker(PG_FUNCTION_ARGS)
{
	fed_wake_at_commit(FED_WAKE_LAUNCH);
	PG_RETURN_VOID();
}

/*
 * federated.wake_worker() returns void
 *
 * At commit, has this database's worker look at what the transaction did.
 */
Datum
federated_wake_worker(PG_FUNCTION_ARGS)
{
	fed_wake_at_commit(FED_WAKE_WORKER);
	PG_RETURN_VOID();
}

/*
 * federated.wake_webhook() returns void
 *
 * At commit, has what is in the outbox sent.
 */
Datum
federated_wake_webhook(PG_FUNCTION_ARGS)
{
	fed_wake_at_commit(FED_WAKE_WEBHOOK);
	PG_RETURN_VOID();
}
