/*
 * import.c
 *		A model file in memory, cut into the slices that are stored.
 */
#include "postgres.h"

#include "base/compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "models/file.h"
#include "pages/layout.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_safetensors_slices);

/* Read one slice of a section, of so many bytes, into out. */
static void
read_section(const FedModel *model, const void *data, bool vector, uint64 first_byte, Size bytes, void *out)
{
	if (vector)
		fed_model_read_vector(model, data, first_byte / sizeof(float), bytes / sizeof(float), out);
	else
		fed_model_read_frozen(model, data, first_byte, bytes, out);
}

/*
 * federated.safetensors_slices(model bytea, trainable text[], section text)
 * returns setof (slice_no int, data bytea)
 */
Datum
federated_safetensors_slices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	FedSafetensors parts = fed_file_split(PG_GETARG_BYTEA_PP(0));
	bool		vector = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(2)), "vector") == 0;
	FedModel   *model = fed_file_parse(parts.header, parts.header_len, (int64) parts.data_bytes);
	bytea	   *slice = palloc(VARHDRSZ + FED_SLICE_BYTES);
	bool		nulls[2] = {false, false};
	uint64		total;
	uint64		first;
	int			number = 0;

	fed_file_set_trainable(model, PG_GETARG_ARRAYTYPE_P(1));
	total = vector ? model->vector_values * sizeof(float) : model->frozen_bytes;
	InitMaterializedSRF(fcinfo, 0);
	for (first = 0; first < total; first += FED_SLICE_BYTES)
	{
		Size		bytes = (Size) Min(total - first, FED_SLICE_BYTES);
		Datum		values[2];

		CHECK_FOR_INTERRUPTS();
		SET_VARSIZE(slice, VARHDRSZ + bytes);
		read_section(model, parts.data, vector, first, bytes, VARDATA(slice));
		values[0] = Int32GetDatum(number++);
		values[1] = PointerGetDatum(slice);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
