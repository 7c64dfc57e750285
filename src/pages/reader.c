/*
 * reader.c
 *		Pages of one vector, in order, without copying.
 *
 * A reader is an index scan over (vector_id, page_no). What it returns points
 * into the shared buffer that the scan has pinned, and is good until the next
 * call: many readers side by side, one page each, are how updates are read in
 * lockstep. Pages are read under the active snapshot. Lock: AccessShare on the
 * table, until the end of the transaction, so that it cannot be dropped.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "base/compat.h"
#include "executor/tuptable.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

struct FedPageReader
{
	FedVector	vector;
	Relation	table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int			next_page;
};

/*
 * fed_page_reader_open places a reader before one page of a vector. It is
 * allocated in the current memory context.
 */
FedPageReader *
fed_page_reader_open(const FedVector *vector, int first_page)
{
	FedPageReader *reader = palloc0(sizeof(FedPageReader));
	ScanKeyData keys[2];

	reader->vector = *vector;
	reader->next_page = first_page;
	reader->table = fed_vector_open_table(NameStr(vector->relation), AccessShareLock);
	reader->index = fed_vector_open_index(reader->table, AccessShareLock);
	reader->slot = table_slot_create(reader->table, NULL);

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(vector->id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT4GE, Int32GetDatum(first_page));
	reader->scan = fed_index_beginscan(reader->table, reader->index, GetActiveSnapshot(), 2);
	index_rescan(reader->scan, keys, 2, NULL, 0);
	return reader;
}

/*
 * fed_page_reader_next returns the FED_PAGE_BYTES of the next page; 4-byte
 * aligned at least. A page that is missing or of another size means damaged
 * storage: an error (XX001), never a wrong sum.
 */
const void *
fed_page_reader_next(FedPageReader *reader)
{
	bool		isnull;
	bytea	   *data;

	if (!index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot)
		|| DatumGetInt32(slot_getattr(reader->slot, FED_PAGE_ATTR_NUMBER, &isnull)) != reader->next_page)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page %d of vector " INT64_FORMAT " is missing in \"%s\"", reader->next_page,
						reader->vector.id, NameStr(reader->vector.relation))));

	data = (bytea *) DatumGetPointer(slot_getattr(reader->slot, FED_PAGE_ATTR_DATA, &isnull));
	if (VARATT_IS_EXTENDED(data) || VARSIZE(data) - VARHDRSZ != FED_PAGE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page %d of vector " INT64_FORMAT " in \"%s\" is not a page", reader->next_page,
						reader->vector.id, NameStr(reader->vector.relation)),
				 errdetail("It must be %d plain bytes.", FED_PAGE_BYTES)));
	reader->next_page++;
	return VARDATA(data);
}

/* fed_page_reader_close ends the scan; the table's lock stays. */
void
fed_page_reader_close(FedPageReader *reader)
{
	index_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	index_close(reader->index, NoLock);
	table_close(reader->table, NoLock);
	pfree(reader);
}
