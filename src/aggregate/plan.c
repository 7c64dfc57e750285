/*
 * plan.c
 *		What a round's aggregation is made of, as its rows say.
 *
 * The set was frozen and its weights were fixed in SQL when the round turned
 * "aggregating"; whoever reads the plan, and however often, reads the same.
 * A private round may be without any update: it is noise alone.
 */
#include "postgres.h"

#include "aggregate/plan.h"
#include "base/compat.h"
#include "base/rows.h"
#include "catalog/pg_type_d.h"
#include "core/dp/clip.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/rel.h"

#include <math.h>

static const char *const round_query =
	"SELECT b.vector_id, v.vector_id,"
	" CASE WHEN federated.uses_secagg(s.config) THEN 'masked' ELSE s.config ->> 'aggregation' END,"
	" s.config ->> 'server_optimizer', s.config,"
	" coalesce((s.config -> 'contribution')::boolean, false), federated.adds_noise(s.config)"
	" FROM federated.rounds r"
	" JOIN federated.sessions s ON s.id = r.session_id"
	" JOIN federated.model_versions b ON b.id = r.base_version_id"
	" JOIN federated.model_versions v ON v.id = r.result_version_id"
	" WHERE r.id = $1 AND r.state = 'aggregating'";

static const char *const updates_query =
	"SELECT " FED_VECTOR_COLUMNS ", u.weight, u.norm"
	" FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id"
	" WHERE u.round_id = $1 AND u.position IS NOT NULL"
	" ORDER BY u.position";

/* A round that is frozen again makes another version, and is charged again. */
static const char *const charge_query =
	"SELECT c.clip_norm, c.grid, c.noise_variance, c.divisor, c.insecure_seed, c.round_no"
	" FROM federated.rounds r"
	" JOIN federated.privacy_charges c ON c.version_id = r.result_version_id"
	" WHERE r.id = $1 AND c.mechanism = 'central'";

static const char *const states_query =
	"SELECT federated.state_before(s.round_id, s.position), s.vector_id"
	" FROM federated.optimizer_states s"
	" WHERE s.round_id = $1"
	" ORDER BY s.position";

static const char *const masked_query =
	"SELECT a.id, a.range, a.levels, CASE WHEN federated.is_private(s.config) THEN 0 ELSE a.aux_sum[1] END,"
	" CASE WHEN federated.is_private(s.config) THEN coalesce(c.divisor, 'NaN') ELSE 0 END"
	" FROM federated.secagg_attempts a"
	" JOIN federated.sessions s ON s.id = a.session_id"
	" JOIN federated.rounds r ON r.id = a.round_id"
	" LEFT JOIN federated.privacy_charges c ON c.version_id = r.result_version_id AND c.mechanism = 'distributed'"
	" WHERE a.round_id = $1 AND a.state = 'sum'";

/* A grid that is no power of two of the clip norm, as one that is too small to be exact, would bend the bound. */
static void
check_grid(const FedPrivacy *privacy)
{
	int			exponent;

	if (frexp(privacy->clip_norm / privacy->grid, &exponent) != 0.5)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the clip norm %g is no power of two of the grid %g", privacy->clip_norm, privacy->grid)));
}

static void
refuse_uncharged(int64 round_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("round " INT64_FORMAT " is not charged for", round_id),
			 errdetail("In a session with differential privacy a round is aggregated only after federated.privacy_charges says what it spends.")));
}

/* What was charged before the first page of noise; without that, none is made. */
static FedPrivacy *
load_charge(int64 round_id, MemoryContext context)
{
	SPITupleTable *rows = fed_rows_of(charge_query, round_id);
	FedPrivacy *privacy = MemoryContextAllocZero(context, sizeof(FedPrivacy));

	if (rows->numvals != 1)
		refuse_uncharged(round_id);
	privacy->clip_norm = DatumGetFloat8(fed_row_value(rows, 0, 1));
	privacy->grid = DatumGetFloat8(fed_row_value(rows, 0, 2));
	privacy->noise_variance = DatumGetInt64(fed_row_value(rows, 0, 3));
	privacy->divisor = DatumGetFloat8(fed_row_value(rows, 0, 4));
	privacy->insecure_seed = DatumGetBool(fed_row_value(rows, 0, 5));
	privacy->round_no = DatumGetInt32(fed_row_value(rows, 0, 6));
	SPI_freetuptable(rows);
	check_grid(privacy);
	return privacy;
}

static void
load_round(FedPlan *plan, int64 round_id, MemoryContext context)
{
	SPITupleTable *rows = fed_rows_of(round_query, round_id);
	MemoryContext old;
	bool		noise;

	if (rows->numvals != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("round " INT64_FORMAT " is not being aggregated", round_id)));
	plan->base = fed_vector_lookup(DatumGetInt64(fed_row_value(rows, 0, 1)));
	plan->result = fed_vector_lookup(DatumGetInt64(fed_row_value(rows, 0, 2)));
	old = MemoryContextSwitchTo(context);
	plan->combine = TextDatumGetCString(fed_row_value(rows, 0, 3));
	plan->step = TextDatumGetCString(fed_row_value(rows, 0, 4));
	plan->config = DatumGetJsonbPCopy(fed_row_value(rows, 0, 5));
	plan->compare = DatumGetBool(fed_row_value(rows, 0, 6));
	MemoryContextSwitchTo(old);
	noise = DatumGetBool(fed_row_value(rows, 0, 7));
	SPI_freetuptable(rows);
	if (noise)
		plan->privacy = load_charge(round_id, context);
}

/*
 * How an update is clipped. Weight and norm were checked and computed here, so
 * that others mean damage; with those the bound on what it changes would not hold.
 */
static double
clip_scale(const FedPrivacy *privacy, double weight, double norm, int64 vector_id)
{
	if (!(weight >= 0 && weight <= 1) || !(norm >= 0) || isinf(norm))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the update in vector " INT64_FORMAT " cannot be clipped", vector_id),
				 errdetail("It has weight %g and norm %g; allowed are weights from 0 to 1 and finite norms.", weight, norm)));
	return fed_clip_scale(weight, norm, privacy->clip_norm, privacy->clip_norm / privacy->grid);
}

static void
load_updates(FedPlan *plan, int64 round_id, MemoryContext context)
{
	SPITupleTable *rows = fed_rows_of(updates_query, round_id);
	int			i;

	plan->n_updates = (int) rows->numvals;
	plan->updates = MemoryContextAlloc(context, mul_size(plan->n_updates, sizeof(FedVector)));
	plan->weights = MemoryContextAlloc(context, mul_size(plan->n_updates, sizeof(double)));
	if (plan->privacy != NULL)
		plan->privacy->scales = MemoryContextAlloc(context, mul_size(plan->n_updates, sizeof(double)));
	for (i = 0; i < plan->n_updates; i++)
	{
		plan->updates[i] = fed_vector_in_row(rows, i);
		plan->weights[i] = DatumGetFloat8(fed_row_value(rows, i, 5));
		if (plan->privacy != NULL)
			plan->privacy->scales[i] = clip_scale(plan->privacy, plan->weights[i],
												  DatumGetFloat8(fed_row_value(rows, i, 6)),
												  plan->updates[i].id);
	}
	SPI_freetuptable(rows);
}

static void
load_states(FedPlan *plan, int64 round_id, MemoryContext context)
{
	SPITupleTable *rows = fed_rows_of(states_query, round_id);
	int			i;

	plan->n_states = (int) rows->numvals;
	plan->states = MemoryContextAllocZero(context, mul_size(plan->n_states, sizeof(FedState)));
	for (i = 0; i < plan->n_states; i++)
	{
		FedState   *state = &plan->states[i];
		Datum		before = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &state->first);

		if (!state->first)
			state->before = fed_vector_lookup(DatumGetInt64(before));
		state->after = fed_vector_lookup(DatumGetInt64(fed_row_value(rows, i, 2)));
	}
	SPI_freetuptable(rows);
}

static void
load_masked(FedPlan *plan, int64 round_id)
{
	SPITupleTable *rows = fed_rows_of(masked_query, round_id);

	if (rows->numvals != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the masked updates of round " INT64_FORMAT " are not being summed", round_id)));
	plan->masked.attempt_id = DatumGetInt64(fed_row_value(rows, 0, 1));
	plan->masked.range = DatumGetFloat8(fed_row_value(rows, 0, 2));
	plan->masked.levels = DatumGetInt64(fed_row_value(rows, 0, 3));
	plan->masked.weights = (uint32) DatumGetInt64(fed_row_value(rows, 0, 4));
	plan->masked.divisor = DatumGetFloat8(fed_row_value(rows, 0, 5));
	SPI_freetuptable(rows);
	if (isnan(plan->masked.divisor))
		refuse_uncharged(round_id);
}

/* What is combined value by value must have as many. */
static void
check_lengths(const FedPlan *plan)
{
	int64		expected = fed_vector_values(&plan->result);
	int			i;

	for (i = 0; i < plan->n_updates; i++)
	{
		if (fed_vector_values(&plan->updates[i]) != expected)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("vector " INT64_FORMAT " has " INT64_FORMAT " values", plan->updates[i].id,
							fed_vector_values(&plan->updates[i])),
					 errdetail("The model has " INT64_FORMAT ".", expected)));
	}
}

/*
 * fed_plan_load reads the plan of a round that is being aggregated (else
 * 55000) and, where noise is to be added or was added by the Islands, charged
 * for (else 55000), into the current memory context. The caller is connected to SPI with
 * that context saved as its own.
 */
FedPlan *
fed_plan_load(int64 round_id)
{
	MemoryContext context = CurrentMemoryContext;
	FedPlan    *plan = MemoryContextAllocZero(context, sizeof(FedPlan));

	load_round(plan, round_id, context);
	load_updates(plan, round_id, context);
	load_states(plan, round_id, context);
	if (strcmp(plan->combine, "masked") == 0)
		load_masked(plan, round_id);
	if (plan->n_updates == 0 && plan->privacy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("round " INT64_FORMAT " has no updates to aggregate", round_id)));
	check_lengths(plan);
	return plan;
}

/*
 * fed_plan_number returns a number of the session's config. That it is there
 * was checked when the session was created; XX001 otherwise.
 */
double
fed_plan_number(const FedPlan *plan, const char *key)
{
	JsonbValue	found;

	if (getKeyJsonValueFromContainer(&plan->config->root, key, strlen(key), &found) == NULL || found.type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("config key \"%s\" of the session is not a number", key)));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(found.val.numeric)));
}
