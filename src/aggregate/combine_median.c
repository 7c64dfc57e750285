/*
 * combine_median.c
 *		The median of the updates, coordinate by coordinate.
 *
 * Unweighted: an Island that overstates its samples gains nothing (Yin et al.
 * 2018, definition 1). Of an even number the mean of the middle two.
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "core/kernels/kernels.h"

typedef struct Median
{
	int			n_updates;
	char	   *scratch;
} Median;

static void *
prepare(const FedPlan *plan)
{
	Median	   *median = palloc(sizeof(Median));

	median->n_updates = plan->n_updates;
	median->scratch = palloc(fed_order_scratch_bytes(plan->n_updates));
	return median;
}

static void
run(void *prepared, FedPageWork *work)
{
	Median	   *median = prepared;

	fed_kernels_active()->median(work->sum, work->updates, median->n_updates, FED_PAGE_VALUES, median->scratch);
}

const FedStage fed_combine_median = {"median", prepare, run};
