/*
 * webhook.c
 *		The process that sends a database's webhooks.
 *
 * Started by the database's worker when something is due, it takes leases from
 * the outbox, sends, records what became of it and takes the next, until there
 * has been nothing for a while. It makes way like the worker: it holds the
 * extension only within its short transactions, and leaves at once when its
 * database is needed empty or the extension is gone, whatever is under way.
 * What it leaves so is due again when its lease ends.
 *
 * An error ends the process; the worker starts another after a delay.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/settings.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "webhook/outbox.h"
#include "webhook/sender.h"
#include "worker/environment.h"
#include "worker/process.h"
#include "worker/signals.h"
#include "worker/slots.h"
#include "worker/webhook_slot.h"

#define IDLE_MS		(10 * 1000)	/* then it leaves */
#define AGAIN_MS	1000		/* what is due could not be leased, or not now */
#define LONGEST_MS	(60 * 1000)

FED_MODULE_MAGIC("federated_http");

extern PGDLLEXPORT void fed_webhook_main(Datum database);

static TimestampTz
in_ms(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

/* When to look again, given what a lease has brought. */
static TimestampTz
time_to_look(const FedLease *lease, int room)
{
	/* with no room left, the end of a request is what is waited for */
	if (!lease->more || lease->n_requests >= room)
		return in_ms(LONGEST_MS);
	if (lease->next <= GetCurrentTimestamp())
		return in_ms(AGAIN_MS);
	return Min(lease->next, in_ms(LONGEST_MS));
}

/*
 * Record what has ended and start what is due. *look_at becomes the time of the
 * next look, *idle whether nothing is left to do for a while. False if the
 * process is not needed here any more.
 */
static bool
exchange(MemoryContext context, TimestampTz *look_at, bool *idle)
{
	FedLease	lease;
	int			n_outcomes;
	const FedOutcome *outcomes = fed_sender_outcomes(&n_outcomes);
	int			room = fed_setting_webhook_connections - fed_sender_active();

	switch (fed_outbox_exchange(outcomes, n_outcomes, room, context, &lease))
	{
		case FED_EXTENSION_ABSENT:
		case FED_EXTENSION_OTHER_VERSION:
			return false;
		case FED_EXTENSION_BUSY:
			*look_at = in_ms(AGAIN_MS);
			return true;
		case FED_EXTENSION_READY:
			break;
	}

	fed_sender_forget_outcomes();
	for (int i = 0; i < lease.n_requests; i++)
		fed_sender_start(&lease.requests[i]);
	*look_at = time_to_look(&lease, room);
	*idle = fed_sender_active() == 0 && (!lease.more || lease.next > in_ms(IDLE_MS));
	return true;
}

/* Whether requests have ended whose outcome is not recorded. */
static bool
have_outcomes(void)
{
	int			n;

	(void) fed_sender_outcomes(&n);
	return n > 0;
}

/* Say in pg_stat_activity what is being done, and hand in statistics when that is nothing. */
static void
report_activity(void)
{
	static int	reported = -1;
	int			n = fed_sender_active();

	if (n == reported)
		return;
	reported = n;
	if (n > 0)
		pgstat_report_activity(STATE_RUNNING, psprintf("sending %d webhooks", n));
	else
	{
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
}

/* Send until there has been nothing to send for a while. */
static void
deliver(MemoryContext context)
{
	TimestampTz look_at = 0;
	TimestampTz busy_until = 0; /* the extension is being altered */
	TimestampTz idle_since = 0;

	while (fed_setting_webhooks && !fed_slots_must_leave())
	{
		bool		idle = false;
		bool		called;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		if (fed_webhook_slot_take_wake())
			look_at = 0;
		if (GetCurrentTimestamp() >= busy_until && (have_outcomes() || GetCurrentTimestamp() >= look_at))
		{
			if (!exchange(context, &look_at, &idle))
				return;
			busy_until = have_outcomes() ? look_at : 0;
			if (!idle)
				idle_since = 0;
			else if (idle_since == 0)
				idle_since = GetCurrentTimestamp();
			else if (TimestampDifferenceExceeds(idle_since, GetCurrentTimestamp(), IDLE_MS))
				return;
			if (idle)
				look_at = Min(look_at, TimestampTzPlusMilliseconds(idle_since, IDLE_MS + 1));
		}

		report_activity();
		/* The exchange may have lost what the latch said, as in the worker's sleep. */
		called = fed_signals_absorb();
		if (fed_webhook_slot_take_wake())
			look_at = 0;
		fed_sender_wait(called ? 0 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), Max(look_at, busy_until)));
		fed_signals_absorb();
	}
}

/* fed_webhook_main is the entry point of "federated webhook". */
void
fed_webhook_main(Datum database)
{
	MemoryContext context;

	fed_signals_install();
	if (strcmp(fed_library_version, FED_VERSION) != 0)
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("webhooks are not sent: libraries are of different versions"),
				 errdetail("The preloaded library is version %s, the one that sends is version %s.",
						   fed_library_version, FED_VERSION),
				 errhint("Restart the server.")));
	if (!fed_webhook_slot_claim(DatumGetObjectId(database)))
		proc_exit(0);

	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(database), InvalidOid, 0);
	fed_environment_force("federated webhook");
	context = AllocSetContextCreate(TopMemoryContext, "federated webhook", ALLOCSET_DEFAULT_SIZES);
	fed_sender_init();
	deliver(context);

	proc_exit(0);
}
