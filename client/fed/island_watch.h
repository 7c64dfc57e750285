/*
 * island_watch.h
 *		What an Island does around its task, whatever kind it is of.
 */
#ifndef FED_ISLAND_WATCH_H
#define FED_ISLAND_WATCH_H

#include "island.h"

/* Declines a task that could not be done. What the server must not say ends the Island; the rest is the task's end. */
extern bool fed_island_give_back(FedIsland *island, const FedTask *task, FedError *why, FedError *err);

/*
 * While a task is being done, now and then: what its session says now, in *now
 * (NULL: nothing). What other sessions wait for, and is short, is done.
 */
extern bool fed_island_look(FedIsland *island, const FedTask *task, FedTask **now, FedError *err);

/* Paused, a round waits for its updates; they must not be thrown away. */
extern bool fed_island_is_paused(FedTransport *t, const char *session_id);

/* Says something once, however often it is found out. */
extern void fed_island_complain(FedIsland *island, const FedTask *task, const FedError *why);

/* For a heartbeat, or until the server has something. False if the Island has to stop. */
extern bool fed_island_wait(FedIsland *island, FedError *err);

/*
 * For secure aggregation, one process per state directory: two would each think
 * that they know what was sent. False, and err filled, if another one has it.
 */
extern bool fed_island_hold_state(FedIsland *island, FedError *err);

#endif							/* FED_ISLAND_WATCH_H */
