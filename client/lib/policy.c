/*
 * policy.c
 *		What the data's owner allows, whatever a server asks.
 *
 * The file: {"workloads": [name …], "min_cohort": n, "require":
 * ["secure_aggregation" | "differential_privacy" | "local_differential_privacy"
 * …], "metrics": [name …], "min_noise_multiplier": x, "lifetime_epsilon": x,
 * "lifetime_delta": x, "secagg_mode": "active" | "semi_honest",
 * "secagg_weights": "declared" | "hidden", "secagg_metrics": "none" | "masked" |
 * "visible", "max_reveals_per_base": n, "max_clip_norm": x}. Every key may be left
 * out; then it forbids nothing.
 */
#include "lib/policy.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/dp/accountant.h"
#include "core/dp/gaussian_curve.h"
#include "lib/file.h"
#include "lib/json.h"

#define MAX_POLICY 1048576
#define USUAL_DELTA 1e-5

struct FedPolicy
{
	json_t	   *rules;
	FedSecaggPolicy secagg;
};

/* Of the rules whose value is one of a few words: all of them, the most open one last. */
static const struct
{
	const char *key;
	const char *choices[3];
}			word_rules[] = {
	{"secagg_mode", {"active", "semi_honest"}},
	{"secagg_weights", {"hidden", "declared"}},
	{"secagg_metrics", {"none", "masked", "visible"}},
};

#define N_WORD_RULES (sizeof(word_rules) / sizeof(*word_rules))

/* The number of a rule's word; that of the most open one if it is not given; -1 if there is no such word. */
static int
choice(const json_t *value, size_t rule)
{
	int			n = word_rules[rule].choices[2] == NULL ? 2 : 3;

	for (int i = 0; value != NULL && i < n; i++)
	{
		if (json_is_string(value) && strcmp(json_string_value(value), word_rules[rule].choices[i]) == 0)
			return i;
	}
	return value == NULL ? n - 1 : -1;
}

static bool
is_string_list(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
	{
		if (!json_is_string(json_array_get(value, i)))
			return false;
	}
	return json_is_array(value);
}

static bool
contains(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	}
	return false;
}

static bool
check_require(const json_t *list, FedError *err)
{
	for (size_t i = 0; i < json_array_size(list); i++)
	{
		const char *name = json_string_value(json_array_get(list, i));

		if (strcmp(name, "secure_aggregation") != 0 && strcmp(name, "differential_privacy") != 0 &&
			strcmp(name, "local_differential_privacy") != 0)
			return fed_error_set(err, FED_ERR_USAGE,
								 "\"%s\" in \"require\" of the policy is not known; allowed are secure_aggregation, differential_privacy, local_differential_privacy",
								 name);
	}
	return true;
}

static bool
check_word(size_t rule, const json_t *value, FedError *err)
{
	const char *const *choices = word_rules[rule].choices;

	return choice(value, rule) >= 0 ||
		fed_error_set(err, FED_ERR_USAGE, "\"%s\" of the policy must be \"%s\"%s%s%s or \"%s\"", word_rules[rule].key, choices[0],
					  choices[2] == NULL ? "" : ", \"", choices[2] == NULL ? "" : choices[1], choices[2] == NULL ? "" : "\"",
					  choices[2] == NULL ? choices[1] : choices[2]);
}

static bool
check_rule(const char *key, const json_t *value, FedError *err)
{
	for (size_t i = 0; i < N_WORD_RULES; i++)
	{
		if (strcmp(key, word_rules[i].key) == 0)
			return check_word(i, value, err);
	}
	if (strcmp(key, "max_reveals_per_base") == 0)
		return (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= UINT32_MAX) ||
			fed_error_set(err, FED_ERR_USAGE, "\"max_reveals_per_base\" of the policy must be a whole number from 1");
	if (strcmp(key, "workloads") == 0 || strcmp(key, "metrics") == 0)
		return is_string_list(value) || fed_error_set(err, FED_ERR_USAGE, "\"%s\" of the policy must be a list of names", key);
	if (strcmp(key, "require") == 0)
		return is_string_list(value) ? check_require(value, err)
			: fed_error_set(err, FED_ERR_USAGE, "\"require\" of the policy must be a list of names");
	if (strcmp(key, "min_cohort") == 0)
		return (json_is_integer(value) && json_integer_value(value) >= 1) ||
			fed_error_set(err, FED_ERR_USAGE, "\"min_cohort\" of the policy must be a whole number from 1");
	if (strcmp(key, "lifetime_epsilon") == 0 || strcmp(key, "min_noise_multiplier") == 0 || strcmp(key, "max_clip_norm") == 0)
		return (json_is_number(value) && json_number_value(value) > 0) ||
			fed_error_set(err, FED_ERR_USAGE, "\"%s\" of the policy must be a number above 0", key);
	if (strcmp(key, "lifetime_delta") == 0)
		return (json_is_number(value) && json_number_value(value) > 0 && json_number_value(value) < 1) ||
			fed_error_set(err, FED_ERR_USAGE, "\"lifetime_delta\" of the policy must be a number between 0 and 1");
	return fed_error_set(err, FED_ERR_USAGE,
						 "\"%s\" of the policy is not known; allowed are workloads, min_cohort, require, metrics, min_noise_multiplier, lifetime_epsilon, lifetime_delta,"
						 " max_clip_norm, secagg_mode, secagg_weights, secagg_metrics, max_reveals_per_base",
						 key);
}

static uint32_t
count(const json_t *rules, const char *key)
{
	int64_t		value = 0;

	fed_json_int(rules, key, &value);
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
}

static void
read_secagg(const json_t *rules, FedSecaggPolicy *out)
{
	out->active_only = choice(json_object_get(rules, "secagg_mode"), 0) == 0;
	out->hidden_weights = choice(json_object_get(rules, "secagg_weights"), 1) == 0;
	out->metrics = choice(json_object_get(rules, "secagg_metrics"), 2);
	out->min_cohort = count(rules, "min_cohort");
	out->max_reveals_per_base = count(rules, "max_reveals_per_base");
	fed_json_number(rules, "max_clip_norm", &out->max_clip_norm);
}

FedPolicy *
fed_policy_load(const char *path, FedError *err)
{
	char	   *text = fed_read_file(path, MAX_POLICY, NULL, err);
	json_t	   *rules = text == NULL ? NULL : fed_json_parse(text, "the policy", FED_ERR_USAGE, err);
	FedPolicy  *policy = NULL;
	const char *key;
	json_t	   *value;
	bool		ok = rules != NULL;

	free(text);
	json_object_foreach(rules, key, value)
		ok = ok && check_rule(key, value, err);
	if (ok)
		policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
	{
		if (ok)
			fed_error_memory(err);
		json_decref(rules);
		return NULL;
	}
	policy->rules = rules;
	read_secagg(rules, &policy->secagg);
	return policy;
}

const FedSecaggPolicy *
fed_policy_secagg(const FedPolicy *policy)
{
	static const FedSecaggPolicy none = {.metrics = 2};

	return policy == NULL ? &none : &policy->secagg;
}

void
fed_policy_free(FedPolicy *policy)
{
	if (policy == NULL)
		return;
	json_decref(policy->rules);
	free(policy);
}

static bool
check_protections(const json_t *required, const FedTask *task, FedError *err)
{
	if (contains(required, "secure_aggregation") && !task->secure_aggregation)
		return fed_error_set(err, FED_ERR_POLICY, "the policy requires secure aggregation; the session has none");
	if (contains(required, "differential_privacy") && !task->differential_privacy)
		return fed_error_set(err, FED_ERR_POLICY, "the policy requires differential privacy; the session has none");
	if (contains(required, "local_differential_privacy") && !task->local_privacy)
		return fed_error_set(err, FED_ERR_POLICY, "the policy requires local differential privacy; the session has none");
	return true;
}

static bool
check_noise(double least, const FedTask *task, FedError *err)
{
	return task->evaluate_only || task->noise_multiplier >= least ||
		fed_error_set(err, FED_ERR_POLICY, "the policy requires a noise multiplier of %g; the session has %g", least,
					  task->noise_multiplier);
}

/* The norm of distributed noise is the round's, and checked with that (secagg/checks.h). */
static bool
check_clipping(double most, const FedTask *task, FedError *err)
{
	return task->evaluate_only || !task->local_privacy || task->clip_norm <= most ||
		fed_error_set(err, FED_ERR_POLICY, "the policy allows a clip norm of %g; the session has %g", most, task->clip_norm);
}

/*
 * Of noise that was added here. Noise of our own alone composes exactly (Balle,
 * Wang 2018). A sum of discrete Gaussians is not one, and only its Renyi
 * divergence is known to be that of a Gaussian (Kairouz, Liu, Steinke 2021): with
 * noise that was added together with others all of it goes by that, which never
 * gives less.
 */
static double
noise_epsilon(const FedSpent *spent, double delta)
{
	double		mu_squared = spent->local + spent->distributed;
	FedAccountant accountant;

	if (spent->distributed == 0)
		return fed_gaussian_epsilon(sqrt(spent->local), delta);
	fed_accountant_start(&accountant);
	fed_accountant_add(&accountant, 1 / sqrt(mu_squared), 1, FED_SAMPLING_NONE, 1);
	return fed_accountant_epsilon(&accountant, delta, false).epsilon;
}

static double
total_epsilon(const FedSpent *spent, double delta)
{
	return spent->stated + noise_epsilon(spent, delta);
}

/* For noise of its own an Island needs nobody's word. */
static bool
check_budget(double budget, double delta, const FedTask *task, const FedSpent *spent, FedError *err)
{
	FedSpent	after = *spent;
	double		before = total_epsilon(spent, delta);

	if (task->evaluate_only)
		return true;
	if (task->local_privacy)
		after.local += 1 / (task->noise_multiplier * task->noise_multiplier);
	else if (task->distributed_privacy)
		after.distributed += 1 / (task->noise_multiplier * task->noise_multiplier);
	else if (task->epsilon < 0)
		return fed_error_set(err, FED_ERR_POLICY, "the policy sets a lifetime epsilon; the task states none");
	else
		after.stated += task->epsilon;
	return total_epsilon(&after, delta) <= budget ||
		fed_error_set(err, FED_ERR_POLICY, "the lifetime epsilon of %g is spent: %g so far, %g in this round", budget, before,
					  total_epsilon(&after, delta) - before);
}

bool
fed_policy_affords(const FedPolicy *policy, const FedTask *task, const FedSpent *spent, FedError *err)
{
	double		budget;
	double		delta = USUAL_DELTA;

	if (policy == NULL || !fed_json_number(policy->rules, "lifetime_epsilon", &budget))
		return true;
	fed_json_number(policy->rules, "lifetime_delta", &delta);
	return check_budget(budget, delta, task, spent, err);
}

bool
fed_policy_allows(const FedPolicy *policy, const FedTask *task, const FedSpent *spent, FedError *err)
{
	const json_t *workloads;
	int64_t		cohort;
	double		least;

	if (policy == NULL)
		return true;
	workloads = json_object_get(policy->rules, "workloads");
	if (workloads != NULL && !contains(workloads, task->workload))
		return fed_error_set(err, FED_ERR_POLICY, "the policy does not allow workload \"%s\"", task->workload);
	if (fed_json_int(policy->rules, "min_cohort", &cohort) && task->participants < cohort)
		return fed_error_set(err, FED_ERR_POLICY,
							 "the policy requires a cohort of %" PRId64 "; this round has %" PRId64, cohort,
							 task->participants);
	if (!check_protections(json_object_get(policy->rules, "require"), task, err))
		return false;
	if (fed_json_number(policy->rules, "min_noise_multiplier", &least) && !check_noise(least, task, err))
		return false;
	if (policy->secagg.max_clip_norm > 0 && !check_clipping(policy->secagg.max_clip_norm, task, err))
		return false;
	return fed_policy_affords(policy, task, spent, err);
}

bool
fed_policy_has_budget(const FedPolicy *policy)
{
	return policy != NULL && json_object_get(policy->rules, "lifetime_epsilon") != NULL;
}

bool
fed_policy_lets_out(const FedPolicy *policy, const char *metric)
{
	const json_t *metrics = policy == NULL ? NULL : json_object_get(policy->rules, "metrics");

	return metrics == NULL || contains(metrics, metric);
}
