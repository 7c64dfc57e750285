/*
 * island_masked.h
 *		One Island at work in a session with secure aggregation.
 */
#ifndef FED_ISLAND_MASKED_H
#define FED_ISLAND_MASKED_H

#include "island.h"

/*
 * Does what a task with secure aggregation (task->secagg) asks for now, or waits.
 * False only if the Island has to stop.
 */
extern bool fed_island_masked(FedIsland *island, const FedTask *task, FedError *err);

/*
 * Of another task than the one that is being done: signs, or gives shares away,
 * if it asks for that. All others of its session wait for it, and the trainer may
 * run for longer than they do.
 */
extern void fed_island_answer(FedIsland *island, const FedTask *owed);

/*
 * Of a task without secagg: whether it may be done, in *open. It may not if it
 * is an update of a session that has secure aggregation; then this waits. False
 * only if the Island has to stop.
 */
extern bool fed_island_stays_open(FedIsland *island, const FedTask *task, bool *open, FedError *err);

#endif							/* FED_ISLAND_MASKED_H */
