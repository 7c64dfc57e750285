/*
 * reader.c
 *		Pages of one vector, in order, without copying.
 *
 * What a reader returns points into a shared buffer that it has pinned, and is
 * good until the next call: many readers side by side, one page each, are how
 * updates are read in lockstep. Lock: AccessShare on the table, until the end
 * of the transaction, so that it cannot be dropped.
 *
 * Page rows are inserted once, never updated, and mostly in their order. So the
 * next page is looked for in the block behind the last one, and the index is
 * asked only where it is not there. Visible is what the active snapshot sees.
 * A block that was found by itself is left as it is: an ordinary scan would
 * note in each tuple that its transaction has committed, which dirties every
 * page of an update and, with data checksums, copies it into the WAL.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "executor/tuptable.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

struct FedPageReader
{
	FedVector	vector;
	Relation	table;
	Relation	index;
	IndexScanDesc scan;			/* NULL until it is needed */
	TupleTableSlot *slot;		/* holds the page that the index found */
	Buffer		buffer;			/* holds the page that was found by itself */
	BufferAccessStrategy strategy;
	BlockNumber blocks;			/* of the table, when it was asked last */
	BlockNumber next_block;		/* where the next page probably is */
	TransactionId visible;		/* inserted what was seen last */
	int			next_page;
};

/*
 * fed_page_reader_open places a reader before one page of a vector. It is
 * allocated in the current memory context. strategy: which buffers pages go to
 * that are in none; NULL if they may well be wanted again.
 */
FedPageReader *
fed_page_reader_open(const FedVector *vector, int first_page, BufferAccessStrategy strategy)
{
	FedPageReader *reader = palloc0(sizeof(FedPageReader));

	reader->vector = *vector;
	reader->next_page = first_page;
	reader->table = fed_vector_open_table(NameStr(vector->relation), AccessShareLock);
	reader->index = fed_vector_open_index(reader->table, AccessShareLock);
	reader->slot = table_slot_create(reader->table, NULL);
	reader->strategy = strategy;
	reader->next_block = InvalidBlockNumber;
	return reader;
}

/* Whether the active snapshot sees what a transaction inserted. */
static bool
insertion_visible(FedPageReader *reader, TransactionId xmin)
{
	if (xmin == reader->visible)
		return true;
	/* Our own insertions depend on the command: the index scan knows. */
	if (!TransactionIdIsNormal(xmin) || TransactionIdIsCurrentTransactionId(xmin))
		return xmin == FrozenTransactionId;
	if (XidInMVCCSnapshot(xmin, GetActiveSnapshot()) || !TransactionIdDidCommit(xmin))
		return false;
	reader->visible = xmin;
	return true;
}

/* The wanted row, if it is the only one of the block and visible; or NULL. */
static HeapTupleHeader
row_in_block(FedPageReader *reader, Page page)
{
	ItemId		item;
	HeapTupleHeader row;

	if (PageIsNew(page) || PageGetMaxOffsetNumber(page) != FirstOffsetNumber)
		return NULL;
	item = PageGetItemId(page, FirstOffsetNumber);
	if (!ItemIdIsNormal(item) || ItemIdGetLength(item) != FED_PAGE_ROW_BYTES)
		return NULL;
	row = (HeapTupleHeader) PageGetItem(page, item);
	if ((row->t_infomask & HEAP_XMAX_INVALID) == 0 || row->t_hoff != FED_PAGE_ROW_HEADER
		|| !insertion_visible(reader, HeapTupleHeaderGetXmin(row)))
		return NULL;
	return row;
}

static bytea *
payload_of(FedPageReader *reader, HeapTupleHeader row)
{
	const char *columns = (const char *) row + FED_PAGE_ROW_HEADER;
	int64		vector_id;
	int32		page_no;

	memcpy(&vector_id, columns, sizeof(vector_id));
	memcpy(&page_no, columns + sizeof(vector_id), sizeof(page_no));
	if (vector_id != reader->vector.id || page_no != reader->next_page)
		return NULL;
	return (bytea *) (columns + sizeof(vector_id) + sizeof(page_no));
}

/* The next page from the block behind the last one; NULL if it is not there. */
static bytea *
next_in_place(FedPageReader *reader)
{
	HeapTupleHeader row;
	bytea	   *data = NULL;

	if (reader->next_block == InvalidBlockNumber)
		return NULL;
	if (reader->next_block >= reader->blocks)
	{
		reader->blocks = RelationGetNumberOfBlocks(reader->table);
		if (reader->next_block >= reader->blocks)
			return NULL;
	}
	reader->buffer = ReadBufferExtended(reader->table, MAIN_FORKNUM, reader->next_block, RBM_NORMAL, reader->strategy);
	LockBuffer(reader->buffer, BUFFER_LOCK_SHARE);
	row = row_in_block(reader, BufferGetPage(reader->buffer));
	if (row != NULL)
		data = payload_of(reader, row);
	LockBuffer(reader->buffer, BUFFER_LOCK_UNLOCK);
	return data;
}

static void
begin_scan(FedPageReader *reader)
{
	ScanKeyData keys[2];

	if (reader->scan == NULL)
		reader->scan = fed_index_beginscan(reader->table, reader->index, GetActiveSnapshot(), 2);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(reader->vector.id));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(reader->next_page));
	index_rescan(reader->scan, keys, 2, NULL, 0);
}

/* The next page by the index. One that is missing means damaged storage. */
static bytea *
next_by_index(FedPageReader *reader)
{
	bool		isnull;

	begin_scan(reader);
	if (!index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page %d of vector " INT64_FORMAT " is missing in \"%s\"", reader->next_page,
						reader->vector.id, NameStr(reader->vector.relation))));
	reader->next_block = ItemPointerGetBlockNumber(&reader->slot->tts_tid);
	return (bytea *) DatumGetPointer(slot_getattr(reader->slot, FED_PAGE_ATTR_DATA, &isnull));
}

static void
release_buffer(FedPageReader *reader)
{
	if (BufferIsValid(reader->buffer))
		ReleaseBuffer(reader->buffer);
	reader->buffer = InvalidBuffer;
}

/*
 * fed_page_reader_next returns the FED_PAGE_BYTES of the next page; 4-byte
 * aligned at least. A page that is missing or of another size means damaged
 * storage: an error (XX001), never a wrong sum.
 */
const void *
fed_page_reader_next(FedPageReader *reader)
{
	bytea	   *data;

	release_buffer(reader);
	data = next_in_place(reader);
	if (data == NULL)
	{
		release_buffer(reader);
		data = next_by_index(reader);
	}
	if (VARATT_IS_EXTENDED(data) || VARSIZE(data) - VARHDRSZ != FED_PAGE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page %d of vector " INT64_FORMAT " in \"%s\" is not a page", reader->next_page,
						reader->vector.id, NameStr(reader->vector.relation)),
				 errdetail("It must be %d plain bytes.", FED_PAGE_BYTES)));
	reader->next_page++;
	reader->next_block++;
	return VARDATA(data);
}

/* fed_page_reader_close ends the reading; the table's lock stays. */
void
fed_page_reader_close(FedPageReader *reader)
{
	release_buffer(reader);
	if (reader->scan != NULL)
		index_endscan(reader->scan);
	ExecDropSingleTupleTableSlot(reader->slot);
	index_close(reader->index, NoLock);
	table_close(reader->table, NoLock);
	pfree(reader);
}
