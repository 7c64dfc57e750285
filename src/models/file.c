/*
 * file.c
 *		Model files in the server: core/model with ereport around it.
 *
 * A FedModel comes from malloc, as the core knows no memory contexts; a reset
 * callback ties it to the current one, so that an error cannot leak it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "models/file.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static void
report(const FedModelError *error)
{
	ereport(ERROR,
			(errcode(error->code == FED_MODEL_NO_MEMORY ? ERRCODE_OUT_OF_MEMORY
					 : error->code == FED_MODEL_TOO_LARGE ? ERRCODE_PROGRAM_LIMIT_EXCEEDED
					 : ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model is not a valid safetensors file: %s", error->message)));
}

static void
free_model(void *model)
{
	fed_model_free(model);
}

/*
 * fed_file_parse reads a header; a broken one is an error (22023, or 54000
 * beyond a limit). The model lives as long as the current memory context.
 */
FedModel *
fed_file_parse(const char *header, Size length, int64 data_bytes)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	FedModelError error;
	FedModel   *model;

	if (data_bytes < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"data_bytes\" is out of range"),
				 errdetail("Given " INT64_FORMAT "; it must not be negative.", data_bytes)));
	model = fed_model_parse(header, length, (uint64_t) data_bytes, &error);
	if (model == NULL)
		report(&error);
	callback->func = free_model;
	callback->arg = model;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return model;
}

/*
 * fed_file_set_trainable lays the model out so that exactly the named tensors
 * make up the vector. An unknown or untrainable name is an error (22023).
 */
void
fed_file_set_trainable(FedModel *model, ArrayType *names)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	int			i;
	Size		t;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (t = 0; t < model->n_tensors; t++)
		model->tensors[t].trainable = false;
	for (i = 0; i < count; i++)
	{
		char	   *name = nulls[i] ? NULL : TextDatumGetCString(values[i]);

		if (name == NULL || !fed_model_set_trainable(model, name, true))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the model has no tensor \"%s\" that can be trained", name ? name : "null")));
	}
	fed_model_layout(model);
}

/* fed_file_split finds header and data in a file; a truncated one is an error. */
FedSafetensors
fed_file_split(bytea *file)
{
	FedSafetensors parts;
	FedModelError error;

	if (!fed_safetensors_split(VARDATA_ANY(file), VARSIZE_ANY_EXHDR(file), &parts, &error))
		report(&error);
	return parts;
}

/*
 * fed_file_set_metadata puts entries into the metadata of a header, in place of
 * all whose keys have the prefix. What cannot be is an error (22023, 54000).
 */
bytea *
fed_file_set_metadata(bytea *header, const char *prefix, const FedMetadata *metadata, Size n)
{
	FedModelError error;
	size_t		len;
	char	   *text = fed_model_set_metadata(VARDATA_ANY(header), VARSIZE_ANY_EXHDR(header), prefix, metadata, n,
											  &len, &error);
	bytea	   *result;

	if (text == NULL)
		report(&error);
	result = palloc_extended(VARHDRSZ + len, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, VARHDRSZ + len);
		memcpy(VARDATA(result), text, len);
	}
	free(text);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return result;
}
