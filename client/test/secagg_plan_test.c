/*
 * secagg_plan_test.c
 *		What a task text says of noise that Islands add, and what it is refused for.
 */
#include "check.h"
#include "secagg_lies.h"

#define TWO_48 281474976710656.0

/* The server's text with one piece of it exchanged. */
static bool
read_changed(const Server *server, const char *old, const char *new, FedPlan *plan)
{
	char		text[4096];
	const char *at = strstr(server->text, old);

	if (at == NULL)
		abort();
	snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - server->text), server->text, new, at + strlen(old));
	err = (FedError) {0};
	return fed_plan_read(plan, text, strlen(text), &err);
}

/* Whether such a text is refused with C2. */
static bool
refused(const Server *server, const char *old, const char *new)
{
	FedPlan		plan;

	if (!read_changed(server, old, new, &plan))
		return err.kind == FED_ERR_POLICY && strstr(err.message, "C2: ") != NULL;
	fed_plan_free(&plan);
	return false;
}

static bool
plan_of(const Server *server, FedPlan *plan)
{
	return read_changed(server, "", "", plan);
}

/* By hand: three honest of three, and a grid of 2^24 steps, since 3 2^24 + 12 (2^24 + 2) fits an int32. */
static void
test_fixed(void)
{
	Server	   *server = private_server(3, false, 50);
	FedSecaggParams params;
	FedPlan		plan;

	check(plan_of(server, &plan) && plan.privacy.on && !plan.privacy.adaptive && plan.weights == FED_SECAGG_UNIT &&
		  plan.privacy.noise_multiplier == 1 && plan.privacy.clip_norm == 0.5, "a text with a fixed clip norm");
	check(fed_plan_params(&plan, server->session_id, 1, 1, false, 50, 7, &params, &err), "its parameters");
	check(params.Q == 1 << 24 && params.noise_var == 93824992236886, "steps, and a third of 2^48, rounded up");
	check(params.clip == 0.5 && params.vectors[0].range == 0.5 && params.n_vectors == 1, "the clip norm of the text is the range, whatever a server offers");
	check(params.W_cap == 1 && params.n_cap == 1 && params.aux_len == 0 && params.aux_noise_var == 0 &&
		  params.weights == FED_SECAGG_UNIT, "every Island counts one, and no count is sent");
	check(!fed_plan_params(&plan, server->session_id, 1, 1, true, 50, 0.5, &params, &err) && strstr(err.message, "C3: ") != NULL,
		  "an evaluation under masks is refused");
	fed_plan_free(&plan);
	server_free(server);
}

/* By hand: the count has a standard deviation of 1 = max(3/20, 1), so that z_delta^2 = 1 / (1 - 1/4). */
static void
test_adaptive(void)
{
	static const double bad[] = {0, -1, 1.0 / 0.0, 0.0 / 0.0, 1e-320};
	Server	   *server = private_server(3, true, 50);
	FedSecaggParams params;
	FedPlan		plan;
	bool		refused = true;

	check(plan_of(server, &plan) && plan.privacy.adaptive && plan.privacy.clip_norm == 0, "a text with adaptive clipping");
	check(fed_plan_params(&plan, server->session_id, 1, 1, false, 50, 0.75, &params, &err) && params.clip == 0.75 &&
		  params.vectors[0].range == 0.75, "the round's clip norm is the one that is offered");
	check(params.noise_var == 125099989649181 && (double) params.noise_var >= TWO_48 * 4 / 3 / 3, "with more noise in the updates");
	check(params.aux_len == 1 && params.aux_noise_var == 5726623062, "and some in the count: 2^34 / 3, rounded up");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused = refused && !fed_plan_params(&plan, server->session_id, 1, 1, false, 50, bad[i], &params, &err) &&
			strstr(err.message, "C3: ") != NULL;
	check(refused, "a clip norm that is none is refused");
	fed_plan_free(&plan);
	server->divisor = 100;
	write_text(server);
	check(plan_of(server, &plan) && plan.privacy.grid.sigma_b == 5, "with a larger divisor the count has more noise");
	fed_plan_free(&plan);
	server_free(server);
}

/* Fewer honest Islands have to add more each. */
static void
test_colluding(void)
{
	Server	   *server = private_server(6, false, 50);
	FedPlan		plan;

	server->min_updates = 6;
	write_text(server);
	check(read_changed(server, "secagg_max_colluding=i:0", "secagg_max_colluding=i:1", &plan) && plan.privacy.grid.honest == 5 &&
		  plan.privacy.grid.noise_var == 56294995342132, "with one of six colluding, five add a fifth each");
	fed_plan_free(&plan);
	check(refused(server, "secagg_max_colluding=i:0", "secagg_max_colluding=i:2"), "more may not");
	server_free(server);
}

static void
test_refusals(void)
{
	static const struct
	{
		const char *old;
		const char *new;
		const char *what;
	}			cases[] = {
		{"dp_mode=s:distributed", "dp_mode=s:central", "another mode"},
		{"dp_mode=s:distributed\n", "", "no mode, but the rest"},
		{"dp_delta=f:3ee4f8b588e368f1\n", "", "no delta"},
		{"dp_delta=f:3ee4f8b588e368f1", "dp_delta=f:3ff0000000000000", "a delta of 1"},
		{"dp_divisor=f:4008000000000000\n", "", "no divisor"},
		{"dp_divisor=f:4008000000000000", "dp_divisor=f:0000000000000000", "a divisor of 0"},
		{"dp_divisor=f:4008000000000000", "dp_divisor=i:3", "a divisor of another type"},
		{"dp_sampling=s:none", "dp_sampling=s:poisson", "a sampled cohort"},
		{"dp_weighting=s:uniform", "dp_weighting=s:samples", "weights"},
		{"dp_sigma=f:3ff0000000000000\n", "", "no noise"},
		{"dp_sigma=f:3ff0000000000000", "dp_sigma=f:0000000000000000", "noise of size 0"},
		{"dp_sigma=f:3ff0000000000000", "dp_sigma=f:4415af1d78b58c40", "noise for which there is no grid"},
		{"dp_sigma=f:3ff0000000000000", "dp_sigma=f:3e112e0be826d695", "and too little of it"},
		{"dp_clip_norm=f:3fe0000000000000\n", "", "no clip norm"},
		{"dp_clip_norm=f:3fe0000000000000", "dp_clip_norm=f:bfe0000000000000", "one below 0"},
		{"dp_clip_norm=f:3fe0000000000000", "dp_adaptive_clip.initial=f:3fe0000000000000\ndp_clip_norm=f:3fe0000000000000",
		"one that is fixed and adaptive"},
		{"dp_clip_norm=f:3fe0000000000000", "dp_adaptive_clip.initial=f:3fe0000000000000", "one that is adaptive in part"},
		{"dp_divisor=f:4008000000000000", "dp_divisor=f:4008000000000000\ndp_insecure=b:1", "a key that nobody knows"},
		{"secagg_max_colluding=i:0\n", "", "no word of colluding Islands"},
		{"secagg_metrics=s:none", "secagg_metrics=s:masked", "metrics that are summed without noise"},
		{"secagg_metrics=s:none", "secagg_metric_bounds.training.loss=f:3ff0000000000000\nsecagg_metrics=s:none", "bounds of metrics"},
		{"secagg_weights=s:unit", "secagg_weights=s:hidden", "weights that count"},
		{"secagg_weights=s:unit", "secagg_range=f:3ff0000000000000\nsecagg_weights=s:unit", "a range"},
		{"secagg_weights=s:unit", "secagg_sample_cap=i:100\nsecagg_weights=s:unit", "a cap of samples"},
	};
	static const struct
	{
		const char *old;
		const char *new;
		const char *what;
	}			without[] = {
		{"hyperparameters", "dp_sigma=f:3ff0000000000000\nhyperparameters", "without noise: a multiplier of it"},
		{"hyperparameters", "dp_delta=f:3ee4f8b588e368f1\nhyperparameters", "without noise: a delta"},
		{"secagg_metric_bounds.evaluation", "secagg_max_colluding=i:0\nsecagg_metric_bounds.evaluation", "without noise: colluding Islands"},
		{"secagg_weights=s:declared", "secagg_weights=s:unit", "without noise: weights of 1"},
	};
	Server	   *server = private_server(3, false, 50);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(refused(server, cases[i].old, cases[i].new), cases[i].what);
	server_free(server);
	server = server_new(3, true, 50);
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		check(refused(server, without[i].old, without[i].new), without[i].what);
	server_free(server);
}

/* The trainer is told. */
static void
test_task(void)
{
	Server	   *server = private_server(3, true, 50);
	FedPlan		plan;
	char	   *task = plan_of(server, &plan) ? fed_plan_task(&plan, server->session_id, 1, false, &err) : NULL;
	json_t	   *document = task == NULL ? NULL : json_loads(task, 0, NULL);
	const json_t *config = json_object_get(document, "config");

	check(json_number_value(json_object_get(json_object_get(config, "dp_adaptive_clip"), "quantile")) == 0.5 &&
		  strcmp(json_string_value(json_object_get(config, "dp_mode")), "distributed") == 0, "the trainer's task has all of it");
	json_decref(document);
	free(task);
	fed_plan_free(&plan);
	server_free(server);
}

int
main(void)
{
	test_fixed();
	test_adaptive();
	test_colluding();
	test_refusals();
	test_task();
	return checks_done();
}
