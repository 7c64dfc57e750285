/*
 * pass.c
 *		Going once over a range of pages, all vectors in lockstep.
 *
 * A page of each vector at a time: memory is a page per update, whatever the
 * size of the model, and float32 pages are used where the buffer manager holds
 * them. The bits of a page depend on nothing but the same page of the vectors.
 */
#include "postgres.h"

#include "aggregate/pass.h"
#include "base/compat.h"
#include "pages/values.h"
#include "storage/bufmgr.h"

/* A stage with what it prepared. */
typedef struct Stage
{
	const FedStage *stage;
	void	   *prepared;
} Stage;

struct FedPass
{
	const FedPlan *plan;
	bool		step;			/* or only combine */
	Stage		stages[4];
	int			n_stages;
	BufferAccessStrategy strategy;	/* a few buffers: all is read once */
	FedValueReader **updates;
	FedValueReader *base;
	FedValueReader **before;	/* NULL where the plan has none */
	FedPageWork work;
	double		sum[FED_PAGE_VALUES];
	float		result[FED_PAGE_VALUES];
};

static void
add_stage(FedPass *pass, const FedStage *stage)
{
	Stage	   *added = &pass->stages[pass->n_stages++];

	added->stage = stage;
	added->prepared = stage->prepare(pass->plan);
}

static void
open_updates(FedPass *pass, int first_page)
{
	int			n = pass->plan->n_updates;
	int			i;

	pass->updates = palloc(mul_size(n, sizeof(FedValueReader *)));
	pass->work.updates = palloc(mul_size(n, sizeof(float *)));
	for (i = 0; i < n; i++)
		pass->updates[i] = fed_value_reader_open(&pass->plan->updates[i], first_page, pass->strategy);
}

static void
open_model(FedPass *pass, int first_page)
{
	int			n = pass->plan->n_states;
	int			i;

	pass->base = fed_value_reader_open(&pass->plan->base, first_page, pass->strategy);
	pass->before = palloc0(mul_size(n, sizeof(FedValueReader *)));
	pass->work.before = palloc0(mul_size(n, sizeof(float *)));
	pass->work.after = palloc(mul_size(n, sizeof(float *)));
	for (i = 0; i < n; i++)
	{
		if (!pass->plan->states[i].first)
			pass->before[i] = fed_value_reader_open(&pass->plan->states[i].before, first_page, pass->strategy);
		pass->work.after[i] = palloc(FED_PAGE_BYTES);
	}
}

/* In the order in which a page goes through them. */
static void
add_stages(FedPass *pass)
{
	const FedPlan *plan = pass->plan;

	add_stage(pass, plan->privacy != NULL ? &fed_combine_clipped : fed_stage_combine(plan->combine));
	if (!pass->step)
		return;
	if (plan->compare)
	{
		add_stage(pass, &fed_compare);
		pass->work.products = palloc(mul_size(fed_plan_products(plan), sizeof(double)));
	}
	if (plan->privacy != NULL)
		add_stage(pass, &fed_noise);
	add_stage(pass, fed_stage_step(plan->step));
}

/*
 * fed_pass_open begins a pass with one page, in the current memory context.
 * With step, pages of the new model and of the optimiser's states are computed;
 * without, only the combined update.
 */
FedPass *
fed_pass_open(const FedPlan *plan, int first_page, bool step)
{
	FedPass    *pass = palloc0(sizeof(FedPass));

	pass->plan = plan;
	pass->step = step;
	pass->strategy = GetAccessStrategy(BAS_BULKREAD);
	pass->work.page_no = first_page - 1;
	pass->work.sum = pass->sum;
	pass->work.result = pass->result;
	add_stages(pass);
	open_updates(pass, first_page);
	if (step)
		open_model(pass, first_page);
	return pass;
}

static void
read_page(FedPass *pass)
{
	int			i;

	for (i = 0; i < pass->plan->n_updates; i++)
		pass->work.updates[i] = fed_value_reader_next(pass->updates[i]);
	if (!pass->step)
		return;
	pass->work.base = fed_value_reader_next(pass->base);
	for (i = 0; i < pass->plan->n_states; i++)
	{
		if (pass->before[i] != NULL)
			pass->work.before[i] = fed_value_reader_next(pass->before[i]);
	}
}

/* fed_pass_next computes the next page; what it returns is good until the next call. */
FedPageWork *
fed_pass_next(FedPass *pass)
{
	int			i;

	pass->work.page_no++;
	read_page(pass);
	for (i = 0; i < pass->n_stages; i++)
		pass->stages[i].stage->run(pass->stages[i].prepared, &pass->work);
	return &pass->work;
}

/* fed_pass_close ends the readers; locks stay. */
void
fed_pass_close(FedPass *pass)
{
	int			i;

	for (i = 0; i < pass->plan->n_updates; i++)
		fed_value_reader_close(pass->updates[i]);
	if (pass->step)
	{
		fed_value_reader_close(pass->base);
		for (i = 0; i < pass->plan->n_states; i++)
		{
			if (pass->before[i] != NULL)
				fed_value_reader_close(pass->before[i]);
		}
	}
	FreeAccessStrategy(pass->strategy);
}
