/*
 * step_fed_avgm.c
 *		m = mu * m + Delta, x += eta * m: FedAvg with server momentum.
 *
 * Hsu, Qi and Brown 2019, section 3.3. The first Delta is the first m. One
 * state: m, kept in float32, computed in float64.
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "core/kernels/kernels.h"
#include "core/optim/momentum.h"

typedef struct Momentum
{
	double		rate;
	double		mu;
} Momentum;

static void *
prepare(const FedPlan *plan)
{
	Momentum   *momentum = palloc(sizeof(Momentum));

	momentum->rate = fed_plan_number(plan, "server_learning_rate");
	momentum->mu = fed_plan_number(plan, "server_momentum");
	return momentum;
}

static void
run(void *prepared, FedPageWork *work)
{
	Momentum   *momentum = prepared;

	fed_momentum(work->sum, work->after[0], work->before[0], momentum->mu, FED_PAGE_VALUES);
	fed_kernels_active()->apply_delta(work->result, work->base, work->sum, momentum->rate, FED_PAGE_VALUES);
}

const FedStage fed_step_fed_avgm = {"fed_avgm", prepare, run};
