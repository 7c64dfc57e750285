/*
 * accountant.c
 *		What noise costs in privacy, how much of it a budget needs, and a sample
 *		of it, for SQL.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "core/dp/accountant.h"
#include "core/dp/discrete_gaussian.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(federated_epsilon);
PG_FUNCTION_INFO_V1(federated_noise_multiplier);
PG_FUNCTION_INFO_V1(federated_privacy_epsilon);
PG_FUNCTION_INFO_V1(federated_discrete_gaussian);

/* What the core takes without leaving a double's range, whatever the rounds. */
#define LEAST_MULTIPLIER 1e-9
#define MOST_MULTIPLIER 1e9

/* Rounds that are alike. */
typedef struct Rounds
{
	double		sampling_rate;
	FedSampling sampling;
	int64		count;
} Rounds;

static void
require(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* NaN compares with nothing, so it is refused as well. */
static void
require_between(const char *name, double given, bool allowed, const char *range)
{
	if (!allowed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is %g", name, given),
				 errdetail("Allowed: %s.", range)));
}

static void
require_multiplier(double z)
{
	require_between("noise_multiplier", z, z >= LEAST_MULTIPLIER && z <= MOST_MULTIPLIER,
					"from 1e-09 to 1e+09, the noise's standard deviation in units of the clipping norm");
}

static void
require_delta(double delta)
{
	require_between("delta", delta, delta > 0 && delta < 1, "between 0 and 1, both excluded");
}

static FedSampling
sampling_by_name(const text *given)
{
	static const char *const names[] = {"none", "poisson", "fixed"};
	char	   *name = text_to_cstring(given);

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return (FedSampling) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"sampling\" is \"%s\"", name),
			 errdetail("Allowed: none, poisson, fixed.")));
}

static Rounds
checked_rounds(double rate, int64 count, FedSampling sampling)
{
	require_between("sampling_rate", rate, rate > 0 && rate <= 1, "above 0, up to 1");
	require_between("rounds", (double) count, count >= 0, "0 and more");
	if (sampling == FED_SAMPLING_NONE && rate < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"sampling_rate\" is %g without sampling", rate),
				 errdetail("Allowed with sampling \"none\": 1.")));
	return (Rounds) {rate, sampling, count};
}

/* Arguments 1, 2 and 4 of both functions that users call. */
static Rounds
rounds_argument(FunctionCallInfo fcinfo)
{
	require(fcinfo, 1, "sampling_rate");
	require(fcinfo, 2, "rounds");
	require(fcinfo, 3, "delta");
	require(fcinfo, 4, "sampling");
	return checked_rounds(PG_GETARG_FLOAT8(1), PG_GETARG_INT64(2), sampling_by_name(PG_GETARG_TEXT_PP(4)));
}

static double
epsilon_of(double z, const Rounds *rounds, double delta)
{
	FedAccountant accountant;

	fed_accountant_start(&accountant);
	fed_accountant_add(&accountant, z, rounds->sampling_rate, rounds->sampling, (double) rounds->count);
	return fed_accountant_epsilon(&accountant, delta, true).epsilon;
}

/*
 * federated_epsilon(noise_multiplier float8, sampling_rate float8, rounds bigint, delta float8,
 * sampling text) returns float8
 */
Datum
federated_epsilon(PG_FUNCTION_ARGS)
{
	Rounds		rounds = rounds_argument(fcinfo);

	require(fcinfo, 0, "noise_multiplier");
	require_multiplier(PG_GETARG_FLOAT8(0));
	require_delta(PG_GETARG_FLOAT8(3));
	PG_RETURN_FLOAT8(epsilon_of(PG_GETARG_FLOAT8(0), &rounds, PG_GETARG_FLOAT8(3)));
}

static void
check_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

static void
refuse_target(double target, const Rounds *rounds, double delta)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no noise multiplier from %g to %g has an epsilon of %g", FED_LEAST_Z, FED_MOST_Z, target),
			 errdetail("These rounds have an epsilon of %g with the least noise and of %g with the most.",
					   epsilon_of(FED_LEAST_Z, rounds, delta), epsilon_of(FED_MOST_Z, rounds, delta))));
}

/*
 * federated_noise_multiplier(target_epsilon float8, sampling_rate float8, rounds bigint, delta float8,
 * sampling text) returns float8
 */
Datum
federated_noise_multiplier(PG_FUNCTION_ARGS)
{
	Rounds		rounds = rounds_argument(fcinfo);
	double		target;
	double		delta = PG_GETARG_FLOAT8(3);
	double		z;

	require(fcinfo, 0, "target_epsilon");
	target = PG_GETARG_FLOAT8(0);
	require_between("target_epsilon", target, target > 0 && !isinf(target), "above 0");
	require_between("rounds", (double) rounds.count, rounds.count > 0, "1 and more");
	require_delta(delta);
	z = fed_noise_multiplier(target, rounds.sampling_rate, rounds.sampling, (double) rounds.count, delta,
							 check_for_interrupts);
	if (isnan(z))
		refuse_target(target, &rounds, delta);
	PG_RETURN_FLOAT8(z);
}

/* The elements of an array of the length that the first one has. */
static Datum *
elements(ArrayType *array, Oid type, const char *name, int expected)
{
	bool		is_text = type == TEXTOID;
	Datum	   *values;
	int			n;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array \"%s\" has more than one dimension, or a NULL", name)));
	deconstruct_array(array, type, is_text ? -1 : 8, !is_text && FLOAT8PASSBYVAL, is_text ? TYPALIGN_INT : TYPALIGN_DOUBLE,
					  &values, NULL, &n);
	if (n != expected)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array \"%s\" has %d elements", name, n),
				 errdetail("Expected are %d, as many as noise multipliers.", expected)));
	return values;
}

static void
add_elements(FedAccountant *accountant, FunctionCallInfo fcinfo)
{
	ArrayType  *multipliers = PG_GETARG_ARRAYTYPE_P(0);
	int			n = ArrayGetNItems(ARR_NDIM(multipliers), ARR_DIMS(multipliers));
	Datum	   *z = elements(multipliers, FLOAT8OID, "noise_multipliers", n);
	Datum	   *rates = elements(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID, "sampling_rates", n);
	Datum	   *samplings = elements(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, "samplings", n);
	Datum	   *counts = elements(PG_GETARG_ARRAYTYPE_P(3), INT8OID, "rounds", n);

	for (int i = 0; i < n; i++)
	{
		Rounds		rounds = checked_rounds(DatumGetFloat8(rates[i]), DatumGetInt64(counts[i]),
											sampling_by_name(DatumGetTextPP(samplings[i])));

		CHECK_FOR_INTERRUPTS();
		require_multiplier(DatumGetFloat8(z[i]));
		fed_accountant_add(accountant, DatumGetFloat8(z[i]), rounds.sampling_rate, rounds.sampling,
						   (double) rounds.count);
	}
}

/*
 * federated.privacy_epsilon(noise_multipliers float8[], sampling_rates float8[], samplings text[],
 * rounds bigint[], delta float8, exact boolean, OUT epsilon float8, OUT method text, OUT rdp_order float8)
 */
Datum
federated_privacy_epsilon(PG_FUNCTION_ARGS)
{
	FedAccountant accountant;
	FedEpsilon	found;
	TupleDesc	shape;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &shape) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	require_delta(PG_GETARG_FLOAT8(4));
	fed_accountant_start(&accountant);
	add_elements(&accountant, fcinfo);
	found = fed_accountant_epsilon(&accountant, PG_GETARG_FLOAT8(4), PG_GETARG_BOOL(5));
	values[0] = Float8GetDatum(found.epsilon);
	values[1] = CStringGetTextDatum(found.exact ? "exact" : "rdp");
	values[2] = Float8GetDatum(found.order);
	nulls[2] = found.order == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(shape), values, nulls)));
}

/*
 * federated.discrete_gaussian(variance bigint) returns bigint
 */
Datum
federated_discrete_gaussian(PG_FUNCTION_ARGS)
{
	int64		variance = PG_GETARG_INT64(0);
	int64		sample = 0;
	FedNoise   *noise;
	bool		drawn;

	if (variance < 1 || (uint64) variance > FED_VARIANCE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"variance\" is %lld", (long long) variance),
				 errdetail("Allowed: from 1 to %llu.", (unsigned long long) FED_VARIANCE_MAX)));
	noise = fed_noise_new(NULL);
	drawn = noise != NULL && fed_noise_fill(noise, &sample, 1, (uint64) variance);
	fed_noise_free(noise);
	if (!drawn)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("no noise could be drawn"),
				 errdetail("Memory is short, or libcrypto refuses random bytes or AES-256-CTR.")));
	PG_RETURN_INT64(sample);
}
