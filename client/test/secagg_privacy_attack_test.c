/*
 * secagg_privacy_attack_test.c
 *		A server that lies about the noise that Islands add themselves, and what an
 *		Island spends whatever it says.
 */
#include "check.h"
#include "secagg_lies.h"
#include "secagg_sum.h"

static void
set_number(json_t *task, const char *key, json_t *value)
{
	json_object_set_new(secagg_of(task), key, value);
}

static void
little_noise(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "noise_var", json_integer(1));
}

static void
no_noise_of_count(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "aux_noise_var", json_integer(0));
}

static void
larger_grid(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "Q", json_integer(1 << 25));
}

static void
other_range(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_array_get(json_object_get(secagg_of(task), "vectors"), 0), "R", json_real(0.75));
}

static void
other_clip(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "clip", json_real(0.75));
}

static void
no_clip(Server *server, json_t *task)
{
	other_clip(server, task);
	json_object_set_new(json_array_get(json_object_get(secagg_of(task), "vectors"), 0), "R", json_real(-1));
	set_number(task, "clip", json_real(-1));
}

static void
declared_weights(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "weights", json_string("declared"));
}

static void
count_of_updates(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "aux_len", json_integer(3));
}

static void
promise_more(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_sigma", json_real(100));
}

static void
promise_none(Server *server, json_t *task)
{
	(void) server;
	json_object_del(json_object_get(task, "config"), "dp_sigma");
	json_object_del(json_object_get(task, "config"), "dp_mode");
}

static void
promise_central(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_mode", json_string("central"));
}

static void
promise_other_norm(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_clip_norm", json_real(0.25));
}

static void
promise_noise(Server *server, json_t *task)
{
	json_object_set_new(json_object_get(task, "config"), "dp_sigma", json_real(1));
	json_object_set_new(json_object_get(task, "config"), "dp_mode", json_string("distributed"));
	(void) server;
}

static void
less_divisor(Server *server, json_t *task)
{
	replace(server, task, "dp_divisor=f:4008000000000000", "dp_divisor=f:4000000000000000");
}

static void
evaluate(Server *server, json_t *task)
{
	json_object_set_new(task, "kind", json_string("evaluate"));
	json_object_set_new(task, "round", json_integer(server->total_rounds));
	set_number(task, "round", json_integer(server->total_rounds + 1));
	set_number(task, "vectors", json_array());
}

static void
test_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *task);
		bool		adaptive;
		int			number;
		const char *what;
	}			cases[] = {
		{little_noise, false, 3, "21: noise of variance 1"},
		{little_noise, true, 3, "21: the same, with adaptive clipping"},
		{no_noise_of_count, true, 3, "21: no noise in the count"},
		{larger_grid, false, 3, "21: more steps"},
		{other_range, true, 3, "21: a range that is not the clip norm"},
		{other_clip, false, 3, "21: a clip norm that is not the text's"},
		{other_clip, true, 3, "21: and one without the range"},
		{no_clip, true, 3, "21: a clip norm below 0"},
		{declared_weights, false, 3, "weights"},
		{count_of_updates, false, 3, "counts beside the sum"},
		{promise_more, false, 2, "21: a promise of more noise than the text has"},
		{promise_none, false, 2, "a task without privacy and a text with it"},
		{promise_central, false, 2, "another mode than the text's"},
		{promise_other_norm, false, 2, "another clip norm than the text's"},
		{evaluate, false, 3, "an evaluation under masks"},
		{evaluate, true, 3, "which would give the count away once more"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = private_server(3, cases[i].adaptive, 50);

		lies(server, "next_task", -1, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

static void
test_other_lies(void)
{
	Server	   *server = server_new(3, true, 50);

	lies(server, "next_task", -1, promise_noise);
	check(refuses(&server->hosts[0], 2), "21: a promise of noise, and a text without it");
	server_free(server);
	server = private_server(3, true, 50);
	check(run_until(server, STAGE_DONE, &err), "a round completes");
	new_round(server);
	server->clip = 0.6;
	lies(server, "next_task", 0, less_divisor);
	check(refuses(&server->hosts[0], 2), "21: another divisor in the next");
	lies(server, "next_task", 1, other_clip);
	server->clip = 0.75;
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "and another clip norm is what adaptive clipping is for");
	complain();
	server_free(server);
}

/* A victim that is told another clip norm is alone with it: nobody's signature is for its c0. */
static void
victim_clip(Server *server, json_t *task)
{
	other_clip(server, task);
	other_range(server, task);
}

static void
test_victim(void)
{
	Server	   *server = private_server(3, true, 50);

	lies(server, "next_task", 0, victim_clip);
	check(run_stage(server, &err), "10: one Island is told another clip norm");
	next_stage(server);
	check(refuses(&server->hosts[0], 9), "and finds no signature for it");
	server_free(server);
}

static void
hold_to(Host *host, FedPolicy *policy)
{
	fed_policy_free(host->policy);
	host->policy = policy;
	host->member.policy = policy;
}

static void
test_policy(void)
{
	static const struct
	{
		const char *policy;
		bool		private;
		bool		allowed;
	}			cases[] = {
		{"{\"max_clip_norm\": 0.49}", true, false},
		{"{\"max_clip_norm\": 0.5}", true, true},
		{"{\"max_clip_norm\": 0.1}", false, true},
		{"{\"min_noise_multiplier\": 1.1}", true, false},
		{"{\"min_noise_multiplier\": 1}", true, true},
		{"{\"require\": [\"local_differential_privacy\"]}", true, false},
		{"{\"require\": [\"differential_privacy\", \"secure_aggregation\"]}", true, true},
		{"{\"require\": [\"differential_privacy\"]}", false, false},
		{"{\"secagg_weights\": \"hidden\", \"secagg_metrics\": \"none\"}", true, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int adaptive = 0; adaptive <= cases[i].private; adaptive++)
		{
			Server	   *server = cases[i].private ? private_server(3, adaptive, 50) : server_new(3, true, 50);

			hold_to(&server->hosts[0], policy_of(cases[i].policy));
			check(server->hosts[0].policy != NULL &&
				  (cases[i].allowed ? idle_step(&server->hosts[0]) : refuses(&server->hosts[0], 6)), cases[i].policy);
			complain();
			server_free(server);
		}
}

/* what it costs: with noise multiplier 1 one update costs 4.72851, two 7.07739 and three 9.00996 */

static void
keep_journal(Host *host, char *path, const char *policy)
{
	snprintf(path, 96, "%s/journal", host->root);
	host->member.journal = path;
	hold_to(host, policy_of(policy));
}

static void
test_budget_of_rounds(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;

	keep_journal(host, path, "{\"lifetime_epsilon\": 7.0774}");
	check(run_until(server, STAGE_DONE, &err) && host->committed, "22: a round within the lifetime budget");
	new_round(server);
	check(run_until(server, STAGE_DONE, &err) && host->committed, "and another");
	complain();
	new_round(server);
	check(refuses(host, 6) && !host->advertised, "and one that would be too much: it does not advertise");
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 2 && spent.local == 0 && spent.stated == 0,
		  "the journal has both");
	server_free(server);
}

static void
test_budget_of_attempts(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;

	keep_journal(host, path, "{\"lifetime_epsilon\": 7.0774}");
	for (int attempt = 1; attempt <= 2; attempt++)
	{
		check(run_until(server, STAGE_AGREE, &err) && host->committed, "24: an attempt comes as far as the freeze, and is given up");
		new_attempt(server);
	}
	complain();
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 2, "each commit costs, though the integers are the same");
	check(refuses(host, 6), "24: a third attempt would be too much");
	hold_to(host, policy_of("{\"lifetime_epsilon\": 9.01}"));
	check(run_until(server, STAGE_DONE, &err) && host->committed && host->trained == 1, "with a larger budget it is done");
	complain();
	server_free(server);
}

/* An update of another session, in the journal. */
static bool
spend_elsewhere(const char *path)
{
	FedTask		other = {.session_id = "other", .round_id = 1, .workload = "digits", .epsilon = -1, .distributed_privacy = true,
	.noise_multiplier = 1};
	FedSpool	spool = {.metrics = "{}", .digest = {1}};

	return fed_journal_sending(path, "x", &other, &spool, &err);
}

static void
test_budget_at_commit(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;
	bool		idle;

	keep_journal(host, path, "{\"lifetime_epsilon\": 4.7286}");
	check(run_until(server, STAGE_MASK, &err) && spend_elsewhere(path), "the budget is spent between keys and update");
	complain();
	/* U2 and the manifest are written down first; the refusal leaves the rest. */
	check(!host_step(host, &idle, &err) && strstr(err.message, "C6: ") != NULL, "22: then the update is not sent");
	check(refuses(host, 6) && !host->has_slice[0] && !host->committed, "nor any part of it");
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 1, "nor is it charged");
	hold_to(host, policy_of("{\"lifetime_epsilon\": 7.0774}"));
	check(host_step(host, &idle, &err) && host->committed, "with a larger budget it is");
	complain();
	host->committed = false;
	host->has_slice[0] = false;
	hold_to(host, policy_of("{\"lifetime_epsilon\": 1}"));
	check(host_step(host, &idle, &err) && host->committed && host->has_slice[0] && fed_journal_spent(path, &spent, &err) &&
		  spent.distributed == 2, "20: asked again for what was sent, it sends that, at no further cost");
	complain();
	server_free(server);
}

/* without masks */

static void
test_open_task(void)
{
	Server	   *server = private_server(3, false, 50);
	FedTask		task = {.secure_aggregation = true, .differential_privacy = true, .distributed_privacy = true, .noise_multiplier = 1};

	snprintf(task.session_id, sizeof(task.session_id), "%s", server->session_id);
	check(run_until(server, STAGE_MASK, &err) && !fed_member_may_be_open(&server->hosts[0].member, &task, &err) &&
		  strstr(err.message, "C1: ") != NULL, "an update without masks is refused");
	task.evaluate_only = true;
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err), "and metrics, where there are none");
	server_free(server);
	server = private_server(3, false, 50);
	server->metrics = "visible";
	write_text(server);
	check(run_until(server, STAGE_MASK, &err) && fed_member_may_be_open(&server->hosts[0].member, &task, &err),
		  "but not metrics that are visible by the text");
	server_free(server);
}

int
main(void)
{
	test_lies();
	test_other_lies();
	test_victim();
	test_policy();
	test_budget_of_rounds();
	test_budget_of_attempts();
	test_budget_at_commit();
	test_open_task();
	return checks_done();
}
