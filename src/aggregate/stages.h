/*
 * stages.h
 *		The shape of everything that happens to a page of the result.
 *
 * A page is made by a row of stages: combine makes one page of sums out of a
 * page of each update, then the server's step makes the new model's page of
 * them. In between updates may be compared with what they made together, and
 * noise may be added. Which updates there are and with what weight (select) was
 * fixed in SQL before, and stands in the plan.
 *
 * What combine gets are float32 values, but pages of masked integers as they are
 * stored (uint32, as wide): combine_masked alone knows what to do with them.
 *
 * A stage sees one page at a time and nothing else: that is why ranges of pages
 * may be made by any process in any order, and again after a crash.
 */
#ifndef FED_AGGREGATE_STAGES_H
#define FED_AGGREGATE_STAGES_H

#include "aggregate/plan.h"
#include "pages/layout.h"

/* One page on its way. The plan says how many updates and states there are. */
typedef struct FedPageWork
{
	int			page_no;
	const float **updates;		/* this page of each, in participant order */
	const float *base;			/* this page of the model */
	const float **before;		/* of each state; NULL in a session's first round */
	double	   *sum;			/* combine fills it, of all FED_PAGE_VALUES; later stages change it */
	double	   *products;		/* of sum with each update and with itself; NULL if nobody asks */
	float	   *result;			/* step fills it: FED_PAGE_VALUES */
	float	  **after;			/* and these, one for each state */
} FedPageWork;

typedef struct FedStage
{
	const char *name;			/* as in the session's config */

	/* Once per pass: what run needs, palloc'd; may refuse the plan. */
	void	   *(*prepare) (const FedPlan *plan);
	void		(*run) (void *prepared, FedPageWork *work);
} FedStage;

extern const FedStage *fed_stage_combine(const char *name);
extern const FedStage *fed_stage_step(const char *name);

extern const FedStage fed_combine_masked;
extern const FedStage fed_combine_mean;
extern const FedStage fed_combine_median;
extern const FedStage fed_combine_clipped;
extern const FedStage fed_compare;
extern const FedStage fed_noise;
extern const FedStage fed_step_fed_avg;
extern const FedStage fed_step_fed_avgm;

#endif							/* FED_AGGREGATE_STAGES_H */
