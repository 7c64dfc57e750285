/*
 * sets.c
 *		Sets of Islands of one attempt.
 */
#include "core/secagg/sets.h"

#include <inttypes.h>

uint32_t
fed_set_size(const FedSecaggSet *set)
{
	uint32_t	size = 0;

	for (uint32_t u = 1; u <= FED_SECAGG_MAX_COHORT; u++)
		size += fed_set_has(set, u);
	return size;
}

bool
fed_set_equal(const FedSecaggSet *a, const FedSecaggSet *b)
{
	return a->bits[0] == b->bits[0] && a->bits[1] == b->bits[1];
}

bool
fed_set_within(const FedSecaggSet *part, const FedSecaggSet *whole)
{
	return (part->bits[0] & ~whole->bits[0]) == 0 &&
		(part->bits[1] & ~whole->bits[1]) == 0;
}

bool
fed_set_from_list(FedSecaggSet *set, const int64_t *list, size_t len,
				  uint32_t n, const char *name, FedSecaggError *err)
{
	FedSecaggSet made = {{0, 0}};
	int64_t		before = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (list[i] < 1 || list[i] > n || list[i] > FED_SECAGG_MAX_COHORT)
			return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
								   "%s: index %" PRId64 " is not one of 1 to %" PRIu32,
								   name, list[i], n);
		if (list[i] <= before)
			return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
								   "%s: index %" PRId64 " comes after %" PRId64,
								   name, list[i], before);
		before = list[i];
		fed_set_add(&made, (uint32_t) before);
	}
	*set = made;
	return true;
}
