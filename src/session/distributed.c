/*
 * distributed.c
 *		SQL functions over the grid of distributed differential privacy: noise that
 *		Islands add to their integers before they mask them.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/secagg.h"
#include "core/secagg/dp_quantiser.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(federated_secagg_most_colluding);
PG_FUNCTION_INFO_V1(federated_secagg_dp_grid);
PG_FUNCTION_INFO_V1(federated_secagg_fraction);

/*
 * federated.secagg_most_colluding(min_updates int) returns int
 */
Datum
federated_secagg_most_colluding(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) fed_dp_max_colluding((uint32) PG_GETARG_INT32(0)));
}

/*
 * federated.secagg_dp_grid(noise_multiplier float8, adaptive boolean, divisor float8, min_updates int,
 *							max_colluding int, max_cohort int, OUT honest int, OUT levels bigint,
 *							OUT noise_var bigint, OUT aux_noise_var bigint, OUT count_noise float8, OUT problem text)
 *
 * If there is no grid the problem says why and the rest is null; without
 * adaptive clipping count_noise is null.
 */
Datum
federated_secagg_dp_grid(PG_FUNCTION_ARGS)
{
	FedDpRequest request = {
		.z = PG_GETARG_FLOAT8(0),
		.adaptive = PG_GETARG_BOOL(1),
		.divisor = PG_GETARG_FLOAT8(2),
		.min_updates = (uint32) PG_GETARG_INT32(3),
		.max_colluding = (uint32) PG_GETARG_INT32(4),
		.n_max = (uint32) PG_GETARG_INT32(5)
	};
	FedDpGrid	grid;
	FedSecaggError error = {0};
	TupleDesc	tupdesc;
	Datum		values[6] = {0};
	bool		nulls[6] = {true, true, true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (fed_dp_grid(&request, &grid, &error))
	{
		values[0] = Int32GetDatum((int32) grid.honest);
		values[1] = Int64GetDatum((int64) grid.Q);
		values[2] = Int64GetDatum((int64) grid.noise_var);
		values[3] = Int64GetDatum((int64) grid.aux_noise_var);
		values[4] = Float8GetDatum(grid.sigma_b);
		memset(nulls, false, 4 * sizeof(bool));
		nulls[4] = !request.adaptive;
	}
	else
	{
		values[5] = CStringGetTextDatum(error.message);
		nulls[5] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/*
 * federated.secagg_fraction(aux bigint, divisor float8) returns float8
 *
 * aux: the sum of the noised counts, as a number from 0 to 2^32 - 1.
 */
Datum
federated_secagg_fraction(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(fed_dp_fraction((uint32) PG_GETARG_INT64(0), PG_GETARG_FLOAT8(1)));
}
