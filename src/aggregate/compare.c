/*
 * compare.c
 *		Each update's product with what all of them made together.
 *
 * Taken while the page of every update is in the cache. From the sums of these
 * products, and from the norms that were taken when the updates arrived, follows
 * how much each of them has contributed (federated.store_contributions).
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

	memset(work->products, 0, fed_plan_products(plan) * sizeof(double));
	fed_kernels_active()->wide_dots(work->products, work->updates, plan->n_updates, work->sum, FED_PAGE_VALUES);
}

const FedStage fed_compare = {"compare", prepare, run};
