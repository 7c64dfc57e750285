/*
 * island_masked.h
 *		One Island at work in a session with secure aggregation.
 */
#ifndef FED_ISLAND_MASKED_H
#define FED_ISLAND_MASKED_H

#include "island.h"

/*
 * Does what a task with secure aggregation (task->secagg) asks for now, or waits;
 * or neither, and *refused, as a check forbids it and the others can do nothing
 * about that. False only if the Island has to stop.
 */
extern bool fed_island_masked(FedIsland *island, const FedTask *task, bool *refused, FedError *err);

/*
 * Of a task without secagg: whether it may be done, in *open. It may not if it
 * is an update of a session that has, or had, secure aggregation; then this waits.
 * False only if the Island has to stop.
 */
extern bool fed_island_stays_open(FedIsland *island, const FedTask *task, bool *open, FedError *err);

#endif							/* FED_ISLAND_MASKED_H */
