/*
 * turn.h
 *		What the worker does each time it wakes.
 */
#ifndef FED_WORKER_TURN_H
#define FED_WORKER_TURN_H

extern bool fed_turn_run(MemoryContext context, long *sleep_ms);

#endif							/* FED_WORKER_TURN_H */
