/*
 * worker.h
 *		Start of the process layer.
 */
#ifndef FED_WORKER_WORKER_H
#define FED_WORKER_WORKER_H

extern void fed_worker_init(void);

#endif							/* FED_WORKER_WORKER_H */
