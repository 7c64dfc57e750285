/*
 * slots.h
 *		What may happen to the slot of a database, and who may do it.
 */
#ifndef FED_WORKER_SLOTS_H
#define FED_WORKER_SLOTS_H

#include "worker/shmem.h"

/* processes that a database may have and that stay: the worker, and what sends webhooks */
#define FED_SLOT_PROCESSES 2

/* a process that lasted longer has not failed by starting */
#define FED_RAN_WELL_MS (60 * 1000)

/* for the launcher and for this layer; the caller holds the lock */
extern FedSlot *fed_slots_find(Oid database);
extern FedSlot *fed_slots_reserve(Oid database);
extern int	fed_slots_back_off_ms(int failures);
extern void fed_slots_back_off(FedSlot *slot);
extern void fed_slots_rouse(FedSlot *slot);
extern void fed_slots_rouse_launcher(void);

/* for any backend; they take the lock, never throw and never allocate */
extern void fed_slots_request(Oid database);
extern void fed_slots_request_scan(void);
extern void fed_slots_wake(Oid database);
extern bool fed_slots_restart(Oid database);
extern int	fed_slots_hold(Oid database, pid_t pids[FED_SLOT_PROCESSES]);
extern void fed_slots_terminate(Oid database);
extern void fed_slots_release_hold(Oid database);
extern bool fed_slots_read(Oid database, FedSlot *copy);

/* for every process of ours that is connected to a database */
extern PGDLLEXPORT bool fed_slots_must_leave(void);

/* for the worker of the database */
extern bool fed_slots_claim(Oid database);
extern bool fed_slots_take_wake(void);
extern void fed_slots_report(FedWorkerState state);
extern void fed_slots_report_turn(bool sleeping);
extern void fed_slots_report_error(const char *message);

#endif							/* FED_WORKER_SLOTS_H */
