/*
 * shmem.c
 *		Allocation of the shared structure.
 *
 * The size is requested, and the structure attached, through the hooks that
 * the postmaster runs after shared_preload_libraries. After a crash of any
 * backend the postmaster does this again with empty memory, so every reader
 * must take an empty array as normal.
 */
#include "postgres.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "worker/shmem.h"

#define SHMEM_NAME "federated"

FedShared  *fed_shared = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();

	RequestAddinShmemSpace(sizeof(FedShared));
	RequestNamedLWLockTranche(SHMEM_NAME, 1);
}

static void
attach_shmem(void)
{
	bool		found;

	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	fed_shared = ShmemInitStruct(SHMEM_NAME, sizeof(FedShared), &found);
	if (!found)
	{
		memset(fed_shared, 0, sizeof(FedShared));
		fed_shared->lock = &GetNamedLWLockTranche(SHMEM_NAME)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

/*
 * fed_shmem_install chains the shared memory hooks.
 *
 * Only while shared_preload_libraries are loaded; later it would be refused.
 */
void
fed_shmem_install(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = attach_shmem;
}
