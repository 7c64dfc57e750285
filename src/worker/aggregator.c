/*
 * aggregator.c
 *		Processes that help the worker to aggregate a large model.
 *
 * The worker starts them when a round has more than one chunk of slices, and
 * takes chunks itself like they do. Each chunk is one transaction: claimed by
 * an advisory lock, written by whoever claimed it, and durable when its rows
 * are. So nobody waits for a helper that died, and it does not matter how many
 * there are: a chunk's bytes depend on nothing but the updates.
 *
 * A helper ends when there is no chunk left to claim, when the round is not
 * being aggregated any more, or at an error, which it leaves to the worker to
 * meet and to record with the session.
 */
#include "postgres.h"

#include <unistd.h>

#include "base/compat.h"
#include "base/settings.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "worker/calls.h"
#include "worker/environment.h"
#include "worker/process.h"
#include "worker/shmem.h"
#include "worker/signals.h"
#include "worker/slots.h"
#include "worker/transaction.h"

PG_FUNCTION_INFO_V1(federated_aggregators);
PG_FUNCTION_INFO_V1(federated_start_aggregators);

extern PGDLLEXPORT void fed_aggregator_main(Datum database);

#define MAX_HELPERS 64

/* Of helpers that this process has started; NULL: none. */
static BackgroundWorkerHandle *helpers[MAX_HELPERS];

/*
 * How many processes aggregate together: as many as the setting says, or as
 * there are cores, but no more than a quarter of the server's background
 * workers besides the worker itself.
 */
static int
wanted_processes(void)
{
	int			cores = (int) sysconf(_SC_NPROCESSORS_ONLN);

	if (fed_shared == NULL || !fed_setting_worker)
		return 1;
	if (fed_setting_aggregator_workers > 0)
		return fed_setting_aggregator_workers;
	return Max(1, Min(cores, 1 + max_worker_processes / 4));
}

/* Forget the helpers that have ended; returns how many are left. */
static int
count_helpers(void)
{
	int			n = 0;
	pid_t		pid;

	for (int i = 0; i < MAX_HELPERS; i++)
	{
		if (helpers[i] == NULL)
			continue;
		if (GetBackgroundWorkerPid(helpers[i], &pid) == BGWH_STOPPED)
		{
			pfree(helpers[i]);
			helpers[i] = NULL;
		}
		else
			n++;
	}
	return n;
}

/* Start one helper for the round; false if there is no process to be had. */
static bool
start_helper(int64 round_id, BackgroundWorkerHandle **handle)
{
	BackgroundWorker helper = fed_process_describe("federated aggregator", "fed_aggregator_main");

	snprintf(helper.bgw_name, sizeof(helper.bgw_name), "federated aggregator of round " INT64_FORMAT, round_id);
	helper.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	memcpy(helper.bgw_extra, &round_id, sizeof(round_id));
	return fed_process_start(&helper, handle);
}

/*
 * federated.aggregators() returns integer
 *
 * How many processes aggregate a round together, the caller among them.
 */
Datum
federated_aggregators(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(wanted_processes());
}

/*
 * federated.start_aggregators(round_id bigint, wanted integer) returns integer
 *
 * Start helpers for a round, unless this process has some that still run;
 * returns how many. That fewer start than were wanted is no error.
 */
Datum
federated_start_aggregators(PG_FUNCTION_ARGS)
{
	int64		round_id = PG_GETARG_INT64(0);
	int			wanted = Min(PG_GETARG_INT32(1), wanted_processes() - 1);
	int			started = 0;

	if (wanted > 0 && count_helpers() == 0)
	{
		while (started < Min(wanted, MAX_HELPERS) && start_helper(round_id, &helpers[started]))
			started++;
	}
	PG_RETURN_INT32(started);
}

/* Claim and compute one chunk in a transaction; false if there is none. */
static bool
aggregate_chunk(int64 round_id)
{
	FedExtension extension;
	bool		found;

	if (fed_transaction_begin(&extension) != FED_EXTENSION_READY)
		return false;
	found = fed_calls_aggregate_chunk(round_id);
	fed_transaction_commit();
	return found;
}

/* fed_aggregator_main is the entry point of "federated aggregator". */
void
fed_aggregator_main(Datum database)
{
	MemoryContext context;
	int64		round_id;

	memcpy(&round_id, MyBgworkerEntry->bgw_extra, sizeof(round_id));
	fed_signals_install();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	fed_environment_force("federated aggregator");
	context = AllocSetContextCreate(TopMemoryContext, "federated aggregator", ALLOCSET_DEFAULT_SIZES);

	do
	{
		fed_signals_absorb();
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		pgstat_report_activity(STATE_RUNNING, psprintf("aggregating round " INT64_FORMAT, round_id));
	} while (!fed_slots_must_leave() && aggregate_chunk(round_id));

	proc_exit(0);
}
