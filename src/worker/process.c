/*
 * process.c
 *		What all processes of ours have in common when they are registered.
 */
#include "postgres.h"

#include "base/compat.h"
#include "utils/memutils.h"
#include "worker/process.h"
#include "worker/shmem.h"

const char	fed_library_version[] = FED_VERSION;

/*
 * fed_process_describe fills in a process of the given type, which is also its
 * name, that runs the given function of this library; it is not started again
 * when it ends. The caller adds what is its own.
 */
BackgroundWorker
fed_process_describe(const char *type, const char *function)
{
	BackgroundWorker process = {0};

	strlcpy(process.bgw_name, type, sizeof(process.bgw_name));
	strlcpy(process.bgw_type, type, sizeof(process.bgw_type));
	strlcpy(process.bgw_library_name, FED_LIBRARY_NAME, sizeof(process.bgw_library_name));
	strlcpy(process.bgw_function_name, function, sizeof(process.bgw_function_name));
	process.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	process.bgw_start_time = BgWorkerStart_RecoveryFinished;
	process.bgw_restart_time = BGW_NEVER_RESTART;
	return process;
}

/*
 * fed_process_start has the postmaster start it now; *handle, palloc'd in
 * TopMemoryContext, watches it. False, and NULL, if max_worker_processes are in
 * use.
 */
bool
fed_process_start(BackgroundWorker *process, BackgroundWorkerHandle **handle)
{
	MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
	bool		started = RegisterDynamicBackgroundWorker(process, handle);

	MemoryContextSwitchTo(previous);
	if (!started)
		*handle = NULL;
	return started;
}
