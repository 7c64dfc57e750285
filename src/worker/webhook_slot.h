/*
 * webhook_slot.h
 *		The part of a database's slot that is about the process that sends webhooks.
 */
#ifndef FED_WORKER_WEBHOOK_SLOT_H
#define FED_WORKER_WEBHOOK_SLOT_H

#include "worker/shmem.h"

/* for any backend; takes the lock, never throws and never allocates */
extern void fed_webhook_slot_wake(Oid database);

/* for the worker of the database */
extern bool fed_webhook_slot_running(void);
extern int	fed_webhook_slot_start(void);
extern int	fed_webhook_slot_failures(void);

/* for the process itself */
extern PGDLLEXPORT bool fed_webhook_slot_claim(Oid database);

/* for whichever of the two looks at the outbox */
extern PGDLLEXPORT bool fed_webhook_slot_take_wake(void);

#endif							/* FED_WORKER_WEBHOOK_SLOT_H */
