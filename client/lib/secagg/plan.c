/*
 * plan.c
 *		What a session with secure aggregation asks of its Islands.
 */
#include "lib/secagg/plan.h"

#include <string.h>

#include "core/secagg/quantiser.h"
#include "lib/secagg/refuse.h"
#include "lib/slices.h"

#define BOUNDS "secagg_metric_bounds."
#define HYPERPARAMETERS "hyperparameters."

/* Every key that may stand in a text, as names or, with a dot at the end, as beginnings of names. */
static const char *const known[] = {
	"aggregation", "algorithm", "allow_join", "batch_size", "best_goal", "best_metric", "contribution", "download_encoding",
	HYPERPARAMETERS, "keep_every", "keep_versions", "learning_rate", "local_epochs", "manifest_sha256", "max_participants",
	"min_participants", "min_updates", "participation_fraction", "patience", "protocol", "proximal_mu", "secagg_max_attempts",
	"secagg_max_cohort", BOUNDS, "secagg_metrics", "secagg_mode", "secagg_range", "secagg_sample_cap", "secagg_weights",
	"secure_aggregation", "seed", "server_learning_rate", "server_momentum", "server_optimizer", "target.", "total_rounds",
	"update_encoding", "workload",
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

static bool
check_names(const FedTaskText *text, FedError *err)
{
	for (size_t i = 0; i < fed_task_text_count(text); i++)
	{
		const FedTaskEntry *entry = fed_task_text_entry(text, i);

		if (!is_known(entry->name))
			return fed_refuse(err, 2, "the task has key \"%.80s\", which this program does not know", entry->name);
	}
	return true;
}

static const FedTaskEntry *
need(const FedTaskText *text, const char *name, FedTaskType type, FedError *err)
{
	const FedTaskEntry *entry = fed_task_text_find(text, name);

	if (entry != NULL && entry->type == type)
		return entry;
	fed_refuse(err, 2, "the task lacks \"%s\", or has it with another type", name);
	return NULL;
}

static bool
need_number(const FedTaskText *text, const char *name, int64_t least, int64_t most, uint32_t *out, FedError *err)
{
	const FedTaskEntry *entry = need(text, name, FED_TASK_INTEGER, err);

	if (entry == NULL)
		return false;
	*out = (uint32_t) entry->integer;
	return (entry->integer >= least && entry->integer <= most) ||
		fed_refuse(err, 2, "\"%s\" of the task is %lld; it must be from %lld to %lld", name, (long long) entry->integer,
				   (long long) least, (long long) most);
}

/* One of names, whose number is given back. */
static bool
need_choice(const FedTaskText *text, const char *name, const char *const names[3], int *out, FedError *err)
{
	const FedTaskEntry *entry = need(text, name, FED_TASK_STRING, err);

	for (int i = 0; entry != NULL && i < 3; i++)
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

static bool
read_choices(FedPlan *plan, FedError *err)
{
	static const char *const modes[3] = {NULL, "semi_honest", "active"};
	static const char *const weights[3] = {NULL, "declared", "hidden"};
	static const char *const metrics[3] = {"none", "masked", "visible"};
	int			mode;
	int			weight;
	int			metric;

	if (!need_choice(plan->text, "secagg_mode", modes, &mode, err) ||
		!need_choice(plan->text, "secagg_weights", weights, &weight, err) ||
		!need_choice(plan->text, "secagg_metrics", metrics, &metric, err))
		return false;
	plan->mode = (FedSecaggMode) mode;
	plan->weights = (FedSecaggWeights) weight;
	plan->metrics = (FedMetricsMode) metric;
	return true;
}

static bool
read_protocol(const FedPlan *plan, FedError *err)
{
	const FedTaskEntry *protocol = need(plan->text, "protocol", FED_TASK_STRING, err);
	const FedTaskEntry *on = protocol == NULL ? NULL : need(plan->text, "secure_aggregation", FED_TASK_BOOLEAN, err);

	if (on == NULL)
		return false;
	if (strcmp(protocol->string, "fsa1") != 0)
		return fed_refuse(err, 2, "the task's protocol is \"%.40s\"; this program speaks fsa1", protocol->string);
	return on->boolean || fed_refuse(err, 2, "the task's text says that secure aggregation is off");
}

static bool
read_model(FedPlan *plan, FedError *err)
{
	const FedTaskEntry *workload = need(plan->text, "workload", FED_TASK_STRING, err);
	const FedTaskEntry *manifest = workload == NULL ? NULL : need(plan->text, "manifest_sha256", FED_TASK_STRING, err);
	const FedTaskEntry *range = manifest == NULL ? NULL : need(plan->text, "secagg_range", FED_TASK_REAL, err);

	if (range == NULL)
		return false;
	plan->range = range->real;
	if (!(range->real >= 1e-6 && range->real <= 1e6))
		return fed_refuse(err, 2, "\"secagg_range\" of the task is %g; it must be from 1e-6 to 1e6", range->real);
	return fed_hex_decode(manifest->string, plan->manifest, FED_SHA256_BYTES) ||
		fed_refuse(err, 2, "\"manifest_sha256\" of the task is not a SHA-256");
}

/* Entries come in the bytewise order of names, which is that of the aux pairs. */
static bool
read_bounds(FedPlan *plan, FedError *err)
{
	for (size_t i = 0; i < fed_task_text_count(plan->text); i++)
	{
		const FedTaskEntry *entry = fed_task_text_entry(plan->text, i);

		if (strncmp(entry->name, BOUNDS, strlen(BOUNDS)) != 0)
			continue;
		if (entry->type != FED_TASK_REAL || !(entry->real > 0))
			return fed_refuse(err, 2, "\"%.80s\" of the task must be a real number above 0", entry->name);
		if (plan->n_bounded == FED_MAX_METRICS)
			return fed_refuse(err, 2, "the task has more than %d metrics to sum", FED_MAX_METRICS);
		plan->bounded[plan->n_bounded++] = (FedBoundedMetric) {entry->name + strlen(BOUNDS), entry->real};
	}
	return true;
}

bool
fed_plan_read(FedPlan *plan, const char *text, size_t len, FedError *err)
{
	FedSecaggError why;
	bool		ok;

	memset(plan, 0, sizeof(*plan));
	plan->text = fed_task_text_parse(text, len, &why);
	if (plan->text == NULL)
		return fed_refuse_core(err, 2, &why);
	ok = (fed_sha256(text, len, plan->hash) || fed_digest_error(err)) && check_names(plan->text, err) &&
		read_protocol(plan, err) && read_choices(plan, err) &&
		need_number(plan->text, "total_rounds", 1, INT32_MAX, &plan->total_rounds, err) &&
		need_number(plan->text, "min_updates", 1, FED_SECAGG_MAX_COHORT, &plan->min_updates, err) &&
		need_number(plan->text, "secagg_max_cohort", FED_SECAGG_MIN_COHORT, FED_SECAGG_MAX_COHORT, &plan->n_max, err) &&
		need_number(plan->text, "secagg_sample_cap", 1, INT32_MAX, &plan->n_cap, err) &&
		need_number(plan->text, "secagg_max_attempts", 1, 100, &plan->max_attempts, err) && read_model(plan, err) &&
		read_bounds(plan, err);
	if (!ok)
		fed_plan_free(plan);
	return ok;
}

void
fed_plan_free(FedPlan *plan)
{
	fed_task_text_free(plan->text);
	memset(plan, 0, sizeof(*plan));
}

uint32_t
fed_plan_aux_len(const FedPlan *plan)
{
	return FED_AUX_METRICS + (plan->metrics == FED_METRICS_MASKED ? 2 * (uint32_t) plan->n_bounded : 0);
}

/* The 16 bytes of a uuid, that is 32 digits with hyphens at four places. */
static bool
session_bytes(const char *session_id, uint8_t out[FED_SESSION_BYTES])
{
	char		digits[2 * FED_SESSION_BYTES + 1];
	size_t		n = 0;

	for (; *session_id != '\0' && n < 2 * FED_SESSION_BYTES; session_id++)
	{
		if (*session_id != '-')
			digits[n++] = *session_id;
	}
	digits[n] = '\0';
	return *session_id == '\0' && fed_hex_decode(digits, out, FED_SESSION_BYTES);
}

bool
fed_plan_params(const FedPlan *plan, const char *session_id, uint32_t round, uint32_t attempt, bool evaluation,
				uint64_t n_values, FedSecaggParams *out, FedError *err)
{
	memset(out, 0, sizeof(*out));
	if (!session_bytes(session_id, out->session))
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"session_id\" is not a uuid");
	out->round = round;
	out->attempt = attempt;
	out->mode = plan->mode;
	out->weights = plan->weights;
	out->n_vectors = evaluation ? 0 : 1;
	if (!evaluation)
		out->vectors[0] = (FedSecaggVector) {0, n_values, plan->range};
	out->aux_len = fed_plan_aux_len(plan);
	out->slice_values = FED_SECAGG_SLICE_VALUES;
	out->Q = fed_quantiser_levels(plan->n_max);
	out->W_cap = FED_W_CAP;
	out->n_cap = plan->n_cap;
	out->n_max = plan->n_max;
	memcpy(out->task, plan->hash, FED_SHA256_BYTES);
	return true;
}
