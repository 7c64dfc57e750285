/*
 * plan_keys.c
 *		Keys of a task text: which there are, and what one of them says.
 */
#include "lib/secagg/plan_keys.h"

#include <string.h>

#include "lib/secagg/refuse.h"

/* Every key that may stand in a text, as names or, with a dot at the end, as beginnings of names. */
static const char *const known[] = {
	"aggregation", "algorithm", "allow_join", "batch_size", "best_goal", "best_metric", "contribution", "download_encoding",
	"dp_adaptive_clip.initial", "dp_adaptive_clip.learning_rate", "dp_adaptive_clip.quantile", "dp_clip_norm", "dp_delta",
	"dp_divisor", "dp_mode", "dp_sampling", "dp_sigma", "dp_weighting", "hyperparameters.", "keep_every", "keep_versions",
	"learning_rate", "local_epochs", "manifest_sha256", "max_participants", "min_participants", "min_updates",
	"participation_fraction", "patience", "protocol", "proximal_mu", "secagg_max_attempts", "secagg_max_cohort",
	"secagg_max_colluding", FED_PLAN_BOUNDS, "secagg_metrics", "secagg_mode", "secagg_range", "secagg_sample_cap",
	"secagg_weights", "secure_aggregation", "seed", "server_learning_rate", "server_momentum", "server_optimizer", "target.",
	"total_rounds", "update_encoding", "workload",
};

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
	{
		size_t		len = strlen(known[i]);

		if (known[i][len - 1] == '.' ? strncmp(name, known[i], len) == 0 : strcmp(name, known[i]) == 0)
			return true;
	}
	return false;
}

bool
fed_plan_check_names(const FedTaskText *text, FedError *err)
{
	for (size_t i = 0; i < fed_task_text_count(text); i++)
	{
		const FedTaskEntry *entry = fed_task_text_entry(text, i);

		if (!is_known(entry->name))
			return fed_refuse(err, 2, "the task has key \"%.80s\", which this program does not know", entry->name);
	}
	return true;
}

const FedTaskEntry *
fed_plan_need(const FedTaskText *text, const char *name, FedTaskType type, FedError *err)
{
	const FedTaskEntry *entry = fed_task_text_find(text, name);

	if (entry != NULL && entry->type == type)
		return entry;
	fed_refuse(err, 2, "the task lacks \"%s\", or has it with another type", name);
	return NULL;
}

bool
fed_plan_number(const FedTaskText *text, const char *name, int64_t least, int64_t most, uint32_t *out, FedError *err)
{
	const FedTaskEntry *entry = fed_plan_need(text, name, FED_TASK_INTEGER, err);

	if (entry == NULL)
		return false;
	*out = (uint32_t) entry->integer;
	return (entry->integer >= least && entry->integer <= most) ||
		fed_refuse(err, 2, "\"%s\" of the task is %lld; it must be from %lld to %lld", name, (long long) entry->integer,
				   (long long) least, (long long) most);
}

bool
fed_plan_positive(const FedTaskText *text, const char *name, double *out, FedError *err)
{
	const FedTaskEntry *entry = fed_plan_need(text, name, FED_TASK_REAL, err);

	if (entry == NULL)
		return false;
	*out = entry->real;
	return entry->real > 0 || fed_refuse(err, 2, "\"%s\" of the task is %g; it must be above 0", name, entry->real);
}

bool
fed_plan_choice(const FedTaskText *text, const char *name, const char *const names[FED_PLAN_CHOICES], int *out, FedError *err)
{
	const FedTaskEntry *entry = fed_plan_need(text, name, FED_TASK_STRING, err);

	for (int i = 0; entry != NULL && i < FED_PLAN_CHOICES; i++)
	{
		if (names[i] != NULL && strcmp(entry->string, names[i]) == 0)
		{
			*out = i;
			return true;
		}
	}
	return entry != NULL && fed_refuse(err, 2, "\"%s\" of the task is \"%.40s\", which this program does not know", name,
									   entry->string);
}
