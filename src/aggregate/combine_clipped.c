/*
 * combine_clipped.c
 *		The sum of clipped updates in whole steps of a grid, for noise to come.
 *
 * McMahan et al. 2018 (DP-FedAvg), with the sum taken in integers: one update
 * changes it by at most clip_norm / grid steps in L2 norm, exactly (core/dp/clip.h).
 * Stands for "mean"; other rules have no such bound.
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "core/kernels/kernels.h"

static void *
prepare(const FedPlan *plan)
{
	if (strcmp(plan->combine, "mean") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregation \"%s\" has no form with differential privacy", plan->combine)));
	return unconstify(FedPlan *, plan);
}

static void
run(void *prepared, FedPageWork *work)
{
	const FedPlan *plan = prepared;

	memset(work->sum, 0, FED_PAGE_VALUES * sizeof(double));
	fed_kernels_active()->clipped_sum(work->sum, work->updates, plan->privacy->scales, plan->n_updates, FED_PAGE_VALUES);
}

const FedStage fed_combine_clipped = {"clipped", prepare, run};
