/*
 * plan.h
 *		What a round's aggregation is made of, as its rows say.
 */
#ifndef FED_AGGREGATE_PLAN_H
#define FED_AGGREGATE_PLAN_H

#include "pages/vectors.h"
#include "utils/jsonb.h"

/* A vector that the server's optimiser keeps from round to round. */
typedef struct FedState
{
	bool		first;			/* no round before this one has left one */
	FedVector	before;			/* as that round left it; unset if first */
	FedVector	after;			/* as this round leaves it */
} FedState;

/* Central differential privacy of a round, as it was charged for it. */
typedef struct FedPrivacy
{
	double		clip_norm;
	double		grid;			/* one step of the integers; a power of two goes into clip_norm */
	int64		noise_variance; /* in squared steps */
	double		divisor;
	bool		insecure_seed;	/* noise from the setting dp_test_seed */
	int			round_no;
	double	   *scales;			/* one per update, of fed_clip_scale */
} FedPrivacy;

/* What the sum of masked updates needs besides; unset without secure aggregation. */
typedef struct FedMaskedPlan
{
	int64		attempt_id;
	double		range;			/* R: what the largest integer stands for */
	int64		levels;			/* Q: the largest integer of an update */
	uint32		weights;		/* sum of the weights of the updates in the sum; 0 with a divisor */
	double		divisor;		/* D, where Islands have added noise to what is summed: what the
								 * sum is divided by, whatever is in it; else 0 */
} FedMaskedPlan;

typedef struct FedPlan
{
	FedVector	base;			/* the model that the round started from */
	FedVector	result;			/* the model that it makes */
	const char *combine;		/* name of the rule: "masked" with secure aggregation,
								 * else config key "aggregation" */
	const char *step;			/* config key "server_optimizer" */
	Jsonb	   *config;			/* for the numbers that these two need */
	bool		compare;		/* config key "contribution" */
	FedMaskedPlan masked;
	int			n_updates;
	FedVector  *updates;		/* in participant order */
	double	   *weights;		/* one per update */
	FedPrivacy *privacy;		/* NULL: no noise is added here */
	int			n_states;
	FedState   *states;			/* in the order of federated.server_optimizers */
} FedPlan;

extern FedPlan *fed_plan_load(int64 round_id);
extern double fed_plan_number(const FedPlan *plan, const char *key);

/* How many products a plan that compares takes: with each update, and the square. */
static inline int
fed_plan_products(const FedPlan *plan)
{
	return plan->compare ? plan->n_updates + 1 : 0;
}

#endif							/* FED_AGGREGATE_PLAN_H */
