/*
 * secagg.c
 *		What SQL hands to the core of secure aggregation, and its refusals as errors.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/secagg.h"
#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

/*
 * fed_secagg_raise raises what the core has refused: 22023 for what somebody
 * sent, XX000 where libcrypto failed. The core's messages hold no secrets.
 */
void
fed_secagg_raise(const FedSecaggError *error)
{
	ereport(ERROR,
			(errcode(error->code == FED_SECAGG_FAILED ? ERRCODE_INTERNAL_ERROR : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", error->message)));
}

/*
 * fed_bytes returns the bytes of an argument of a fixed length (22023 for
 * another). They lie where the argument does, at any address.
 */
const uint8 *
fed_bytes(bytea *given, Size expected, const char *argument)
{
	if (VARSIZE_ANY_EXHDR(given) != expected)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" has the wrong length", argument),
				 errdetail("Given %zu bytes; expected %zu.", VARSIZE_ANY_EXHDR(given), expected)));
	return (const uint8 *) VARDATA_ANY(given);
}

/* fed_new_bytea copies bytes into the current memory context. */
bytea *
fed_new_bytea(const void *bytes, Size length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

static void
refuse_nulls(ArrayType *array, const char *argument)
{
	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be an array of one dimension without nulls", argument)));
}

/* fed_set_of_array reads an int4[] of ascending indices 1 … n (22023 otherwise). */
void
fed_set_of_array(ArrayType *array, uint32 n, const char *argument, FedSecaggSet *set)
{
	FedSecaggError error = {0};
	int			count;
	int64	   *list;
	int			i;

	refuse_nulls(array, argument);
	count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	list = palloc(sizeof(int64) * (count + 1));
	for (i = 0; i < count; i++)
		list[i] = ((int32 *) ARR_DATA_PTR(array))[i];
	if (!fed_set_from_list(set, list, count, n, argument, &error))
		fed_secagg_raise(&error);
	pfree(list);
}

/* fed_bytea_elements returns the elements of a bytea[], in the current memory context. */
Datum *
fed_bytea_elements(ArrayType *array, const char *argument, int *n)
{
	Datum	   *elements;

	refuse_nulls(array, argument);
	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	return elements;
}

/* fed_secagg_mode returns the mode of a name that SQL has checked. */
FedSecaggMode
fed_secagg_mode(const text *name)
{
	char	   *given = text_to_cstring(name);

	if (strcmp(given, "active") == 0)
		return FED_SECAGG_ACTIVE;
	if (strcmp(given, "semi_honest") == 0)
		return FED_SECAGG_SEMI_HONEST;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("mode \"%s\" is not known", given)));
}
