/*
 * slice.c
 *		One slice of a version, for whoever may read it.
 *
 * SQL says which vector that is (federated.readable_vector); the bytes do not
 * pass through it: what PL/pgSQL returns is copied, at the price of the reading.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/statement.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "pages/encodings.h"
#include "pages/layout.h"
#include "pages/slices.h"
#include "pages/vectors.h"

PG_FUNCTION_INFO_V1(federated_model_slice);

#define N_ARGS 4

/* The vector that SQL finds for the arguments, with its refusals; its plan is kept. */
static FedVector
readable_vector(FunctionCallInfo fcinfo)
{
	static FedStatement statement = {
		.sql = "SELECT " FED_VECTOR_COLUMNS " FROM federated.readable_vector($1, $2, $3, $4) v",
		.n_args = N_ARGS,
		.types = {INT8OID, INT4OID, TEXTOID, TEXTOID}
	};
	Datum		values[N_ARGS];
	char		nulls[N_ARGS];
	FedVector	vector;
	int			i;

	for (i = 0; i < N_ARGS; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	SPI_connect();
	fed_statement_run(&statement, values, nulls, true);
	vector = fed_vector_in_row(SPI_tuptable, 0);
	SPI_finish();
	return vector;
}

/*
 * federated_model_slice(version_id bigint, slice int, section text, encoding text)
 * returns bytea
 *
 * A slice holds the same parameters in every encoding.
 */
Datum
federated_model_slice(PG_FUNCTION_ARGS)
{
	FedVector	vector = readable_vector(fcinfo);
	int			slice = PG_GETARG_INT32(1);
	FedEncoding encoding = fed_get_encoding(PG_GETARG_TEXT_PP(3));
	bytea	   *data = fed_read_slice(&vector, slice, fed_vector_slice_length(&vector, slice));

	if (encoding != FED_ENCODING_F32)
		data = fed_encode_values(data, encoding, (int64) slice * (FED_SLICE_BYTES / (int) sizeof(float)));
	PG_RETURN_BYTEA_P(data);
}
