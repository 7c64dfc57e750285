/*
 * export.c
 *		Stored vectors, joined into a model file in memory.
 */
#include "postgres.h"

#include "base/compat.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "models/file.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(federated_safetensors_join);

/* Bytes before the data section: the length of the header, and the header. */
#define LENGTH_BYTES 8

/* The frozen bytes go first: float64 values that nobody trained stay theirs. */
static void
write_frozen(const FedModel *model, char *data, const FedVector *frozen)
{
	FedPageReader *reader = fed_page_reader_open(frozen, 0, NULL);
	int64		done;

	for (done = 0; done < frozen->bytes; done += FED_PAGE_BYTES)
		fed_model_write_frozen(model, data, done, (Size) Min(frozen->bytes - done, FED_PAGE_BYTES),
							   fed_page_reader_next(reader));
	fed_page_reader_close(reader);
}

static void
write_vector(const FedModel *model, char *data, const FedVector *vector)
{
	FedPageReader *reader = fed_page_reader_open(vector, 0, NULL);
	int64		values = vector->bytes / (int64) sizeof(float);
	int64		done;

	for (done = 0; done < values; done += FED_PAGE_VALUES)
	{
		CHECK_FOR_INTERRUPTS();
		fed_model_write_vector(model, data, done, (Size) Min(values - done, FED_PAGE_VALUES),
							   fed_page_reader_next(reader));
	}
	fed_page_reader_close(reader);
}

/* The model's own sizes must be those of what is stored for it. */
static void
check_sizes(const FedModel *model, const FedVector *vector, const FedVector *frozen)
{
	if (vector->bytes != (int64) (model->vector_values * sizeof(float))
		|| frozen->bytes != (int64) model->frozen_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored sizes do not match the model's header"),
				 errdetail("Vector: " INT64_FORMAT " bytes of " UINT64_FORMAT "; frozen: " INT64_FORMAT " of " UINT64_FORMAT ".",
						   vector->bytes, (uint64) (model->vector_values * sizeof(float)),
						   frozen->bytes, (uint64) model->frozen_bytes)));
}

/*
 * federated.safetensors_join(header bytea, data_bytes bigint, trainable text[],
 *							  vector_id bigint, frozen_id bigint) returns bytea
 */
Datum
federated_safetensors_join(PG_FUNCTION_ARGS)
{
	bytea	   *header = PG_GETARG_BYTEA_PP(0);
	Size		header_len = VARSIZE_ANY_EXHDR(header);
	int64		data_bytes = PG_GETARG_INT64(1);
	FedModel   *model = fed_file_parse(VARDATA_ANY(header), header_len, data_bytes);
	FedVector	vector;
	FedVector	frozen;
	Size		length = add_size(VARHDRSZ + LENGTH_BYTES, add_size(header_len, (Size) data_bytes));
	bytea	   *file;
	char	   *out;
	int			i;

	fed_file_set_trainable(model, PG_GETARG_ARRAYTYPE_P(2));
	SPI_connect();
	vector = fed_vector_lookup(PG_GETARG_INT64(3));
	frozen = fed_vector_lookup(PG_GETARG_INT64(4));
	SPI_finish();
	check_sizes(model, &vector, &frozen);

	file = palloc(length);
	SET_VARSIZE(file, length);
	out = VARDATA(file);
	for (i = 0; i < LENGTH_BYTES; i++)
		out[i] = (char) (((uint64) header_len >> (8 * i)) & 0xFF);
	memcpy(out + LENGTH_BYTES, VARDATA_ANY(header), header_len);
	write_frozen(model, out + LENGTH_BYTES + header_len, &frozen);
	write_vector(model, out + LENGTH_BYTES + header_len, &vector);
	PG_RETURN_BYTEA_P(file);
}
