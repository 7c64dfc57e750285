/*
 * backoff.c
 *		How long to wait before trying again.
 */
#include "lib/backoff.h"

#include <time.h>
#include <unistd.h>

/* xorshift64: nothing depends on its quality. */
static uint64_t
next_random(FedBackoff *backoff)
{
	uint64_t	x = backoff->random;

	if (x == 0)
	{
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		x = ((uint64_t) now.tv_nsec << 20) ^ (uint64_t) now.tv_sec ^
			((uint64_t) getpid() << 40) ^ 1;
	}
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	backoff->random = x;
	return x;
}

void
fed_backoff_reset(FedBackoff *backoff)
{
	backoff->attempts = 0;
}

double
fed_backoff_next(FedBackoff *backoff)
{
	double		wait = FED_BACKOFF_MAX;
	double		factor = 0.5 + 0.5 * (double) (next_random(backoff) >> 11) / 9007199254740992.0;

	/* 0.2 * 2^8 is beyond the maximum already. */
	if (backoff->attempts < 8)
		wait = FED_BACKOFF_FIRST * (double) (1u << backoff->attempts);
	backoff->attempts++;
	if (wait > FED_BACKOFF_MAX)
		wait = FED_BACKOFF_MAX;
	return wait * factor;
}
