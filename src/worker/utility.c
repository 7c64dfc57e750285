/*
 * utility.c
 *		Making way for statements that a worker would be in the way of.
 *
 * DROP DATABASE, ALTER DATABASE … RENAME or SET TABLESPACE and CREATE DATABASE
 * … TEMPLATE fail while anybody is connected to the database they are about.
 * A worker is, all the time. So before such a statement runs the worker is
 * asked to leave, and interrupted if it does not, and no other is started until
 * the transaction is over. Only for those who could run the statement: ending a
 * worker is not for everybody.
 *
 * Statements that change what there is to drive wake whom it concerns when
 * they commit.
 */
#include "postgres.h"

#include "base/compat.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"
#include "worker/extension.h"
#include "worker/shmem.h"
#include "worker/slots.h"
#include "worker/utility.h"
#include "worker/wake.h"

#define STOP_GRACE_MS	200		/* for the step that it is in */
#define STOP_TIMEOUT_MS	5000
#define STOP_POLL_MS	5

static ProcessUtility_hook_type previous_hook = NULL;

/* The value of a string option, or the default. */
static char *
string_option(List *options, const char *name, char *otherwise)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return otherwise;
}

/* The database that must be empty for the statement to succeed, or NULL. */
static char *
database_to_vacate(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return castNode(DropdbStmt, statement)->dbname;
		case T_CreatedbStmt:
			return string_option(castNode(CreatedbStmt, statement)->options,
								 "template", "template1");
		case T_AlterDatabaseStmt:
			if (string_option(castNode(AlterDatabaseStmt, statement)->options,
							  "tablespace", NULL) == NULL)
				return NULL;
			return castNode(AlterDatabaseStmt, statement)->dbname;
		case T_RenameStmt:
			if (castNode(RenameStmt, statement)->renameType != OBJECT_DATABASE)
				return NULL;
			return castNode(RenameStmt, statement)->subname;
		default:
			return NULL;
	}
}

/* What should happen once the statement has been committed. */
static int
wishes_of(Node *statement)
{
	ListCell   *cell;

	switch (nodeTag(statement))
	{
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_AlterDatabaseStmt:
			return FED_WAKE_SCAN;
		case T_RenameStmt:
			return castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE ?
				FED_WAKE_SCAN : 0;
		case T_AlterExtensionStmt:
			return strcmp(castNode(AlterExtensionStmt, statement)->extname,
						  FED_EXTENSION_NAME) == 0 ? FED_WAKE_WORKER | FED_WAKE_WEBHOOK : 0;
		case T_DropStmt:
			if (castNode(DropStmt, statement)->removeType != OBJECT_EXTENSION)
				return 0;
			foreach(cell, castNode(DropStmt, statement)->objects)
			{
				if (strcmp(strVal(lfirst(cell)), FED_EXTENSION_NAME) == 0)
					return FED_WAKE_WORKER | FED_WAKE_WEBHOOK;
			}
			return 0;
		default:
			return 0;
	}
}

static bool
any_is_running(const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (BackendPidGetProc(pids[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * Wait until the processes that were asked to leave are out of the process
 * array, where the statement would see them.
 */
static void
wait_for_end(Oid database, const pid_t *pids, int n)
{
	static uint32 wait_event = 0;
	TimestampTz start = GetCurrentTimestamp();
	bool		terminated = false;

	while (any_is_running(pids, n))
	{
		TimestampTz now = GetCurrentTimestamp();

		if (TimestampDifferenceExceeds(start, now, STOP_TIMEOUT_MS))
			break;
		if (!terminated && TimestampDifferenceExceeds(start, now, STOP_GRACE_MS))
		{
			fed_slots_terminate(database);
			terminated = true;
		}

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 STOP_POLL_MS, fed_wait_event(&wait_event, "FederatedWorkerStop"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Have the database without a worker until the transaction ends. One that does
 * not end in time is left to the statement, which then fails as for any other
 * connection. Of our own database there can only be a copy; the rest fails
 * anyway.
 */
static void
vacate(const char *name, bool copies)
{
	Oid			database = get_database_oid(name, true);
	pid_t		pids[FED_SLOT_PROCESSES];
	int			n;

	if (!OidIsValid(database) || !fed_owns_database(database, GetUserId()))
		return;
	if (database == MyDatabaseId && !copies)
		return;

	fed_wake_release_at_end(database);
	n = fed_slots_hold(database, pids);
	wait_for_end(database, pids, n);
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	int			wishes = 0;

	if (fed_shared != NULL)
	{
		char	   *name = database_to_vacate(pstmt->utilityStmt);

		/* taken now: the statement may scribble on its tree */
		wishes = wishes_of(pstmt->utilityStmt);
		if (name != NULL)
			vacate(name, IsA(pstmt->utilityStmt, CreatedbStmt));
	}

	if (previous_hook)
		previous_hook(pstmt, queryString, readOnlyTree, context, params,
					  queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
								queryEnv, dest, qc);

	if (wishes != 0)
		fed_wake_at_commit(wishes);
}

/* fed_utility_install chains the hook on utility statements. */
void
fed_utility_install(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
