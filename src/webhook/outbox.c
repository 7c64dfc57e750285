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
#include "base/statement.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "webhook/outbox.h"
#include "worker/calls.h"
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

static FedStatement record_outcomes = {
	.sql = "SELECT federated.record_webhooks($1, $2, $3, $4)",
	.n_args = 4,
	.types = {UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID}
};
static FedStatement lease_deliveries = {
	.sql = "SELECT id, attempt, url, stamp, signature, body FROM federated.lease_webhooks($1)",
	.n_args = 1,
	.types = {INT4OID}
};

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
	fed_statement_run(&record_outcomes, args, NULL, false);
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
	Datum		args[] = {Int32GetDatum(room)};
	MemoryContext previous;

	fed_statement_run(&lease_deliveries, args, NULL, false);

	previous = MemoryContextSwitchTo(context);
	lease->n_requests = (int) SPI_processed;
	lease->requests = palloc(Max(lease->n_requests, 1) * sizeof(FedRequest));
	for (int i = 0; i < lease->n_requests; i++)
		read_request(i, &lease->requests[i]);
	MemoryContextSwitchTo(previous);
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
	lease->more = fed_calls_next_webhook(&lease->next);
	fed_transaction_commit();
	return status;
}
