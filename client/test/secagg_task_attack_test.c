/*
 * secagg_task_attack_test.c
 *		Lies of a server before an Island advertises: C1 to C6.
 */
#include "secagg_lies.h"

static void
say_semi_honest(Server *server, json_t *task)
{
	replace(server, task, "secagg_mode=s:active", "secagg_mode=s:semi_honest");
	json_object_set_new(secagg_of(task), "mode", json_string("semi_honest"));
}

static void
say_mode_only(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "mode", json_string("semi_honest"));
}

static void
add_unknown_key(Server *server, json_t *task)
{
	replace(server, task, "batch_size=i:32\n", "batch_size=i:32\nbatch_size_really=i:1\n");
}

static void
unsort(Server *server, json_t *task)
{
	replace(server, task, "aggregation=s:mean\nalgorithm=s:fed_avg\n", "algorithm=s:fed_avg\naggregation=s:mean\n");
}

static void
repeat(Server *server, json_t *task)
{
	replace(server, task, "batch_size=i:32\n", "batch_size=i:32\nbatch_size=i:32\n");
}

static void
put_nan(Server *server, json_t *task)
{
	replace(server, task, "learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:7ff8000000000000");
}

static void
other_protocol(Server *server, json_t *task)
{
	replace(server, task, "protocol=s:fsa1", "protocol=s:fsa2");
}

static void
other_text(Server *server, json_t *task)
{
	replace(server, task, "local_epochs=i:3", "local_epochs=i:4");
}

static void
other_tensors(Server *server, json_t *task)
{
	char		line[128];

	snprintf(line, sizeof(line), "manifest_sha256=s:%s", server->manifest_hex);
	replace(server, task, line, "manifest_sha256=s:0000000000000000000000000000000000000000000000000000000000000000");
}

static void
larger_Q(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "Q", json_integer(INT32_MAX));
}

static void
add_noise(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "noise_var", json_integer(1));
}

static void
n_max_200(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "n_max", json_integer(200));
}

static void
small_slices(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "slice_values", json_integer(8));
}

static void
small_minimum(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "min_updates", json_integer(1));
}

static void
too_high_round(Server *server, json_t *task)
{
	json_object_set_new(task, "round", json_integer(server->total_rounds + 1));
	json_object_set_new(secagg_of(task), "round", json_integer(server->total_rounds + 1));
}

static void
attempt_4(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(secagg_of(task), "attempt", json_integer(4));
}

static void
test_task_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *task);
		int			number;
		const char *what;
	}			cases[] = {
		{say_semi_honest, 1, "8: semi_honest to an Island that has an identity"},
		{say_mode_only, 3, "8: a mode that is not the text's"},
		{add_unknown_key, 2, "10: a key that nobody knows"},
		{unsort, 2, "10: lines out of order"},
		{repeat, 2, "10: a line twice"},
		{put_nan, 2, "10: a number that is none"},
		{other_protocol, 2, "another protocol"},
		{other_tensors, 3, "a text of another model"},
		{larger_Q, 3, "21: a larger Q"},
		{add_noise, 3, "21: a noise that the text does not have"},
		{n_max_200, 3, "17: more Islands than the text has"},
		{small_slices, 3, "slices of another length"},
		{small_minimum, 3, "11: fewer updates than the text needs"},
		{too_high_round, 4, "18: a round after the last"},
		{attempt_4, 4, "24: an attempt too many"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(3, true, 50);

		lies(server, "next_task", -1, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

static FedPolicy *
policy_of(const char *text)
{
	char		path[] = "/tmp/fed-policy-XXXXXX";
	int			fd = mkstemp(path);
	FedPolicy  *policy;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
	policy = fed_policy_load(path, &err);
	unlink(path);
	return policy;
}

static void
test_policy(void)
{
	static const struct
	{
		const char *policy;
		int			number;
		bool		active;
	}			cases[] = {
		{"{\"secagg_mode\": \"active\"}", 1, false},
		{"{\"min_cohort\": 3, \"secagg_weights\": \"hidden\"}", 6, true},
		{"{\"secagg_metrics\": \"none\"}", 6, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(3, cases[i].active, 50);
		FedPolicy  *policy = policy_of(cases[i].policy);

		server->hosts[0].policy = policy;
		server->hosts[0].member.policy = policy;
		check(policy != NULL && refuses(&server->hosts[0], cases[i].number), cases[i].policy);
		server_free(server);
	}
}

static void
test_later_text(void)
{
	Server	   *server = at(STAGE_DONE, 3);

	new_round(server);
	lies(server, "next_task", 0, other_text);
	check(refuses(&server->hosts[0], 2), "10: a text that is not that of the rounds before");
	server->tamper = NULL;
	server->round = 1;
	server->attempt = 2;
	check(refuses(&server->hosts[0], 5), "4: another attempt at what was revealed");
	server->round = 2;
	for (uint64_t i = 0; i < server->n_values; i++)
		server->model[i] = server->other_model[i];
	check(refuses(&server->hosts[0], 5), "another round on the model that was revealed for");
	server_free(server);
}

static void
test_order(void)
{
	Server	   *server = at(STAGE_MASK, 3);

	new_attempt(server);
	check(idle_step(&server->hosts[0]), "a second attempt is begun");
	server->hosts[0].advertised = false;
	server->attempt = 1;
	check(refuses(&server->hosts[0], 4), "18: attempt 1 after attempt 2");
	new_round(server);
	check(idle_step(&server->hosts[0]), "another round is begun");
	server->hosts[0].advertised = false;
	server->round = 1;
	check(refuses(&server->hosts[0], 4), "18: round 1 after round 2");
	server_free(server);
}

static void
test_many_sessions(void)
{
	Server	   *server = at(STAGE_DONE, 3);
	FedPolicy  *policy = policy_of("{\"max_reveals_per_base\": 1}");

	server->session_id[0] = '0';
	forget_attempt(server);
	check(idle_step(&server->hosts[1]), "25: a new session on the same model is another question");
	server->hosts[0].policy = policy;
	server->hosts[0].member.policy = policy;
	check(refuses(&server->hosts[0], 5), "25: but not under a policy that counts them");
	server_free(server);
}

/* A task of such a session that wants an update without masks. */
static void
test_open_task(void)
{
	Server	   *server = at(STAGE_MASK, 3);
	FedTask		task = {.evaluate_only = false};

	snprintf(task.session_id, sizeof(task.session_id), "%s", server->session_id);
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err) && strstr(err.message, "C1: ") != NULL,
		  "an update without masks is refused");
	task.evaluate_only = true;
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err), "and metrics, where they are masked");
	server_free(server);
	server = server_new(3, true, 50);
	server->metrics = "visible";
	write_text(server);
	check(run_until(server, STAGE_MASK, &err) && fed_member_may_be_open(&server->hosts[0].member, &task, &err),
		  "but not metrics that are visible by the text");
	server_free(server);
}

int
main(void)
{
	test_task_lies();
	test_policy();
	test_later_text();
	test_order();
	test_many_sessions();
	test_open_task();
	return checks_done();
}
