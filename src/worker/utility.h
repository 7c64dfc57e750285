/*
 * utility.h
 *		Making way for statements that a worker would be in the way of.
 */
#ifndef FED_WORKER_UTILITY_H
#define FED_WORKER_UTILITY_H

extern void fed_utility_install(void);

#endif							/* FED_WORKER_UTILITY_H */
