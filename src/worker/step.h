/*
 * step.h
 *		One step of one session.
 */
#ifndef FED_WORKER_STEP_H
#define FED_WORKER_STEP_H

#include "utils/uuid.h"

extern bool fed_step_run(const pg_uuid_t *session, MemoryContext context);

#endif							/* FED_WORKER_STEP_H */
