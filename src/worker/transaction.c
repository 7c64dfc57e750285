/*
 * transaction.c
 *		The bounds of each transaction of the worker.
 *
 * Every one begins by making sure that the extension is there, is ours and
 * stays, and is short: what a session needs next is always one call away.
 *
 * The memory context that was current before is so again afterwards. Releases
 * before 17 leave it at TopMemoryContext, where a process that lives for
 * months must not allocate.
 */
#include "postgres.h"

#include "base/compat.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/snapmgr.h"
#include "worker/transaction.h"

static MemoryContext outer_context = NULL;

/* End a transaction and go back to where we were before it. */
static void
commit_and_return(void)
{
	CommitTransactionCommand();
	MemoryContextSwitchTo(outer_context);
}

/*
 * fed_transaction_begin starts a transaction with SPI and a snapshot.
 *
 * Only if the status is READY; otherwise no transaction is open afterwards.
 * *extension is filled in as by fed_extension_lock.
 */
FedExtensionStatus
fed_transaction_begin(FedExtension *extension)
{
	FedExtensionStatus status;

	outer_context = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	status = fed_extension_lock(extension);
	if (status != FED_EXTENSION_READY)
	{
		commit_and_return();
		return status;
	}

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	PushActiveSnapshot(GetTransactionSnapshot());
	return status;
}

/* fed_transaction_commit ends what fed_transaction_begin started. */
void
fed_transaction_commit(void)
{
	SPI_finish();
	PopActiveSnapshot();
	commit_and_return();
	pgstat_report_stat(false);
}

/*
 * fed_transaction_recover aborts the transaction after an error.
 *
 * For PG_CATCH blocks. Returns the error, copied into the given context, which
 * becomes the current one.
 */
ErrorData *
fed_transaction_recover(MemoryContext context)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();

	pgstat_report_stat(false);
	return error;
}
