/*
 * compat.h
 *		One source for PostgreSQL 15 to 18.
 *
 * The rest of the tree is written for the newest API; this file makes older
 * releases look like it. It is the only place that may ask for
 * PG_VERSION_NUM, and every block says what changed and when.
 *
 * Include it after postgres.h and before other PostgreSQL headers.
 */
#ifndef FED_BASE_COMPAT_H
#define FED_BASE_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "federated needs PostgreSQL 15 or newer"
#endif

#include "access/genam.h"
#include "access/heapam.h"
#include "access/hio.h"
#include "catalog/pg_database.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* 16: varlena macros moved out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: one ownership check for every object class */
static inline bool
fed_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

/*
 * 16: a bulk insert extends its table by more the more it has extended before,
 * which a state that is kept would carry over to every other table
 */
static inline void
fed_forget_extension(BulkInsertState state)
{
#if PG_VERSION_NUM >= 160000
	state->already_extended_by = 0;
#endif
}

/*
 * 16: whoever extends a table does so by many blocks when others wait for it;
 * before, by one. There the lock, which one process may take several times, is
 * held for a batch, or it changes hands for every block.
 */
static inline void
fed_begin_extension(Relation table)
{
#if PG_VERSION_NUM < 160000
	LockRelationForExtension(table, ExclusiveLock);
#endif
}

static inline void
fed_end_extension(Relation table)
{
#if PG_VERSION_NUM < 160000
	UnlockRelationForExtension(table, ExclusiveLock);
#endif
}

/* 17: extensions may name their wait events; before, all are "Extension" */
static inline uint32
fed_wait_event(uint32 *cached, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*cached == 0)
		*cached = WaitEventExtensionNew(name);
	return *cached;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* 17: a set of wait events belongs to a resource owner and no longer to a context */
static inline WaitEventSet *
fed_create_wait_set(int size)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, size);
#else
	return CreateWaitEventSet(TopMemoryContext, size);
#endif
}

/* 18: index_beginscan takes an instrumentation pointer */
static inline IndexScanDesc
fed_index_beginscan(Relation heap, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

/* 18: a module may state its name and version */
#if PG_VERSION_NUM >= 180000
#define FED_MODULE_MAGIC(module) PG_MODULE_MAGIC_EXT(.name = module, .version = FED_VERSION)
#else
#define FED_MODULE_MAGIC(module) PG_MODULE_MAGIC
#endif

#endif							/* FED_BASE_COMPAT_H */
