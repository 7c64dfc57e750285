/*
 * plan.c
 *		What a round's aggregation is made of, as its rows say.
 *
 * The set was frozen and its weights were fixed in SQL when the round turned
 * "aggregating"; whoever reads the plan, and however often, reads the same.
 */
#include "postgres.h"

#include "aggregate/plan.h"
#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

static const char *const round_query =
	"SELECT b.vector_id, v.vector_id, (s.config -> 'server_learning_rate')::float8"
	" FROM federated.rounds r"
	" JOIN federated.sessions s ON s.id = r.session_id"
	" JOIN federated.model_versions b ON b.id = r.base_version_id"
	" JOIN federated.model_versions v ON v.id = r.result_version_id"
	" WHERE r.id = $1 AND r.state = 'aggregating'";

static const char *const updates_query =
	"SELECT v.id, v.relation, v.bytes, u.weight"
	" FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id"
	" WHERE u.round_id = $1 AND u.position IS NOT NULL"
	" ORDER BY u.position";

static void
query(const char *sql, int64 round_id)
{
	Oid			argtypes[1] = {INT8OID};
	Datum		args[1] = {Int64GetDatum(round_id)};

	if (SPI_execute_with_args(sql, 1, argtypes, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the plan of round " INT64_FORMAT, round_id);
}

static Datum
column(uint64 row, int number)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("column %d of the aggregation plan is null", number)));
	return value;
}

static void
load_round(FedPlan *plan, int64 round_id)
{
	int64		base_id;
	int64		result_id;

	query(round_query, round_id);
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("round " INT64_FORMAT " is not being aggregated", round_id)));
	base_id = DatumGetInt64(column(0, 1));
	result_id = DatumGetInt64(column(0, 2));
	plan->rate = DatumGetFloat8(column(0, 3));
	plan->base = fed_vector_lookup(base_id);
	plan->result = fed_vector_lookup(result_id);
}

static void
load_updates(FedPlan *plan, int64 round_id, MemoryContext context)
{
	int			i;

	query(updates_query, round_id);
	plan->n_updates = (int) SPI_processed;
	plan->updates = MemoryContextAlloc(context, mul_size(plan->n_updates, sizeof(FedVector)));
	plan->weights = MemoryContextAlloc(context, mul_size(plan->n_updates, sizeof(double)));
	for (i = 0; i < plan->n_updates; i++)
	{
		plan->updates[i].id = DatumGetInt64(column(i, 1));
		plan->updates[i].relation = *DatumGetName(column(i, 2));
		plan->updates[i].bytes = DatumGetInt64(column(i, 3));
		plan->weights[i] = DatumGetFloat8(column(i, 4));
	}
}

/*
 * fed_plan_load reads the plan of a round that is being aggregated (else
 * 55000), into the current memory context. The caller is connected to SPI with
 * that context saved as its own.
 */
FedPlan *
fed_plan_load(int64 round_id)
{
	MemoryContext context = CurrentMemoryContext;
	FedPlan    *plan = MemoryContextAllocZero(context, sizeof(FedPlan));

	load_round(plan, round_id);
	load_updates(plan, round_id, context);
	if (plan->n_updates == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("round " INT64_FORMAT " has no updates to aggregate", round_id)));
	return plan;
}
