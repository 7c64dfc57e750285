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

/* Whether a task without secagg may be done: not an update of a session that has secure aggregation. */
extern bool fed_island_may_be_open(FedIsland *island, const FedTask *task, FedError *why);

#endif							/* FED_ISLAND_MASKED_H */
