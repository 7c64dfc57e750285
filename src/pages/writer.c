/*
 * writer.c
 *		Append pages to a page table.
 *
 * Pages are gathered and inserted a batch at a time. The bulk insert state is
 * what a table extension and a buffer ring cost, so that one is kept for the
 * whole session and only its pin is given back between calls. An error leaves
 * it with a pin that the resource owner has released already: such a state is
 * thrown away with its memory context and not touched again.
 *
 * A page is always full, so nobody looks for free space.
 *
 * Who shares a table, measured in slices (1 MiB) per second, synchronous_commit
 * off, PostgreSQL 15 on two cores, the median of three runs:
 *
 *		uploaders				  1		  4		 32
 *		one table for all		180		136		102
 *		one table each			193		355		267
 *
 * Extending a shared table is what they waited for, when the lock still changed
 * hands for every page (fed_begin_extension). So an update of more than
 * four slices has a table of its own, and only small ones share the round's,
 * for which creating and dropping a table would cost more than it saves.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "base/compat.h"
#include "catalog/index.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pages/layout.h"
#include "pages/vectors.h"
#include "pages/writer.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define BATCH_PAGES 16
#define BATCH_BYTES (256 * 1024)	/* more than 16 copies of pages */

/* Shared buffers of 1 GB are room. */
#define ROOMY_BUFFERS ((int) ((Size) 1024 * 1024 * 1024 / BLCKSZ))

struct FedPageWriter
{
	int64		vector_id;
	Relation	table;
	Relation	index;
	IndexInfo  *index_info;
	BulkInsertState bulk;
	MemoryContext batch;		/* what inserting one batch allocates */
	int			pending;
	TupleTableSlot *slots[BATCH_PAGES];
	bytea	   *payloads[BATCH_PAGES];
};

/*
 * The session's bulk insert state, in a context of its own. One writer has it;
 * others beside it (for the states of an optimiser) make do with one that lasts
 * as long as they do.
 */
static MemoryContext bulk_context = NULL;
static BulkInsertState bulk_state = NULL;

/* Who has the session's state: in the context of the writer, which it outlives. */
static MemoryContextCallback *bulk_lease = NULL;

/*
 * Bulk writes go through a ring of 16 MB, so that they do not sweep a cache of
 * other things out. But here what is written is read next: an update by the
 * aggregation, a model by every Island. Where there is room, it stays.
 */
static BulkInsertState
new_bulk_state(void)
{
	BulkInsertState state = GetBulkInsertState();

	if (NBuffers >= ROOMY_BUFFERS)
	{
		FreeAccessStrategy(state->strategy);
		state->strategy = NULL;
	}
	return state;
}

/* The context goes with a writer that was not closed: its state is spoilt. */
static void
lose_lease(void *lease)
{
	if (lease == bulk_lease)
	{
		bulk_lease = NULL;
		bulk_state = NULL;
	}
}

static BulkInsertState
lease_bulk_state(void)
{
	MemoryContextCallback *lease = palloc(sizeof(MemoryContextCallback));
	MemoryContext old;

	if (bulk_state == NULL)
	{
		if (bulk_context == NULL)
			bulk_context = AllocSetContextCreate(TopMemoryContext, "federated bulk insert", ALLOCSET_SMALL_SIZES);
		else
			MemoryContextReset(bulk_context);
		old = MemoryContextSwitchTo(bulk_context);
		bulk_state = new_bulk_state();
		MemoryContextSwitchTo(old);
	}
	lease->func = lose_lease;
	lease->arg = lease;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, lease);
	bulk_lease = lease;
	fed_forget_extension(bulk_state);
	return bulk_state;
}

static void
return_bulk_state(BulkInsertState state)
{
	if (state != bulk_state)
	{
		FreeBulkInsertState(state);
		return;
	}
	ReleaseBulkInsertStatePin(state);
	bulk_lease = NULL;
}

/*
 * fed_page_writer_open prepares appending pages of one vector, in the current
 * memory context. Lock: RowExclusive on the table until the transaction ends.
 */
FedPageWriter *
fed_page_writer_open(const char *relation, int64 vector_id)
{
	FedPageWriter *writer = palloc0(sizeof(FedPageWriter));
	int			i;

	writer->vector_id = vector_id;
	writer->table = fed_vector_open_table(relation, RowExclusiveLock);
	writer->index = fed_vector_open_index(writer->table, RowExclusiveLock);
	writer->index_info = BuildIndexInfo(writer->index);
	writer->batch = GenerationContextCreate(CurrentMemoryContext, "federated page batch", BATCH_BYTES, BATCH_BYTES, BATCH_BYTES);
	for (i = 0; i < BATCH_PAGES; i++)
	{
		writer->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(writer->table), &TTSOpsVirtual);
		writer->payloads[i] = palloc(VARHDRSZ + FED_PAGE_BYTES);
		SET_VARSIZE(writer->payloads[i], VARHDRSZ + FED_PAGE_BYTES);
	}
	writer->bulk = bulk_lease == NULL ? lease_bulk_state() : new_bulk_state();
	return writer;
}

/*
 * Insert what is gathered, heap first, then the index. A multi insert leaves a
 * copy of each tuple behind: they go with the batch, but their memory stays ours.
 * Given back, it would be cleared by the kernel again for each batch.
 */
static void
flush(FedPageWriter *writer)
{
	MemoryContext old;
	int			i;

	if (writer->pending == 0)
		return;
	old = MemoryContextSwitchTo(writer->batch);
	fed_begin_extension(writer->table);
	table_multi_insert(writer->table, writer->slots, writer->pending, GetCurrentCommandId(true),
					   TABLE_INSERT_SKIP_FSM, writer->bulk);
	fed_end_extension(writer->table);
	for (i = 0; i < writer->pending; i++)
	{
		TupleTableSlot *slot = writer->slots[i];

		index_insert(writer->index, slot->tts_values, slot->tts_isnull, &slot->tts_tid, writer->table,
					 UNIQUE_CHECK_YES, false, writer->index_info);
		ExecClearTuple(slot);
	}
	writer->pending = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->batch);
}

/*
 * fed_page_writer_add appends one page: up to FED_PAGE_BYTES bytes, filled up
 * with zeros. The bytes are copied.
 */
void
fed_page_writer_add(FedPageWriter *writer, int page_no, const void *data, Size bytes)
{
	TupleTableSlot *slot = writer->slots[writer->pending];
	char	   *payload = VARDATA(writer->payloads[writer->pending]);

	Assert(bytes <= FED_PAGE_BYTES);
	memcpy(payload, data, bytes);
	memset(payload + bytes, 0, FED_PAGE_BYTES - bytes);

	ExecClearTuple(slot);
	slot->tts_values[FED_PAGE_ATTR_VECTOR - 1] = Int64GetDatum(writer->vector_id);
	slot->tts_values[FED_PAGE_ATTR_NUMBER - 1] = Int32GetDatum(page_no);
	slot->tts_values[FED_PAGE_ATTR_DATA - 1] = PointerGetDatum(writer->payloads[writer->pending]);
	memset(slot->tts_isnull, false, FED_PAGE_ATTRS * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(writer->table);

	if (++writer->pending == BATCH_PAGES)
		flush(writer);
}

/* fed_page_writer_close inserts the rest and frees the writer; locks stay. */
void
fed_page_writer_close(FedPageWriter *writer)
{
	int			i;

	flush(writer);
	table_finish_bulk_insert(writer->table, TABLE_INSERT_SKIP_FSM);
	return_bulk_state(writer->bulk);

	for (i = 0; i < BATCH_PAGES; i++)
	{
		ExecDropSingleTupleTableSlot(writer->slots[i]);
		pfree(writer->payloads[i]);
	}
	MemoryContextDelete(writer->batch);
	index_close(writer->index, NoLock);
	table_close(writer->table, NoLock);
	pfree(writer);
}
