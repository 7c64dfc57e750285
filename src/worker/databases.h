/*
 * databases.h
 *		Which databases may have sessions to drive.
 */
#ifndef FED_WORKER_DATABASES_H
#define FED_WORKER_DATABASES_H

#include "nodes/pg_list.h"

extern bool fed_databases_list(List **databases);

#endif							/* FED_WORKER_DATABASES_H */
