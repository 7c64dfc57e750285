/*
 * plan.c
 *		What a session with secure aggregation asks of its Islands.
 */
#include "lib/secagg/plan.h"

#include <string.h>

#include "core/secagg/quantiser.h"
#include "lib/secagg/plan_keys.h"
#include "lib/secagg/refuse.h"
#include "lib/slices.h"

static bool
read_choices(FedPlan *plan, FedError *err)
{
	static const char *const modes[FED_PLAN_CHOICES] = {NULL, "semi_honest", "active"};
	static const char *const weights[FED_PLAN_CHOICES] = {NULL, "declared", "hidden", "unit"};
	static const char *const metrics[FED_PLAN_CHOICES] = {"none", "masked", "visible"};
	int			mode;
	int			weight;
	int			metric;

	if (!fed_plan_choice(plan->text, "secagg_mode", modes, &mode, err) ||
		!fed_plan_choice(plan->text, "secagg_weights", weights, &weight, err) ||
		!fed_plan_choice(plan->text, "secagg_metrics", metrics, &metric, err))
		return false;
	plan->mode = (FedSecaggMode) mode;
	plan->weights = (FedSecaggWeights) weight;
	plan->metrics = (FedMetricsMode) metric;
	return true;
}

static bool
read_protocol(const FedPlan *plan, FedError *err)
{
	const FedTaskEntry *protocol = fed_plan_need(plan->text, "protocol", FED_TASK_STRING, err);
	const FedTaskEntry *on = protocol == NULL ? NULL : fed_plan_need(plan->text, "secure_aggregation", FED_TASK_BOOLEAN, err);

	if (on == NULL)
		return false;
	if (strcmp(protocol->string, "fsa1") != 0)
		return fed_refuse(err, 2, "the task's protocol is \"%.40s\"; this program speaks fsa1", protocol->string);
	return on->boolean || fed_refuse(err, 2, "the task's text says that secure aggregation is off");
}

static bool
read_model(FedPlan *plan, FedError *err)
{
	const FedTaskEntry *workload = fed_plan_need(plan->text, "workload", FED_TASK_STRING, err);
	const FedTaskEntry *manifest = workload == NULL ? NULL : fed_plan_need(plan->text, "manifest_sha256", FED_TASK_STRING, err);

	if (manifest == NULL)
		return false;
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

		if (strncmp(entry->name, FED_PLAN_BOUNDS, strlen(FED_PLAN_BOUNDS)) != 0)
			continue;
		if (entry->type != FED_TASK_REAL || !(entry->real > 0))
			return fed_refuse(err, 2, "\"%.80s\" of the task must be a real number above 0", entry->name);
		if (plan->n_bounded == FED_MAX_METRICS)
			return fed_refuse(err, 2, "the task has more than %d metrics to sum", FED_MAX_METRICS);
		plan->bounded[plan->n_bounded++] = (FedBoundedMetric) {entry->name + strlen(FED_PLAN_BOUNDS), entry->real};
	}
	return true;
}

/* What an Island's update is worth in the sum, and how its values become integers. */
static bool
read_weighting(FedPlan *plan, FedError *err)
{
	if (plan->privacy.on != (plan->weights == FED_SECAGG_UNIT))
		return fed_refuse(err, 2, "the task has weights \"unit\" without noise of the Islands, or such noise with other weights");
	if (plan->privacy.on && plan->metrics == FED_METRICS_MASKED)
		return fed_refuse(err, 2, "the task has noise of the Islands, and metrics that are summed without it");
	plan->n_cap = 1;
	if (plan->privacy.on)
		return true;
	if (!fed_plan_number(plan->text, "secagg_sample_cap", 1, INT32_MAX, &plan->n_cap, err) ||
		!fed_plan_positive(plan->text, "secagg_range", &plan->range, err))
		return false;
	if (!(plan->range >= 1e-6 && plan->range <= 1e6))
		return fed_refuse(err, 2, "\"secagg_range\" of the task is %g; it must be from 1e-6 to 1e6", plan->range);
	return read_bounds(plan, err);
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
	ok = (fed_sha256(text, len, plan->hash) || fed_digest_error(err)) && fed_plan_check_names(plan->text, err) &&
		read_protocol(plan, err) && read_choices(plan, err) &&
		fed_plan_number(plan->text, "total_rounds", 1, INT32_MAX, &plan->total_rounds, err) &&
		fed_plan_number(plan->text, "min_updates", 1, FED_SECAGG_MAX_COHORT, &plan->min_updates, err) &&
		fed_plan_number(plan->text, "secagg_max_cohort", FED_SECAGG_MIN_COHORT, FED_SECAGG_MAX_COHORT, &plan->n_max, err) &&
		fed_plan_number(plan->text, "secagg_max_attempts", 1, 100, &plan->max_attempts, err) && read_model(plan, err) &&
		fed_plan_read_privacy(plan->text, plan->min_updates, plan->n_max, &plan->privacy, err) && read_weighting(plan, err);
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
	if (plan->privacy.on)
		return plan->privacy.adaptive ? 1 : 0;
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

static void
fill_weighted(const FedPlan *plan, FedSecaggParams *out)
{
	out->Q = fed_quantiser_levels(plan->n_max);
	out->W_cap = FED_W_CAP;
}

static void
fill_private(const FedNoiseTerms *terms, FedSecaggParams *out)
{
	out->Q = terms->Q;
	out->W_cap = 1;
	out->clip = terms->clip;
	out->noise_var = terms->noise_var;
	out->aux_noise_var = terms->aux_noise_var;
}

bool
fed_plan_params(const FedPlan *plan, const char *session_id, uint32_t round, uint32_t attempt, bool evaluation,
				uint64_t n_values, double offered_clip, FedSecaggParams *out, FedError *err)
{
	FedNoiseTerms terms;

	memset(out, 0, sizeof(*out));
	if (!session_bytes(session_id, out->session))
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"session_id\" is not a uuid");
	if (evaluation && plan->privacy.on)
		return fed_refuse(err, 3, "an evaluation under masks, in a session whose Islands add noise");
	if (!fed_plan_noise_terms(&plan->privacy, offered_clip, &terms, err))
		return false;
	out->round = round;
	out->attempt = attempt;
	out->mode = plan->mode;
	out->weights = plan->weights;
	out->n_vectors = evaluation ? 0 : 1;
	if (!evaluation)
		out->vectors[0] = (FedSecaggVector) {0, n_values, plan->privacy.on ? terms.clip : plan->range};
	out->aux_len = fed_plan_aux_len(plan);
	out->slice_values = FED_SECAGG_SLICE_VALUES;
	out->n_cap = plan->n_cap;
	out->n_max = plan->n_max;
	memcpy(out->task, plan->hash, FED_SHA256_BYTES);
	if (plan->privacy.on)
		fill_private(&terms, out);
	else
		fill_weighted(plan, out);
	return true;
}
