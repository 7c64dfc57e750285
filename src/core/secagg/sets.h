/*
 * sets.h
 *		Sets of Islands of one attempt (U1 … U5) by their index u = 1 … 128.
 */
#ifndef FED_CORE_SECAGG_SETS_H
#define FED_CORE_SECAGG_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secagg/failure.h"
#include "core/secagg/threshold.h"

/* Bit u - 1 of the 128 is Island u. All zero is the empty set. */
typedef struct FedSecaggSet
{
	uint64_t	bits[2];
} FedSecaggSet;

static inline bool
fed_set_has(const FedSecaggSet *set, uint32_t u)
{
	return u >= 1 && u <= FED_SECAGG_MAX_COHORT &&
		(set->bits[(u - 1) / 64] >> (u - 1) % 64 & 1) != 0;
}

/* u = 1 … 128; anything else is ignored. */
static inline void
fed_set_add(FedSecaggSet *set, uint32_t u)
{
	if (u >= 1 && u <= FED_SECAGG_MAX_COHORT)
		set->bits[(u - 1) / 64] |= UINT64_C(1) << (u - 1) % 64;
}

extern uint32_t fed_set_size(const FedSecaggSet *set);
extern bool fed_set_equal(const FedSecaggSet *a, const FedSecaggSet *b);

/* Whether all of `part` is in `whole`. */
extern bool fed_set_within(const FedSecaggSet *part,
						   const FedSecaggSet *whole);

/*
 * A set out of a stranger's list: refuses indices that are not 1 … n, unsorted
 * or repeated. `name` is for the message.
 */
extern bool fed_set_from_list(FedSecaggSet *set, const int64_t *list,
							  size_t len, uint32_t n, const char *name,
							  FedSecaggError *err);

#endif							/* FED_CORE_SECAGG_SETS_H */
