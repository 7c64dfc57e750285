/*
 * signals.c
 *		What the launcher and the workers do about signals.
 *
 * SIGTERM is die(), as in an ordinary backend: a handler that only sets a flag
 * would leave a fast shutdown waiting whenever a commit waits for a
 * synchronous standby.
 */
#include "postgres.h"

#include <signal.h>

#include "base/compat.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "worker/signals.h"

/* fed_signals_install sets the handlers; first thing in a process's life. */
void
fed_signals_install(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
}

/*
 * fed_signals_absorb acts on what has arrived; to be called between units of
 * work, outside of transactions.
 *
 * Returns whether the configuration was read again. May not return. A cancel
 * request that finds nothing running is dropped: it was meant for the unit
 * that has just ended, and must not end the process.
 */
bool
fed_signals_absorb(void)
{
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();

	if (!ConfigReloadPending)
		return false;

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}
