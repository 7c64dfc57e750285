/*
 * launcher.h
 *		The process that starts the workers.
 */
#ifndef FED_WORKER_LAUNCHER_H
#define FED_WORKER_LAUNCHER_H

extern void fed_launcher_register(void);

#endif							/* FED_WORKER_LAUNCHER_H */
