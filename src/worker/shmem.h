/*
 * shmem.h
 *		What the federated processes of a cluster share.
 *
 * One fixed array of slots, one for each database that has a worker (or is
 * about to have one), and the launcher's own few fields. Everything is
 * protected by one LWLock, held for the time of a few loads and stores.
 *
 * Nothing here points into the memory of one process: a Latch lives in the
 * owner's PGPROC, which is shared. It is valid while pid is not zero, because
 * the owner clears both, under the lock, before its PGPROC is given back.
 */
#ifndef FED_WORKER_SHMEM_H
#define FED_WORKER_SHMEM_H

#include "datatype/timestamp.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define FED_LIBRARY_NAME	"federated"
#define FED_MAX_DATABASES	128
#define FED_ERROR_LENGTH	256

typedef enum FedWorkerState
{
	FED_WORKER_ABSENT,			/* the database does not have the extension */
	FED_WORKER_STARTING,		/* to be launched, or launched and not yet at work */
	FED_WORKER_IDLE,			/* asleep until something is due */
	FED_WORKER_WORKING,			/* in a turn */
	FED_WORKER_VERSION_MISMATCH,	/* idles: library and extension differ */
	FED_WORKER_BACKOFF,			/* died; launched again at retry_after */
} FedWorkerState;

typedef struct FedSlot
{
	Oid			database;		/* InvalidOid: the slot is free */
	pid_t		pid;			/* of the worker that claimed it, or 0 */
	Latch	   *latch;			/* that worker's; NULL when pid is 0 */
	FedWorkerState state;
	bool		woken;			/* something happened since its turn began */
	bool		requested;		/* launch a worker as soon as there is none */
	bool		restarting;		/* its worker was asked to make room for the next */
	int			holds;			/* open transactions that need the database empty */
	int			failures;		/* deaths since a worker last ran well */
	TimestampTz launched_at;	/* registered and not yet claimed; 0: neither */
	TimestampTz retry_after;	/* not before; 0: at once */
	TimestampTz started_at;
	TimestampTz last_turn;		/* 0: none yet */
	int64		turns;
	pid_t		webhook_pid;	/* of the process that sends webhooks, or 0 */
	Latch	   *webhook_latch;	/* that process's; NULL when webhook_pid is 0 */
	bool		webhook_woken;	/* something was queued since somebody last looked */
	int			webhook_failures;	/* starts in a row that did not end well */
	char		last_error[FED_ERROR_LENGTH];
} FedSlot;

typedef struct FedShared
{
	LWLock	   *lock;			/* guards every field below */
	pid_t		launcher_pid;
	Latch	   *launcher_latch;
	bool		scan_requested; /* databases came, went or changed */
	bool		out_of_processes;	/* the latest worker could not be registered */
	bool		slots_exhausted;	/* somebody found no free slot; not yet logged */
	FedSlot		slots[FED_MAX_DATABASES];
} FedShared;

/* NULL unless the library was preloaded. */
extern FedShared *fed_shared;

extern void fed_shmem_install(void);

#endif							/* FED_WORKER_SHMEM_H */
