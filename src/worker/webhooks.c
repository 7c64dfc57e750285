/*
 * webhooks.c
 *		The worker's care for the process that sends webhooks.
 *
 * That process is there only while there is something to send. It is from a
 * library of its own, federated_http, so that libcurl and what comes with it
 * are loaded by nobody else. The worker starts it when something is due, and
 * starts it again, after a growing delay, when it has died.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/calls.h"
#include "worker/process.h"
#include "worker/slots.h"
#include "worker/transaction.h"
#include "worker/webhook_slot.h"
#include "worker/webhooks.h"

#define HTTP_LIBRARY_NAME	"federated_http"
#define LOOK_INTERVAL_MS	(60 * 1000)
#define SOON_MS				100

static BackgroundWorkerHandle *process = NULL;	/* that we have started */
static TimestampTz look_at = 0; /* when something may be due, as far as we know */
static TimestampTz not_before = 0;	/* after failures */

/* Whether the process is there or on its way, whoever has started it. */
static bool
is_there(void)
{
	pid_t		pid;
	int			failures;

	if (fed_webhook_slot_running())
		return true;
	if (process == NULL)
		return false;
	if (GetBackgroundWorkerPid(process, &pid) != BGWH_STOPPED)
		return true;

	pfree(process);
	process = NULL;
	look_at = 0;
	failures = fed_webhook_slot_failures();
	if (failures > 0)
		not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 fed_slots_back_off_ms(failures - 1));
	return false;
}

/* When the next delivery is due; false if none is, or that cannot be said now. */
static bool
find_next(TimestampTz *next, MemoryContext context)
{
	FedExtension extension;
	ErrorData  *volatile error = NULL;
	volatile bool found = false;

	PG_TRY();
	{
		if (fed_transaction_begin(&extension) == FED_EXTENSION_READY)
		{
			found = fed_calls_next_webhook(next);
			fed_transaction_commit();
		}
	}
	PG_CATCH();
	{
		error = fed_transaction_recover(context);
		found = false;
	}
	PG_END_TRY();

	if (error != NULL)
	{
		fed_slots_report_error(error->message);
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("could not look for webhooks to send: %s", error->message)));
	}
	return found;
}

/* Start the process. That it could not be is a failure like another. */
static void
start(void)
{
	BackgroundWorker sender = fed_process_describe("federated webhook", "fed_webhook_main");
	int			failures = fed_webhook_slot_start();

	strlcpy(sender.bgw_library_name, HTTP_LIBRARY_NAME, sizeof(sender.bgw_library_name));
	snprintf(sender.bgw_name, sizeof(sender.bgw_name),
			 "federated webhook for database %u", MyDatabaseId);
	sender.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	sender.bgw_notify_pid = MyProcPid;
	if (fed_process_start(&sender, &process))
		return;

	not_before = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), fed_slots_back_off_ms(failures));
	if (failures == 0)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("webhooks wait: no background worker slot is free"),
				 errdetail("The parameter \"max_worker_processes\" is %d.", max_worker_processes)));
}

/*
 * fed_webhooks_supervise has the process run if there is something to send.
 *
 * Returns after how many milliseconds to call again, unless woken. The given
 * context is the current one, and holds what is left behind.
 */
long
fed_webhooks_supervise(MemoryContext context)
{
	TimestampTz now;
	TimestampTz next;

	if (!fed_setting_webhooks || is_there())
		return LOOK_INTERVAL_MS;

	now = GetCurrentTimestamp();
	if (fed_webhook_slot_take_wake())
		look_at = now;
	look_at = Max(look_at, not_before);
	if (now >= look_at)
	{
		look_at = TimestampTzPlusMilliseconds(now, LOOK_INTERVAL_MS);
		if (find_next(&next, context))
		{
			if (next <= TimestampTzPlusMilliseconds(now, SOON_MS))
				start();
			else
				look_at = Min(look_at, next);
		}
	}
	if (process == NULL && not_before > now)
		look_at = Min(look_at, not_before);
	return Max(TimestampDifferenceMilliseconds(now, look_at), 1);
}
