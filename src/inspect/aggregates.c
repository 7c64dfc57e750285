/*
 * aggregates.c
 *		SQL aggregates over page rows: mean, sum, norm, dot product, cosine.
 *
 * The state of each is a FedSums in the aggregate's memory context, made by the
 * first row that counts; none means that no row did, and the result is NULL.
 * What is summed up is finite. Only a sum of weighted values can leave the
 * range of float64, which is noticed before the state is handed on or used.
 *
 * All functions here take or return "internal", so no query can call them with
 * a state of its own; what comes in serial form is checked all the same.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "base/floats.h"
#include "core/inspect/sums.h"
#include "core/kernels/kernels.h"
#include "fmgr.h"
#include "pages/layout.h"
#include "utils/regproc.h"

PG_FUNCTION_INFO_V1(federated_weighted_accum);
PG_FUNCTION_INFO_V1(federated_norm_accum);
PG_FUNCTION_INFO_V1(federated_dot_accum);
PG_FUNCTION_INFO_V1(federated_cosine_accum);
PG_FUNCTION_INFO_V1(federated_sums_combine);
PG_FUNCTION_INFO_V1(federated_sums_serial);
PG_FUNCTION_INFO_V1(federated_sums_deserial);
PG_FUNCTION_INFO_V1(federated_mean_final);
PG_FUNCTION_INFO_V1(federated_sum_final);
PG_FUNCTION_INFO_V1(federated_norm_final);
PG_FUNCTION_INFO_V1(federated_dot_final);
PG_FUNCTION_INFO_V1(federated_cosine_final);

StaticAssertDecl(FED_SUMS_MAX_VALUES == FED_PAGE_VALUES, "a state holds a page");

/* The memory context of the running aggregate; an error outside of one. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function %s is called outside of an aggregate", format_procedure(fcinfo->flinfo->fn_oid))));
	return context;
}

static FedSums *
new_sums(MemoryContext context, FedSumsKind kind, Size n_values)
{
	FedSums    *sums = MemoryContextAlloc(context, fed_sums_size(kind, n_values));

	fed_sums_init(sums, kind, n_values);
	return sums;
}

static void
check_kind(const FedSums *sums, FedSumsKind kind)
{
	if (sums->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state of an aggregate is of the wrong kind"),
				 errdetail("Given kind %d; expected %d.", sums->kind, kind)));
}

static void
check_finite(const FedSums *sums)
{
	if (!fed_sums_finite(sums))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("weighted sum leaves the range of float64")));
}

static void
refuse_lengths(const char *message, Size one, Size other)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 errdetail("One has %zu bytes, the other %zu.", one * sizeof(float), other * sizeof(float))));
}

/* The values of an argument of an aggregate; 22023 unless all are finite. */
static const float *
finite_values(FunctionCallInfo fcinfo, int number, const char *argument, Size *n_values)
{
	const float *values = fed_float_values(PG_GETARG_BYTEA_PP(number), argument, n_values);
	Size		bad = fed_kernels_active()->first_nonfinite(values, *n_values);

	if (bad < *n_values)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s holds a value that is not finite", argument),
				 errdetail("Value %zu, from 0, is NaN or infinite.", bad)));
	return values;
}

/* Transitions ---------------------------------------------------------------- */

static FedSums *
state_of(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : (FedSums *) PG_GETARG_POINTER(number);
}

static Datum
return_state(FunctionCallInfo fcinfo, FedSums *sums)
{
	if (sums == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(sums);
}

static double
weight_of(FunctionCallInfo fcinfo)
{
	double		weight = PG_NARGS() > 2 ? PG_GETARG_FLOAT8(2) : 1;

	if (!isfinite(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight is not finite"),
				 errdetail("Given %g.", weight)));
	return weight;
}

static void
check_page(const FedSums *sums, Size n_values)
{
	if (n_values > FED_PAGE_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("data is longer than a page"),
				 errdetail("Given %zu bytes; allowed are at most %d.", n_values * sizeof(float), FED_PAGE_BYTES)));
	if (sums != NULL && sums->n_values != n_values)
		refuse_lengths("rows of one group differ in length", sums->n_values, n_values);
}

/*
 * federated.weighted_accum(state internal, data bytea [, weight float8])
 * returns internal
 */
Datum
federated_weighted_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FedSums    *sums = state_of(fcinfo, 0);
	const float *values;
	double		weight;
	Size		n_values;

	if (PG_ARGISNULL(1) || (PG_NARGS() > 2 && PG_ARGISNULL(2)))
		return return_state(fcinfo, sums);
	weight = weight_of(fcinfo);
	values = finite_values(fcinfo, 1, "data", &n_values);
	check_page(sums, n_values);
	if (sums == NULL)
		sums = new_sums(context, FED_SUMS_WEIGHTED, n_values);
	sums->rows++;
	sums->sums[0] += weight;
	fed_kernels_active()->weighted_sum(&sums->sums[1], &values, &weight, 1, n_values);
	PG_RETURN_POINTER(sums);
}

/*
 * federated.norm_accum(state internal, data bytea) returns internal
 */
Datum
federated_norm_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FedSums    *sums = state_of(fcinfo, 0);
	const float *values;
	Size		n_values;

	if (PG_ARGISNULL(1))
		return return_state(fcinfo, sums);
	values = finite_values(fcinfo, 1, "data", &n_values);
	if (sums == NULL)
		sums = new_sums(context, FED_SUMS_NORM, 0);
	sums->rows++;
	fed_kernels_active()->norms(sums->sums, &values, 1, n_values);
	PG_RETURN_POINTER(sums);
}

/* The arguments a and b of a row, as long as each other. */
static void
pair_of(FunctionCallInfo fcinfo, const float *pair[2], Size *n_values)
{
	Size		other;

	pair[0] = finite_values(fcinfo, 1, "a", n_values);
	pair[1] = finite_values(fcinfo, 2, "b", &other);
	if (*n_values != other)
		refuse_lengths("a and b differ in length", *n_values, other);
}

/*
 * federated.dot_accum(state internal, a bytea, b bytea) returns internal
 */
Datum
federated_dot_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FedSums    *sums = state_of(fcinfo, 0);
	const float *pair[2];
	Size		n_values;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return return_state(fcinfo, sums);
	pair_of(fcinfo, pair, &n_values);
	if (sums == NULL)
		sums = new_sums(context, FED_SUMS_DOT, 0);
	sums->rows++;
	fed_kernels_active()->dots(sums->sums, &pair[0], 1, pair[1], n_values);
	PG_RETURN_POINTER(sums);
}

/*
 * federated.cosine_accum(state internal, a bytea, b bytea) returns internal
 */
Datum
federated_cosine_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FedSums    *sums = state_of(fcinfo, 0);
	const float *pair[2];
	double		matrix[4] = {0};	/* aa, ab, -, bb */
	Size		n_values;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return return_state(fcinfo, sums);
	pair_of(fcinfo, pair, &n_values);
	if (sums == NULL)
		sums = new_sums(context, FED_SUMS_COSINE, 0);
	sums->rows++;
	fed_kernels_active()->products(matrix, pair, 2, n_values);
	sums->sums[0] += matrix[0];
	sums->sums[1] += matrix[1];
	sums->sums[2] += matrix[3];
	PG_RETURN_POINTER(sums);
}

/* Partial states --------------------------------------------------------------- */

/*
 * federated.sums_combine(state internal, other internal) returns internal
 */
Datum
federated_sums_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FedSums    *sums = state_of(fcinfo, 0);
	const FedSums *other = state_of(fcinfo, 1);

	if (other == NULL)
		return return_state(fcinfo, sums);
	if (sums == NULL)			/* the other one is not ours to keep */
		sums = new_sums(context, other->kind, other->n_values);
	check_kind(other, sums->kind);
	if (!fed_sums_add(sums, other))
		refuse_lengths("rows of one group differ in length", sums->n_values, other->n_values);
	PG_RETURN_POINTER(sums);
}

/*
 * federated.sums_serial(state internal) returns bytea
 */
Datum
federated_sums_serial(PG_FUNCTION_ARGS)
{
	FedSums    *sums;
	bytea	   *result;
	Size		length;

	(void) aggregate_context(fcinfo);
	sums = (FedSums *) PG_GETARG_POINTER(0);
	check_finite(sums);
	length = fed_sums_packed_length(sums);
	result = palloc(VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	fed_sums_pack(sums, (uint8 *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

/*
 * federated.sums_deserial(bytes bytea, internal) returns internal
 *
 * In the current memory context: the state is combined into another at once.
 */
Datum
federated_sums_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *data;
	const char *problem;
	FedSums    *sums;
	Size		size = 0;

	(void) aggregate_context(fcinfo);
	data = PG_GETARG_BYTEA_PP(0);
	problem = fed_sums_problem((const uint8 *) VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data), &size);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("serial form of an aggregate's state is not valid"),
				 errdetail("Of %zu bytes: %s.", (Size) VARSIZE_ANY_EXHDR(data), problem)));
	sums = palloc(size);
	fed_sums_unpack((const uint8 *) VARDATA_ANY(data), sums);
	PG_RETURN_POINTER(sums);
}

/* Results: they leave the state as it is -------------------------------------------- */

/* The state of a final function, of a kind; NULL if no row counted. */
static const FedSums *
final_state(FunctionCallInfo fcinfo, FedSumsKind kind)
{
	const FedSums *sums;

	(void) aggregate_context(fcinfo);
	sums = state_of(fcinfo, 0);
	if (sums != NULL)
	{
		check_kind(sums, kind);
		check_finite(sums);
	}
	return sums;
}

/* The weighted sums over a divisor, as a page of float32. */
static bytea *
page_of(const FedSums *sums, double divisor)
{
	Size		length = sums->n_values * sizeof(float);
	bytea	   *result = palloc(VARHDRSZ + length);
	float	   *values = (float *) VARDATA(result);
	Size		bad;
	Size		i;

	SET_VARSIZE(result, VARHDRSZ + length);
	for (i = 0; i < sums->n_values; i++)
		values[i] = (float) (sums->sums[1 + i] / divisor);
	bad = fed_kernels_active()->first_nonfinite(values, sums->n_values);
	if (bad < sums->n_values)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("result leaves the range of float32"),
				 errdetail("Value %zu, from 0, would be %g.", bad, sums->sums[1 + bad] / divisor)));
	return result;
}

/*
 * federated.mean_final(state internal) returns bytea
 */
Datum
federated_mean_final(PG_FUNCTION_ARGS)
{
	const FedSums *sums = final_state(fcinfo, FED_SUMS_WEIGHTED);

	if (sums == NULL || sums->sums[0] == 0)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(page_of(sums, sums->sums[0]));
}

/*
 * federated.sum_final(state internal) returns bytea
 */
Datum
federated_sum_final(PG_FUNCTION_ARGS)
{
	const FedSums *sums = final_state(fcinfo, FED_SUMS_WEIGHTED);

	if (sums == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(page_of(sums, 1));
}

/*
 * federated.norm_final(state internal) returns float8
 */
Datum
federated_norm_final(PG_FUNCTION_ARGS)
{
	const FedSums *sums = final_state(fcinfo, FED_SUMS_NORM);

	if (sums == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sqrt(sums->sums[0]));
}

/*
 * federated.dot_final(state internal) returns float8
 */
Datum
federated_dot_final(PG_FUNCTION_ARGS)
{
	const FedSums *sums = final_state(fcinfo, FED_SUMS_DOT);

	if (sums == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sums->sums[0]);
}

/*
 * federated.cosine_final(state internal) returns float8
 *
 * The product of the squares of two norms of float32 values is far within the
 * range of float64. Under one root it is exactly 1 for equal vectors.
 */
Datum
federated_cosine_final(PG_FUNCTION_ARGS)
{
	const FedSums *sums = final_state(fcinfo, FED_SUMS_COSINE);
	double		cosine;

	if (sums == NULL || sums->sums[0] == 0 || sums->sums[2] == 0)
		PG_RETURN_NULL();
	cosine = sums->sums[1] / sqrt(sums->sums[0] * sums->sums[2]);
	PG_RETURN_FLOAT8(Max(-1.0, Min(1.0, cosine)));
}
