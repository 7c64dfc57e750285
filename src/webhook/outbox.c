/*
 * outbox.c
 *		The outbox as the process that empties it knows it: three SQL functions.
 *
 * They are called in one short transaction: outcomes go in, leases come out. No
 * transaction is open while requests are under way. What is recorded here may
 * be lost in a crash, and is then sent once more; receivers know repeats by
 * their id.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "webhook/outbox.h"
#include "worker/transaction.h"

/* Columns of lease_webhooks(). */
enum
{
	ID = 1,
	ATTEMPT,
	URL,
	STAMP,
	SIGNATURE,
	BODY,
};

static SPIPlanPtr record_plan = NULL;
static SPIPlanPtr lease_plan = NULL;
static SPIPlanPtr next_plan = NULL;

/* Run a statement, which is prepared the first time; its rows are in SPI_tuptable. */
static void
execute(SPIPlanPtr *plan, const char *sql, int n_args, Oid *types, Datum *args)
{
	int			result;

	if (*plan == NULL)
	{
		SPIPlanPtr	prepared = SPI_prepare(sql, n_args, types);

		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*plan = prepared;
	}

	result = SPI_execute_plan(*plan, args, NULL, false, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
}

static Datum
make_array(Datum *values, bool *nulls, int n, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, type, length, byval, align));
}

static void
record(const FedOutcome *outcomes, int n)
{
	Oid			types[] = {UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID};
	Datum	   *ids = palloc(n * sizeof(Datum));
	Datum	   *attempts = palloc(n * sizeof(Datum));
	Datum	   *statuses = palloc(n * sizeof(Datum));
	Datum	   *errors = palloc(n * sizeof(Datum));
	bool	   *no_status = palloc(n * sizeof(bool));
	bool	   *no_error = palloc(n * sizeof(bool));
	Datum		args[4];

	for (int i = 0; i < n; i++)
	{
		ids[i] = UUIDPGetDatum(&outcomes[i].delivery);
		attempts[i] = Int32GetDatum(outcomes[i].attempt);
		statuses[i] = Int32GetDatum(outcomes[i].status);
		no_status[i] = outcomes[i].status == 0;
		errors[i] = CStringGetTextDatum(outcomes[i].error);
		no_error[i] = outcomes[i].error[0] == '\0';
	}
	args[0] = make_array(ids, NULL, n, UUIDOID);
	args[1] = make_array(attempts, NULL, n, INT4OID);
	args[2] = make_array(statuses, no_status, n, INT4OID);
	args[3] = make_array(errors, no_error, n, TEXTOID);
	execute(&record_plan, "SELECT federated.record_webhooks($1, $2, $3, $4)", 4, types, args);
}

/* A value of a row of the last call; none of ours is NULL. */
static Datum
fetch(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	if (isnull)
		elog(ERROR, "column %d of a leased delivery is null", column);
	return value;
}

/* Take a request out of its row, into the current context. */
static void
read_request(uint64 row, FedRequest *request)
{
	bytea	   *body = DatumGetByteaPP(fetch(row, BODY));

	request->delivery = *DatumGetUUIDP(fetch(row, ID));
	request->attempt = DatumGetInt32(fetch(row, ATTEMPT));
	request->url = TextDatumGetCString(fetch(row, URL));
	request->stamp = DatumGetInt64(fetch(row, STAMP));
	request->signature = TextDatumGetCString(fetch(row, SIGNATURE));
	request->body_length = VARSIZE_ANY_EXHDR(body);
	request->body = pnstrdup(VARDATA_ANY(body), request->body_length);
}

static void
take_lease(int room, MemoryContext context, FedLease *lease)
{
	Oid			types[] = {INT4OID};
	Datum		args[] = {Int32GetDatum(room)};
	MemoryContext previous;

	execute(&lease_plan, "SELECT id, attempt, url, stamp, signature, body FROM federated.lease_webhooks($1)",
			1, types, args);

	previous = MemoryContextSwitchTo(context);
	lease->n_requests = (int) SPI_processed;
	lease->requests = palloc(Max(lease->n_requests, 1) * sizeof(FedRequest));
	for (int i = 0; i < lease->n_requests; i++)
		read_request(i, &lease->requests[i]);
	MemoryContextSwitchTo(previous);
}

static void
find_next(FedLease *lease)
{
	bool		isnull;
	Datum		next;

	execute(&next_plan, "SELECT federated.next_webhook()", 0, NULL, NULL);
	next = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	lease->more = !isnull;
	lease->next = isnull ? 0 : DatumGetTimestampTz(next);
}

/*
 * fed_outbox_exchange records outcomes and leases as many deliveries as there is
 * room for, in one transaction.
 *
 * Unless the status is READY nothing was done. What is leased is palloc'd in the
 * given context.
 */
FedExtensionStatus
fed_outbox_exchange(const FedOutcome *outcomes, int n_outcomes,
					int room, MemoryContext context, FedLease *lease)
{
	FedExtension extension;
	FedExtensionStatus status = fed_transaction_begin(&extension);

	memset(lease, 0, sizeof(FedLease));
	if (status != FED_EXTENSION_READY)
		return status;

	if (n_outcomes > 0)
		record(outcomes, n_outcomes);
	if (room > 0)
		take_lease(room, context, lease);
	find_next(lease);
	fed_transaction_commit();
	return status;
}
