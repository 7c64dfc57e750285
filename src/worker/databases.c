/*
 * databases.c
 *		Which databases may have sessions to drive.
 *
 * Those named in federated.databases, or else all that accept connections and
 * are not templates: an idle connection in a template would be in the way of
 * everybody's CREATE DATABASE. Read straight from pg_database, since the
 * launcher is connected to no database and has no SQL.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"
#include "base/settings.h"
#include "worker/databases.h"

/*
 * Split federated.databases, written as identifiers are in SQL. The names are
 * allocated in the current context.
 */
static bool
split_setting(List **names)
{
	static bool complained = false;
	char	   *setting = pstrdup(fed_setting_databases ? fed_setting_databases : "");

	*names = NIL;
	if (SplitIdentifierString(setting, ',', names))
	{
		complained = false;
		return true;
	}

	if (!complained)
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list of names in parameter \"federated.databases\""),
				 errdetail("The value is \"%s\".", fed_setting_databases),
				 errhint("Separate names by commas; quote those with capitals as in SQL.")));
	complained = true;
	return false;
}

static bool
is_listed(const char *name, List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(name, (const char *) lfirst(cell)) == 0)
			return true;
	}
	return false;
}

/* A negative limit below -1 marks what an interrupted DROP DATABASE left. */
static bool
is_wanted(Form_pg_database database, List *names)
{
	if (!database->datallowconn || database->datconnlimit < -1)
		return false;
	if (names == NIL)
		return !database->datistemplate;
	return is_listed(NameStr(database->datname), names);
}

/*
 * fed_databases_list finds the databases to look into, as a list of Oids.
 *
 * In a transaction of its own; the list is allocated in the current context.
 * False, and nothing found, if federated.databases cannot be understood.
 */
bool
fed_databases_list(List **databases)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *names;
	Relation	catalog;
	TableScanDesc scan;
	HeapTuple	tuple;

	*databases = NIL;
	if (!split_setting(&names))
		return false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();

	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (is_wanted(database, names))
		{
			MemoryContext previous = MemoryContextSwitchTo(context);

			*databases = lappend_oid(*databases, database->oid);
			MemoryContextSwitchTo(previous);
		}
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);

	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return true;
}
