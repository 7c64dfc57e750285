/*
 * vectors.c
 *		Which table holds a vector, and how long it is.
 *
 * The truth is the row in federated.vectors. A page table has one index, its
 * primary key (vector_id, page_no).
 */
#include "postgres.h"

#include "access/table.h"
#include "base/compat.h"
#include "catalog/namespace.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "pages/layout.h"
#include "pages/vectors.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

static FedEncoding
parse_encoding(const char *name, int64 id)
{
	FedEncoding encoding;

	if (!fed_encoding_parse(name, &encoding))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("vector " INT64_FORMAT " has the unknown encoding \"%s\"", id, name)));
	return encoding;
}

/*
 * fed_vector_in_row takes a vector out of a row that SPI has read, whose first
 * columns are FED_VECTOR_COLUMNS.
 */
FedVector
fed_vector_in_row(SPITupleTable *rows, uint64 row)
{
	HeapTuple	tuple = rows->vals[row];
	FedVector	vector;
	bool		isnull;

	vector.id = DatumGetInt64(SPI_getbinval(tuple, rows->tupdesc, 1, &isnull));
	vector.relation = *DatumGetName(SPI_getbinval(tuple, rows->tupdesc, 2, &isnull));
	vector.bytes = DatumGetInt64(SPI_getbinval(tuple, rows->tupdesc, 3, &isnull));
	vector.encoding = parse_encoding(SPI_getvalue(tuple, rows->tupdesc, 4), vector.id);
	return vector;
}

/*
 * fed_vector_lookup reads the row of a vector. The caller is connected to SPI.
 * An unknown vector is an error (P0002): it was retired, or never was.
 */
FedVector
fed_vector_lookup(int64 id)
{
	FedVector	vector;
	Oid			argtypes[1] = {INT8OID};
	Datum		args[1] = {Int64GetDatum(id)};

	if (SPI_execute_with_args("SELECT " FED_VECTOR_COLUMNS " FROM federated.vectors v WHERE v.id = $1",
							  1, argtypes, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read federated.vectors");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("vector " INT64_FORMAT " does not exist", id)));
	vector = fed_vector_in_row(SPI_tuptable, 0);
	SPI_freetuptable(SPI_tuptable);
	return vector;
}

/* fed_vector_open_table opens a page table of schema federated by its name. */
Relation
fed_vector_open_table(const char *relation, LOCKMODE lockmode)
{
	Oid			relid = get_relname_relid(relation, get_namespace_oid(FED_SCHEMA, false));
	Relation	table;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("page table \"%s.%s\" does not exist", FED_SCHEMA, relation),
				 errdetail("It was retired with its round or its version.")));

	table = table_open(relid, lockmode);
	if (RelationGetNumberOfAttributes(table) != FED_PAGE_ATTRS)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a page table", relation)));
	return table;
}

/* fed_vector_open_index opens the primary key of a page table. */
Relation
fed_vector_open_index(Relation table, LOCKMODE lockmode)
{
	List	   *indexes = RelationGetIndexList(table);
	Oid			index;

	if (list_length(indexes) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("page table \"%s\" has %d indexes", RelationGetRelationName(table), list_length(indexes)),
				 errdetail("It must have its primary key and no other.")));
	index = linitial_oid(indexes);
	list_free(indexes);
	return index_open(index, lockmode);
}

/* fed_vector_value_bytes tells how many bytes a stored parameter has. */
int
fed_vector_value_bytes(const FedVector *vector)
{
	size_t		bytes = sizeof(float);

	(void) fed_encoded_length(vector->encoding, 1, &bytes);
	return (int) bytes;
}

/* fed_vector_values tells how many parameters a vector has. */
int64
fed_vector_values(const FedVector *vector)
{
	return vector->bytes / fed_vector_value_bytes(vector);
}

/* fed_vector_slice_count tells how many slices a vector has. */
int
fed_vector_slice_count(const FedVector *vector)
{
	return (int) ((vector->bytes + FED_SLICE_BYTES - 1) / FED_SLICE_BYTES);
}

/* fed_vector_slice_length tells how many bytes one slice has, without filling. */
int
fed_vector_slice_length(const FedVector *vector, int slice)
{
	int64		left = vector->bytes - (int64) slice * FED_SLICE_BYTES;

	return (int) Max(0, Min(left, FED_SLICE_BYTES));
}
