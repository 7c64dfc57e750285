/*
 * combine_masked.c
 *		The mean of updates that nobody sees: their masked integers are summed
 *		modulo 2^32, and the masks are taken off the sum.
 *
 * What comes out is the exact weighted mean of what Islands quantised
 * (core/secagg/quantiser.h), whatever the order of the updates; where they have
 * added noise, the sum over a number that was fixed before (dp_quantiser.h).
 */
#include "postgres.h"

#include "aggregate/stages.h"
#include "aggregate/unmask.h"
#include "base/secagg.h"
#include "core/secagg/dp_quantiser.h"
#include "core/secagg/quantiser.h"

typedef struct Masked
{
	const FedPlan *plan;
	FedMask    *mask;
	FedQuantiser quantiser;
	int64		n_values;
	uint32		sum[FED_PAGE_VALUES];
} Masked;

static void *
prepare(const FedPlan *plan)
{
	Masked	   *masked = palloc0(sizeof(Masked));

	masked->plan = plan;
	masked->mask = fed_unmask_open(plan->masked.attempt_id);
	masked->quantiser.R = plan->masked.range;
	masked->quantiser.Q = plan->masked.levels;
	masked->quantiser.W = FED_W_CAP;
	masked->quantiser.W_cap = FED_W_CAP;
	masked->n_values = fed_vector_values(&plan->result);
	return masked;
}

/* Behind the end of the vector a page is filled with zeros that carry no mask. */
static void
run(void *prepared, FedPageWork *work)
{
	Masked	   *masked = prepared;
	int64		first = (int64) work->page_no * FED_PAGE_VALUES;
	int			count = (int) Min(FED_PAGE_VALUES, masked->n_values - first);
	FedSecaggError error = {0};
	int			i;

	memset(masked->sum, 0, sizeof(masked->sum));
	for (i = 0; i < masked->plan->n_updates; i++)
		fed_mask_sum(masked->sum, (const uint8 *) work->updates[i], count);
	if (!fed_mask_apply(masked->mask, FED_STREAM_DELTA, first, masked->sum, count, &error))
		fed_secagg_raise(&error);
	memset(work->sum, 0, FED_PAGE_VALUES * sizeof(double));
	if (masked->plan->masked.divisor > 0)
		fed_dp_mean(masked->sum, count, masked->quantiser.R, masked->quantiser.Q, masked->plan->masked.divisor, work->sum);
	else
		fed_quantiser_mean(&masked->quantiser, masked->sum, count, masked->plan->masked.weights, work->sum);
}

const FedStage fed_combine_masked = {"masked", prepare, run};
