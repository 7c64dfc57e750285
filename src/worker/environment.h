/*
 * environment.h
 *		Settings that our processes rely on.
 */
#ifndef FED_WORKER_ENVIRONMENT_H
#define FED_WORKER_ENVIRONMENT_H

extern PGDLLEXPORT void fed_environment_force(const char *application_name);

#endif							/* FED_WORKER_ENVIRONMENT_H */
