/*
 * durability.c
 *		Whether the current transaction waits for the disk.
 *
 * An acknowledged update must survive, whatever its sender has set; a
 * heartbeat need not. In a transaction that holds both, the update decides.
 */
#include "postgres.h"

#include "access/xact.h"
#include "base/compat.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(federated_make_durable);
PG_FUNCTION_INFO_V1(federated_make_lazy);

/* Start of the last transaction that asked to be durable. */
static TimestampTz durable_transaction = 0;

static void
set_for_transaction(const char *level)
{
	(void) set_config_option("synchronous_commit", level, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * federated.make_durable() returns void
 *
 * The flush is forced, which no later SET can undo; where standbys are to be
 * waited for, synchronous_commit is raised for that as well.
 */
Datum
federated_make_durable(PG_FUNCTION_ARGS)
{
	ForceSyncCommit();
	durable_transaction = GetCurrentTransactionStartTimestamp();
	if (synchronous_commit < SYNCHRONOUS_COMMIT_ON)
		set_for_transaction("on");
	PG_RETURN_VOID();
}

/*
 * federated.make_lazy() returns void
 */
Datum
federated_make_lazy(PG_FUNCTION_ARGS)
{
	if (durable_transaction != GetCurrentTransactionStartTimestamp()
		&& synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		set_for_transaction("off");
	PG_RETURN_VOID();
}
