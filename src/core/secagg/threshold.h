/*
 * threshold.h
 *		Modes of secure aggregation, and how many Islands each stage needs.
 */
#ifndef FED_CORE_SECAGG_THRESHOLD_H
#define FED_CORE_SECAGG_THRESHOLD_H

#include <stdint.h>

#define FED_SECAGG_MIN_COHORT 3
#define FED_SECAGG_MAX_COHORT 128

/* As they are bound in c0. */
typedef enum FedSecaggMode
{
	FED_SECAGG_SEMI_HONEST = 1,
	FED_SECAGG_ACTIVE = 2
} FedSecaggMode;

typedef enum FedSecaggWeights
{
	FED_SECAGG_DECLARED = 1,
	FED_SECAGG_HIDDEN = 2,
	FED_SECAGG_UNIT = 3
} FedSecaggWeights;

/*
 * Shares that make a secret, for a roster of n: floor(2n/3) + 1 where Islands
 * and server may lie (active), floor(n/2) + 1 where they only look. The first
 * keeps 2t > n + f for f < n/3, so that no two quorums of t share liars only
 * (Bonawitz et al. 2017, section 6).
 */
extern uint32_t fed_secagg_threshold(FedSecaggMode mode, uint32_t n);

/* M = max(t, min_updates, 3): the fewest updates that may be summed. */
extern uint32_t fed_secagg_minimum(uint32_t t, uint32_t min_updates);

/*
 * Colluding Islands, besides the server, that a roster of n withstands:
 * ceil(n/3) - 1 if active, t - 2 if semi-honest.
 */
extern uint32_t fed_secagg_max_colluding(FedSecaggMode mode, uint32_t n);

#endif							/* FED_CORE_SECAGG_THRESHOLD_H */
