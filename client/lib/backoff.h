/*
 * backoff.h
 *		How long to wait before trying again.
 *
 * Exponential with jitter: many Islands that lost the same server must not come
 * back in step. The first wait is about 0.2 s, none is longer than 30 s.
 */
#ifndef FED_CLIENT_BACKOFF_H
#define FED_CLIENT_BACKOFF_H

#include <stdint.h>

#define FED_BACKOFF_FIRST 0.2	/* seconds */
#define FED_BACKOFF_MAX 30.0

typedef struct FedBackoff
{
	unsigned	attempts;
	uint64_t	random;			/* state of the jitter; 0 seeds itself */
} FedBackoff;

/* Starts over, after a success. */
extern void fed_backoff_reset(FedBackoff *backoff);

/*
 * Seconds to wait before the next attempt: min(30, 0.2 * 2^attempts), scaled by
 * a random factor in [0.5, 1).
 */
extern double fed_backoff_next(FedBackoff *backoff);

#endif							/* FED_CLIENT_BACKOFF_H */
