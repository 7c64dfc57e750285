/*
 * process.h
 *		What all processes of ours have in common when they are registered.
 */
#ifndef FED_WORKER_PROCESS_H
#define FED_WORKER_PROCESS_H

#include "postmaster/bgworker.h"

/* Version of the library that is preloaded; one that is installed later may be newer. */
extern PGDLLEXPORT const char fed_library_version[];

extern BackgroundWorker fed_process_describe(const char *type, const char *function);
extern bool fed_process_start(BackgroundWorker *process, BackgroundWorkerHandle **handle);

#endif							/* FED_WORKER_PROCESS_H */
