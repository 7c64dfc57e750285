/*
 * rows.c
 *		The rows that belong to one id, and what stands in them.
 */
#include "postgres.h"

#include "base/rows.h"
#include "catalog/pg_type_d.h"

/*
 * fed_rows_of runs a SELECT whose $1 is the id. The caller is connected to SPI,
 * and frees the rows with SPI_freetuptable.
 */
SPITupleTable *
fed_rows_of(const char *sql, int64 id)
{
	Oid			argtypes[1] = {INT8OID};
	Datum		args[1] = {Int64GetDatum(id)};

	if (SPI_execute_with_args(sql, 1, argtypes, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the rows of " INT64_FORMAT, id);
	return SPI_tuptable;
}

/* fed_row_value returns a column, counted from 1, that must not be null (else XX001). */
Datum
fed_row_value(SPITupleTable *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(rows->vals[row], rows->tupdesc, column, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("\"%s\" of a row that is needed is null", SPI_fname(rows->tupdesc, column))));
	return value;
}
