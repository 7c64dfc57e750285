/*
 * casts.c
 *		bytea of little-endian float32 to real[] and back.
 *
 * Any float32 passes, NaN and infinities too: this is for looking.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/floats.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(federated_bytes_to_floats);
PG_FUNCTION_INFO_V1(federated_floats_to_bytes);

static ArrayType *
new_array(Size n_values)
{
	Size		bytes = ARR_OVERHEAD_NONULLS(1) + n_values * sizeof(float);
	ArrayType  *array = palloc0(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->dataoffset = 0;		/* no NULLs */
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = (int) n_values;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

/*
 * federated.bytes_to_floats(data bytea) returns real[]
 */
Datum
federated_bytes_to_floats(PG_FUNCTION_ARGS)
{
	Size		n_values;
	const float *values = fed_float_values(PG_GETARG_BYTEA_PP(0), "bytea", &n_values);
	ArrayType  *result;

	if (n_values == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT4OID));
	if (n_values > MaxArraySize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("bytea has too many values for an array"),
				 errdetail("It has %zu; allowed are at most %zu.", n_values, (Size) MaxArraySize)));
	result = new_array(n_values);
	memcpy(ARR_DATA_PTR(result), values, n_values * sizeof(float));
	PG_RETURN_ARRAYTYPE_P(result);
}

/*
 * federated.floats_to_bytes(numbers real[]) returns bytea
 */
Datum
federated_floats_to_bytes(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Size		length;
	bytea	   *result;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array has %d dimensions", ARR_NDIM(array)),
				 errdetail("Only an array of one dimension becomes bytea.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array contains a NULL"),
				 errdetail("There is no float32 for it.")));
	length = (Size) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) * sizeof(float);
	result = palloc(VARHDRSZ + length);
	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), ARR_DATA_PTR(array), length);
	PG_RETURN_BYTEA_P(result);
}
