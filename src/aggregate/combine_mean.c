/*
 * combine_mean.c
 *		The weighted sum of the updates, in participant order, in float64.
 *
 * With weights n_k / n the mean of FedAvg (McMahan et al. 2017, algorithm 1).
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "core/kernels/kernels.h"

static void *
prepare(const FedPlan *plan)
{
	return unconstify(FedPlan *, plan);
}

static void
run(void *prepared, FedPageWork *work)
{
	const FedPlan *plan = prepared;

	memset(work->sum, 0, FED_PAGE_VALUES * sizeof(double));
	fed_kernels_active()->weighted_sum(work->sum, work->updates, plan->weights, plan->n_updates, FED_PAGE_VALUES);
}

const FedStage fed_combine_mean = {"mean", prepare, run};
