/*
 * threshold.c
 *		How many Islands each stage needs.
 */
#include "core/secagg/threshold.h"

uint32_t
fed_secagg_threshold(FedSecaggMode mode, uint32_t n)
{
	return mode == FED_SECAGG_ACTIVE ? 2 * n / 3 + 1 : n / 2 + 1;
}

uint32_t
fed_secagg_minimum(uint32_t t, uint32_t min_updates)
{
	uint32_t	most = t > min_updates ? t : min_updates;

	return most > FED_SECAGG_MIN_COHORT ? most : FED_SECAGG_MIN_COHORT;
}

uint32_t
fed_secagg_max_colluding(FedSecaggMode mode, uint32_t n)
{
	if (mode == FED_SECAGG_ACTIVE)
		return (n + 2) / 3 - 1;
	return fed_secagg_threshold(mode, n) - 2;
}
