/*
 * plan.h
 *		What a round's aggregation is made of, as its rows say.
 */
#ifndef FED_AGGREGATE_PLAN_H
#define FED_AGGREGATE_PLAN_H

#include "pages/vectors.h"

typedef struct FedPlan
{
	FedVector	base;			/* the model that the round started from */
	FedVector	result;			/* the model that it makes */
	double		rate;			/* the server's learning rate */
	int			n_updates;
	FedVector  *updates;		/* in participant order */
	double	   *weights;		/* one per update */
} FedPlan;

extern FedPlan *fed_plan_load(int64 round_id);

#endif							/* FED_AGGREGATE_PLAN_H */
