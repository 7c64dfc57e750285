/*
 * manifest.c
 *		SQL functions that read a model file's header, and one that adds to it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "models/file.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_safetensors_manifest);
PG_FUNCTION_INFO_V1(federated_safetensors_frozen_bytes);
PG_FUNCTION_INFO_V1(federated_safetensors_split);
PG_FUNCTION_INFO_V1(federated_safetensors_describe);

static FedModel *
parse_argument(bytea *header, int64 data_bytes)
{
	return fed_file_parse(VARDATA_ANY(header), VARSIZE_ANY_EXHDR(header), data_bytes);
}

static ArrayType *
shape_array(const FedTensor *tensor)
{
	Datum		dimensions[FED_MODEL_MAX_RANK];
	Size		i;

	for (i = 0; i < tensor->rank; i++)
	{
		/* only an empty tensor can have so large a dimension */
		if (tensor->shape[i] > PG_INT64_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a dimension of tensor \"%s\" is out of range", tensor->name)));
		dimensions[i] = Int64GetDatum((int64) tensor->shape[i]);
	}
	return construct_array(dimensions, (int) tensor->rank, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

/*
 * federated.safetensors_manifest(header bytea, data_bytes bigint)
 * returns setof (name text, dtype text, shape bigint[], elements bigint, is_float boolean)
 */
Datum
federated_safetensors_manifest(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FedModel   *model = parse_argument(PG_GETARG_BYTEA_PP(0), PG_GETARG_INT64(1));
	bool		nulls[5] = {false, false, false, false, false};
	Size		i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < model->n_tensors; i++)
	{
		const FedTensor *tensor = &model->tensors[i];
		Datum		values[5];

		values[0] = CStringGetTextDatum(tensor->name);
		values[1] = CStringGetTextDatum(fed_dtype_name(tensor->dtype));
		values[2] = PointerGetDatum(shape_array(tensor));
		values[3] = Int64GetDatum((int64) tensor->count);
		values[4] = BoolGetDatum(fed_dtype_is_trainable(tensor->dtype));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * federated.safetensors_frozen_bytes(header bytea, data_bytes bigint, trainable text[])
 * returns bigint
 */
Datum
federated_safetensors_frozen_bytes(PG_FUNCTION_ARGS)
{
	FedModel   *model = parse_argument(PG_GETARG_BYTEA_PP(0), PG_GETARG_INT64(1));

	fed_file_set_trainable(model, PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_INT64((int64) model->frozen_bytes);
}

/*
 * federated.safetensors_split(model bytea) returns (header bytea, data_bytes bigint)
 */
Datum
federated_safetensors_split(PG_FUNCTION_ARGS)
{
	FedSafetensors parts = fed_file_split(PG_GETARG_BYTEA_PP(0));
	TupleDesc	tupdesc;
	bytea	   *header;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	header = palloc(VARHDRSZ + parts.header_len);
	SET_VARSIZE(header, VARHDRSZ + parts.header_len);
	memcpy(VARDATA(header), parts.header, parts.header_len);
	values[0] = PointerGetDatum(header);
	values[1] = Int64GetDatum((int64) parts.data_bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/*
 * federated.safetensors_describe(header bytea, prefix text, keys text[], entries text[])
 * returns bytea
 */
Datum
federated_safetensors_describe(PG_FUNCTION_ARGS)
{
	char	   *prefix = text_to_cstring(PG_GETARG_TEXT_PP(1));
	FedMetadata *metadata;
	Datum	   *keys;
	Datum	   *values;
	bool	   *null_keys;
	bool	   *null_values;
	int			n_keys;
	int			n_values;
	int			n = 0;
	int			i;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &keys, &null_keys, &n_keys);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &values, &null_values, &n_values);
	if (n_keys != n_values)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("keys and entries differ in number"),
				 errdetail("There are %d keys and %d entries.", n_keys, n_values)));
	metadata = palloc(sizeof(FedMetadata) * Max(n_keys, 1));
	for (i = 0; i < n_keys; i++)
	{
		if (null_keys[i] || null_values[i])
			continue;
		metadata[n].key = psprintf("%s%s", prefix, TextDatumGetCString(keys[i]));
		metadata[n++].value = TextDatumGetCString(values[i]);
	}
	PG_RETURN_BYTEA_P(fed_file_set_metadata(PG_GETARG_BYTEA_PP(0), prefix, metadata, n));
}
