/*
 * extension.c
 *		The check with which every transaction of the worker starts.
 *
 * The extension can be dropped or updated between any two transactions of the
 * worker. Within one it must not: so its object is share-locked, the lock that
 * DROP and ALTER EXTENSION conflict with, and then looked up once more. The
 * lock is not waited for. Whoever has it may keep it for long, and a worker
 * that waits in the queue would hold up the sessions behind it.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "worker/extension.h"

/* Look the extension up by name; false if there is none. */
static bool
find_extension(FedExtension *extension)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_extension_extname,
				BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(FED_EXTENSION_NAME));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(catalog), &isnull);

		found = true;
		extension->oid = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
		strlcpy(extension->version, TextDatumGetCString(version),
				sizeof(extension->version));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	return found;
}

/* Take the lock that keeps the extension as it is, if nobody is changing it. */
static bool
try_lock(Oid extension)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;

	AcceptInvalidationMessages();
	return true;
}

/*
 * fed_extension_lock finds the extension and keeps it from being changed.
 *
 * To be called first in a transaction. *extension is filled in when the status
 * is READY or OTHER_VERSION. Never raises an error for what it finds.
 */
FedExtensionStatus
fed_extension_lock(FedExtension *extension)
{
	Oid			seen;

	if (!find_extension(extension))
		return FED_EXTENSION_ABSENT;
	seen = extension->oid;

	if (!try_lock(seen))
		return FED_EXTENSION_BUSY;

	/* Dropped before we had the lock; perhaps created again since. */
	if (!find_extension(extension))
		return FED_EXTENSION_ABSENT;
	if (extension->oid != seen)
		return FED_EXTENSION_BUSY;

	if (strcmp(extension->version, FED_VERSION) != 0)
		return FED_EXTENSION_OTHER_VERSION;
	return FED_EXTENSION_READY;
}
