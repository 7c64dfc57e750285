/*
 * stop.h
 *		The wish to stop, and sleeping that a signal can end.
 *
 * One wish per process. Whatever waits for the network, for a child or for time
 * to pass also watches a pipe, so a signal is heard at once. The signal
 * handlers themselves belong to the program, not to the library.
 */
#ifndef FED_CLIENT_STOP_H
#define FED_CLIENT_STOP_H

#include "lib/error.h"

/* Must be called once, before the others. False if no pipe can be made. */
extern bool fed_stop_init(FedError *err);

/* Records the wish. Safe in a signal handler. Returns how often it was asked. */
extern int	fed_stop_request(void);

extern bool fed_stop_requested(void);

/* Sleeps, at most so long; false if a stop is wished. */
extern bool fed_sleep(double seconds);

/* Monotonic time in seconds. */
extern double fed_now(void);

/* poll(2) on fd (-1: none) and on the stop pipe. False: a stop is wished. */
extern bool fed_poll(int fd, short events, double seconds, short *revents);

#endif							/* FED_CLIENT_STOP_H */
