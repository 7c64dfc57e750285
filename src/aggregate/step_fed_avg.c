/*
 * step_fed_avg.c
 *		x += eta * Delta, rounded once to float32.
 *
 * eta = 1 is FedAvg (McMahan et al. 2017); another eta the server's step of
 * Reddi et al. 2021, algorithm 1, with SGD.
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "core/kernels/kernels.h"

static void *
prepare(const FedPlan *plan)
{
	double	   *rate = palloc(sizeof(double));

	*rate = fed_plan_number(plan, "server_learning_rate");
	return rate;
}

static void
run(void *prepared, FedPageWork *work)
{
	double	   *rate = prepared;

	fed_kernels_active()->apply_delta(work->result, work->base, work->sum, *rate, FED_PAGE_VALUES);
}

const FedStage fed_step_fed_avg = {"fed_avg", prepare, run};
