/*
 * step.c
 *		One step of one session, whose failure is the session's own.
 *
 * A step that raises an error is rolled back, and the error is recorded with
 * the session in a transaction of its own; the state machine then lets it wait
 * before it is due again. If even that cannot be written, because somebody has
 * the session's row locked for instance, this process leaves the session alone
 * for a while. Either way the other sessions go on.
 */
#include "postgres.h"

#include "base/compat.h"
#include "pgstat.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/calls.h"
#include "worker/slots.h"
#include "worker/step.h"
#include "worker/transaction.h"

#define POSTPONE_MS		(60 * 1000)

typedef struct Postponed
{
	pg_uuid_t	session;		/* hash key */
	TimestampTz until;
} Postponed;

/* Sessions whose failure could not be recorded; NULL until there is one. */
static HTAB *postponed = NULL;

/* Leave the session alone for POSTPONE_MS. */
static void
postpone(const pg_uuid_t *session)
{
	Postponed  *entry;

	if (postponed == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(pg_uuid_t);
		control.entrysize = sizeof(Postponed);
		control.hcxt = TopMemoryContext;
		postponed = hash_create("federated postponed sessions", 16, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}

	entry = hash_search(postponed, session, HASH_ENTER, NULL);
	entry->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), POSTPONE_MS);
}

static bool
is_postponed(const pg_uuid_t *session)
{
	Postponed  *entry;

	if (postponed == NULL)
		return false;

	entry = hash_search(postponed, session, HASH_FIND, NULL);
	if (entry == NULL)
		return false;
	if (GetCurrentTimestamp() < entry->until)
		return true;

	(void) hash_search(postponed, session, HASH_REMOVE, NULL);
	return false;
}

/* Write the error to the log; the process goes on. */
static void
log_error(const char *what, const char *session, const ErrorData *error)
{
	ereport(LOG,
			(errcode(error->sqlerrcode),
			 errmsg("could not %s session %s: %s", what, session, error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0,
			 error->context ? errcontext("%s", error->context) : 0));
}

/* Record with the session why its step failed. */
static void
record_failure(const pg_uuid_t *session, const char *name,
			   const ErrorData *failure, MemoryContext context)
{
	FedExtension extension;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		if (fed_transaction_begin(&extension) == FED_EXTENSION_READY)
		{
			fed_calls_record_failure(session, unpack_sql_state(failure->sqlerrcode),
									 failure->message);
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
		log_error("record the failure of", name, error);
		postpone(session);
	}
}

/*
 * fed_step_run does one due step of the session in one transaction.
 *
 * Returns whether a step was done; false also after a failure, which has been
 * recorded. The given context is the current one, and holds what is left behind.
 */
bool
fed_step_run(const pg_uuid_t *session, MemoryContext context)
{
	FedExtension extension;
	ErrorData  *volatile error = NULL;
	volatile bool stepped = false;
	const char *name;

	if (is_postponed(session))
		return false;

	name = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(session)));
	pgstat_report_activity(STATE_RUNNING, psprintf("advancing session %s", name));

	PG_TRY();
	{
		if (fed_transaction_begin(&extension) == FED_EXTENSION_READY)
		{
			stepped = fed_calls_advance(session);
			fed_transaction_commit();
		}
	}
	PG_CATCH();
	{
		error = fed_transaction_recover(context);
		stepped = false;
	}
	PG_END_TRY();

	if (error != NULL)
	{
		fed_slots_report_error(error->message);
		log_error("advance", name, error);
		record_failure(session, name, error, context);
	}
	return stepped;
}
