/*
 * stages.c
 *		Which stages there are. A new one is a file of its own and a line here.
 */
#include "postgres.h"

#include "aggregate/stages.h"

static const FedStage *const combine_stages[] = {
	&fed_combine_masked,
	&fed_combine_mean,
	&fed_combine_median,
	NULL
};

static const FedStage *const step_stages[] = {
	&fed_step_fed_avg,
	&fed_step_fed_avgm,
	NULL
};

static const FedStage *
find(const FedStage *const *stages, const char *kind, const char *name)
{
	for (; *stages != NULL; stages++)
	{
		if (strcmp((*stages)->name, name) == 0)
			return *stages;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s \"%s\" is not known to this library", kind, name),
			 errhint("The session was made by another version of the extension.")));
}

/* fed_stage_combine finds how updates combine; 0A000 if there is none of that name. */
const FedStage *
fed_stage_combine(const char *name)
{
	return find(combine_stages, "aggregation", name);
}

/* fed_stage_step finds how the server moves; 0A000 if there is none of that name. */
const FedStage *
fed_stage_step(const char *name)
{
	return find(step_stages, "server_optimizer", name);
}
