/*
 * secagg_task_attack_test.c
 *		Lies of a server before an Island advertises: C1 to C6.
 */
#include "secagg_lies.h"

/* One change: of the text, of the part of secure aggregation, or of the task around it. */
static struct
{
	const char *old;			/* of the text; NULL: none */
	const char *new;
	const char *key;			/* of the part, or with a '.' before it of the task; NULL: none */
	const char *value;			/* JSON */
}			change;

static void
change_task(Server *server, json_t *task)
{
	json_t	   *value = change.key == NULL ? NULL : json_loads(change.value, JSON_DECODE_ANY, NULL);

	if (change.old != NULL)
		replace(server, task, change.old, change.new);
	if (change.key != NULL && change.key[0] == '.')
		json_object_set_new(task, change.key + 1, value);
	else if (change.key != NULL)
		json_object_set_new(secagg_of(task), change.key, value);
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
raise_both_rounds(Server *server, json_t *task)
{
	json_object_set_new(task, "round", json_integer(server->total_rounds + 1));
	json_object_set_new(secagg_of(task), "round", json_integer(server->total_rounds + 1));
}

static bool
refuses_lie(Server *server, void (*lie_told) (Server *server, json_t *task), int number)
{
	lies(server, "next_task", -1, lie_told);
	return refuses(&server->hosts[0], number);
}

/* C1 to C4, of an Island that has an identity and sees the session for the first time. */
static void
test_task_lies(void)
{
	static const struct
	{
		const char *old;
		const char *new;
		const char *key;
		const char *value;
		int			number;
		const char *what;
	}			cases[] = {
		{"secagg_mode=s:active", "secagg_mode=s:semi_honest", "mode", "\"semi_honest\"", 1,
		"8: semi_honest to an Island that has an identity"},
		{NULL, NULL, "mode", "\"semi_honest\"", 3, "8: a mode that is not the text's"},
		{"secagg_mode=s:active", "secagg_mode=s:passive", NULL, NULL, 2, "8: a mode that does not exist"},
		{"batch_size=i:32\n", "batch_size=i:32\nbatch_size_really=i:1\n", NULL, NULL, 2, "10: a key that nobody knows"},
		{"aggregation=s:mean\nalgorithm=s:fed_avg\n", "algorithm=s:fed_avg\naggregation=s:mean\n", NULL, NULL, 2,
		"10: lines out of order"},
		{"batch_size=i:32\n", "batch_size=i:32\nbatch_size=i:32\n", NULL, NULL, 2, "10: a line twice"},
		{"learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:7ff8000000000000", NULL, NULL, 2, "10: a number that is none"},
		{"learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:7ff0000000000000", NULL, NULL, 2, "10: an infinite number"},
		{"learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:8000000000000000", NULL, NULL, 2, "10: a zero with a sign"},
		{"learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:3F50624DD2F1A9FC", NULL, NULL, 2, "10: the same number in other digits"},
		{"batch_size=i:32\n", "batch_size=i:032\n", NULL, NULL, 2, "10: the same integer in other digits"},
		{"workload=s:support-bot\n", "workload=s:support-bot", NULL, NULL, 2, "10: a last line without its end"},
		{"batch_size=i:32\n", "batch_size=i:32\r\n", NULL, NULL, 2, "10: lines with another end"},
		{"secagg_range=f:3ff0000000000000\n", "", NULL, NULL, 2, "a text without its range"},
		{"secagg_range=f:3ff0000000000000", "secagg_range=i:1", NULL, NULL, 2, "a range of another type"},
		{"secagg_range=f:3ff0000000000000", "secagg_range=f:7fe0000000000000", NULL, NULL, 2, "a range that leaves nothing of an update"},
		{"secagg_max_cohort=i:3", "secagg_max_cohort=i:200", "n_max", "200", 2, "17: more Islands than the protocol has"},
		{"secagg_max_cohort=i:3", "secagg_max_cohort=i:129", "n_max", "129", 2, "17: or one more"},
		{"min_updates=i:3", "min_updates=i:0", "min_updates", "0", 2, "11: no updates at all"},
		{"secure_aggregation=b:1", "secure_aggregation=b:0", NULL, NULL, 2, "a text that has it off"},
		{"protocol=s:fsa1", "protocol=s:fsa2", NULL, NULL, 2, "another protocol"},
		{"workload=s:support-bot", "workload=s:other", NULL, NULL, 2, "a text of another workload"},
		{"total_rounds=i:10", "total_rounds=i:1000", NULL, NULL, 2, "a text of more rounds than the task says"},
		{NULL, NULL, "Q", "2147483647", 3, "21: a larger Q"},
		{NULL, NULL, "noise_var", "1", 3, "21: a noise that the text does not have"},
		{NULL, NULL, "aux_noise_var", "1", 3, "21: the same of the aux values"},
		{NULL, NULL, "clip", "0.5", 3, "21: a clip that the text does not have"},
		{NULL, NULL, "n_max", "200", 3, "17: more Islands than the text has"},
		{NULL, NULL, "n_cap", "1000", 3, "10: another cap on samples than the text's"},
		{NULL, NULL, "W_cap", "1048577", 3, "another largest weight"},
		{NULL, NULL, "weights", "\"hidden\"", 3, "weights that are not the text's"},
		{NULL, NULL, "metrics", "\"visible\"", 3, "metrics that are not the text's"},
		{NULL, NULL, "aux_len", "3", 3, "fewer aux values than the text has"},
		{NULL, NULL, "slice_values", "8", 3, "slices of another length"},
		{NULL, NULL, "min_updates", "1", 3, "11: fewer updates than the text needs"},
		{NULL, NULL, "max_attempts", "100", 3, "24: more attempts than the text has"},
		{NULL, NULL, "vectors", "[]", 3, "an update without its vector"},
		{NULL, NULL, "vectors", "[{\"stream\":0,\"d\":49,\"R\":1.0}]", 3, "a shorter vector"},
		{NULL, NULL, "vectors", "[{\"stream\":0,\"d\":50,\"R\":2.0}]", 3, "another range"},
		{NULL, NULL, "vectors", "[{\"stream\":1,\"d\":50,\"R\":1.0}]", 3, "another stream: that of the aux values"},
		{NULL, NULL, "vectors", "[{\"stream\":0,\"d\":50,\"R\":1.0},{\"stream\":2,\"d\":50,\"R\":1.0}]", 3, "a second vector"},
		{NULL, NULL, ".parameters", "49", 3, "a task of a shorter model"},
		{NULL, NULL, "attempt", "4", 4, "24: an attempt too many"},
		{NULL, NULL, "attempt", "0", 4, "18: an attempt before the first"},
		{NULL, NULL, "round", "0", 4, "18: a round before the first"},
		{NULL, NULL, "round", "2", 4, "18: a round that is not the task's"},
		{NULL, NULL, "round", "4294967297", 4, "18: a round that 32 bits do not hold"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(3, true, 50);

		change.old = cases[i].old;
		change.new = cases[i].new;
		change.key = cases[i].key;
		change.value = cases[i].value;
		check(refuses_lie(server, change_task, cases[i].number), cases[i].what);
		server_free(server);
	}
}

static void
test_other_task_lies(void)
{
	Server	   *server = server_new(3, true, 50);

	check(refuses_lie(server, other_tensors, 3), "a text of another model");
	check(refuses_lie(server, raise_both_rounds, 4), "18: a round after the last");
	server->tamper = NULL;
	server->evaluation = true;
	server->round = server->total_rounds + 2;
	check(refuses(&server->hosts[0], 4), "18: nor is anything evaluated two rounds after the last");
	server->evaluation = false;
	server->round = 1;
	server->hosts[0].member.identity = NULL;
	check(refuses(&server->hosts[0], 1), "an active session wants an identity");
	server_free(server);
}

/* The same session16 in c0 under another name on the disk would be another session to all that is remembered. */
static void
test_other_name(void)
{
	Server	   *server = at(STAGE_DONE, 3);
	Host	   *host = &server->hosts[0];
	Snapshot	before = snapshot(host);
	Snapshot	after;

	forget_attempt(server);
	server->session_id[1] = 'F';
	check(!idle_step(host) && err.kind == FED_ERR_PROTOCOL && strstr(err.message, "session_id") != NULL,
		  "25: a session that was revealed in, in other letters");
	after = snapshot(host);
	check(memcmp(&before, &after, sizeof(before)) == 0, "25: leaves no trace");
	err = (FedError) {0};
	server_free(server);
}

/* C3 once more: what was advertised for is what is trained on, and what is advertised for again. */
static void
test_model_exchanged(void)
{
	Server	   *server = server_new(3, true, 50);
	Host	   *host = &server->hosts[0];

	server->other_model[3] = 7;
	check(idle_step(host) && host->advertised, "an Island advertises");
	host->model = server->other_model;
	check(refuses(host, 3), "it does not train on another model then");
	host->advertised = false;
	check(refuses(host, 3), "nor does it advertise the same attempt for it");
	host->model = server->model;
	check(idle_step(host) && host->advertised, "for its own it does");
	server_free(server);
}

/* What a trainer's watch does when another model comes with the next attempt. */
static void
exchange_model(Host *host)
{
	FedMemberWork work = {fetch, train, host};
	FedTask    *task = NULL;

	host->during = NULL;
	new_attempt(host->server);
	host->model = host->server->other_model;
	check(fed_next_task(&host->t, NULL, &task, &err) && fed_member_meanwhile(&host->member, task, &work, &err) && host->advertised,
		  "while an Island trains, it advertises for another model");
	fed_task_free(task);
}

/* What was trained on one is no update of the other, and must not be kept as that. */
static void
test_model_exchanged_meanwhile(void)
{
	Server	   *server = server_new(3, true, 50);
	Host	   *host = &server->hosts[0];
	char		path[160];

	server->other_model[3] = 7;
	check(idle_step(host) && host->advertised, "an Island advertises");
	host->during = exchange_model;
	check(!idle_step(host) && host->trained == 1 && strncmp(err.message, "secure aggregation C3: ", 23) == 0,
		  "what it then has trained on the first is refused");
	snprintf(path, sizeof(path), "%s/%s/kept.json", host->root, server->session_id);
	check(access(path, F_OK) != 0, "and not kept");
	err = (FedError) {0};
	new_attempt(server);
	host->model = server->model;
	check(run_until(server, STAGE_DONE, &err) && host->trained == 2, "it is made when the first model comes again");
	err = (FedError) {0};
	server_free(server);
}

/* C1 and C6. number 0: nothing is refused. */
static void
test_policy(void)
{
	static const struct
	{
		const char *policy;
		int			number;
		bool		active;
		int			n_max;
		const char *weights;
		const char *metrics;
	}			cases[] = {
		{"{\"secagg_mode\": \"active\"}", 1, false, 4, "declared", "masked"},
		{"{\"secagg_mode\": \"active\"}", 0, true, 4, "declared", "masked"},
		{"{\"min_cohort\": 3, \"secagg_weights\": \"hidden\"}", 6, true, 4, "declared", "masked"},
		{"{\"min_cohort\": 3, \"secagg_weights\": \"hidden\"}", 0, true, 4, "hidden", "masked"},
		{"{\"secagg_metrics\": \"none\"}", 6, true, 4, "declared", "masked"},
		{"{\"secagg_metrics\": \"masked\"}", 6, true, 4, "declared", "visible"},
		{"{\"secagg_metrics\": \"masked\"}", 0, true, 4, "declared", "none"},
		{"{\"min_cohort\": 4}", 6, true, 3, "declared", "masked"},
		{"{\"min_cohort\": 4}", 0, true, 4, "declared", "masked"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(4, cases[i].active, 50);
		Host	   *host = &server->hosts[0];

		server->n_max = cases[i].n_max;
		server->weights = cases[i].weights;
		server->metrics = cases[i].metrics;
		write_text(server);
		give_policy(host, cases[i].policy);
		check(cases[i].number > 0 ? refuses(host, cases[i].number) : idle_step(host) && host->advertised, cases[i].policy);
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
	Host	   *host = &server->hosts[0];

	new_attempt(server);
	check(idle_step(host), "a second attempt is begun");
	host->advertised = false;
	server->attempt = 1;
	check(refuses(host, 4), "18: attempt 1 after attempt 2");
	new_round(server);
	check(idle_step(host), "another round is begun");
	host->advertised = false;
	server->round = 1;
	check(refuses(host, 4), "18: round 1 after round 2");
	server->attempt = 3;
	check(refuses(host, 4), "18: nor a later attempt of round 1");
	server->round = 2;
	server->attempt = 1;
	server->over = true;
	check(idle_step(host), "the session is over, and the attempt is given up");
	server->over = false;
	check(refuses(host, 4), "18: it is not begun again with other keys");
	server_free(server);
}

/* Another session on the same model, by a server that counts from the beginning. */
static void
new_session(Server *server, char digit)
{
	forget_attempt(server);
	server->session_id[0] = digit;
	server->attempt = 1;
}

static void
test_many_sessions(void)
{
	Server	   *server = at(STAGE_DONE, 3);
	Host	   *host = &server->hosts[0];

	new_session(server, '0');
	give_policy(host, "{\"max_reveals_per_base\": 1}");
	check(refuses(host, 5), "25: a new session on the same model is refused under a policy that counts them");
	host->member.policy = NULL;
	check(run_until(server, STAGE_DONE, &err) && host->reveal_len > 0, "25: without one it is another question, and answered");
	new_session(server, '1');
	give_policy(host, "{\"max_reveals_per_base\": 2}");
	check(refuses(host, 5), "25: both were counted");
	give_policy(host, "{\"max_reveals_per_base\": 3}");
	check(idle_step(host) && host->advertised, "25: and no more than both");
	host->member.policy = NULL;
	check(run_until(server, STAGE_REVEAL, &err), "25: the third session comes as far as the reveal");
	give_policy(host, "{\"max_reveals_per_base\": 2}");
	check(refuses(host, 5), "25: where they are counted again: sessions may run side by side");
	give_policy(host, "{\"max_reveals_per_base\": 3}");
	check(idle_step(host) && host->reveal_len > 0, "25: the third is answered where three are allowed");
	host->reveal_len = 0;
	check(idle_step(host) && host->reveal_len > 0, "25: and answered again, which is no fourth");
	server_free(server);
}

/* Whether host advertises, in an attempt for which it makes new keys. */
static bool
begins(Host *host)
{
	uint8_t		before[FED_ADV_BYTES];
	uint8_t		zero[FED_ADV_BYTES] = {0};
	char		path[160];
	FedState	state;
	bool		known;

	snprintf(path, sizeof(path), "%s/%s", host->root, host->server->session_id);
	known = fed_state_load(path, host->server->session_id, &state, NULL);
	memcpy(before, state.own, sizeof(before));
	return known && memcmp(before, zero, sizeof(zero)) != 0 && idle_step(host) && host->advertised &&
		memcmp(before + FED_PID_BYTES, host->adv + FED_PID_BYTES, sizeof(before) - FED_PID_BYTES) != 0;
}

/*
 * Twelve Islands, t = 9. Nine reveal; the other three are told that the attempt
 * has failed, and are asked again among themselves.
 */
static void
test_split_cohort(void)
{
	Server	   *server = at(STAGE_REVEAL, 12);
	char		path[160];
	FedState	state;

	for (int i = 0; i < 9; i++)
		check(idle_step(&server->hosts[i]) && server->hosts[i].reveal_len > 0, "24: one of nine reveals in attempt 1");
	new_attempt(server);
	for (int i = 0; i < 9; i++)
		check(refuses(&server->hosts[i], 5), "24: and takes no part in attempt 2");
	check(begins(&server->hosts[9]) && begins(&server->hosts[10]), "24: two of the others do, with new keys");
	next_stage(server);
	check(refuses(&server->hosts[9], 7) && refuses(&server->hosts[10], 7), "24: but two are no roster");
	new_attempt(server);
	check(begins(&server->hosts[9]) && begins(&server->hosts[10]) && begins(&server->hosts[11]), "24: attempt 3 has all three");
	for (int i = 0; i < 9; i++)
		check(refuses(&server->hosts[i], 5), "24: and none of the nine");
	next_stage(server);
	for (int i = 0; i < 9; i++)
		server->hosts[i].alive = false;
	check(run_until(server, STAGE_AGREE, &err), "24: the three share and upload");
	snprintf(path, sizeof(path), "%s/%s", server->hosts[9].root, server->session_id);
	check(fed_state_load(path, server->session_id, &state, &err) && state.n == 3 && state.t == 3,
		  "24: the threshold is that of three, whatever it was of twelve");
	check(idle_step(&server->hosts[9]) && idle_step(&server->hosts[10]), "24: two of them sign");
	next_stage(server);
	for (int i = 9; i < 12; i++)
		check(refuses(&server->hosts[i], 17), "24: which is less than the attempt's own t");
	new_attempt(server);
	for (int i = 0; i < 12; i++)
		check(refuses(&server->hosts[i], 4), "24: attempt 4 is one too many for all");
	server_free(server);
}

/* A task of such a session that wants an update without masks. */
static void
test_open_task(void)
{
	Server	   *server = at(STAGE_MASK, 3);
	FedTask		task = {.secure_aggregation = true};
	char		path[160];

	snprintf(task.session_id, sizeof(task.session_id), "%s", server->session_id);
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err) && strstr(err.message, "C1: ") != NULL,
		  "an update without masks is refused");
	task.secure_aggregation = false;
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err) && strstr(err.message, "C1: ") != NULL,
		  "also when the server says that its session has none of it");
	remove_file(&server->hosts[0], "state");
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err) && strstr(err.message, "C1: ") != NULL,
		  "and when the state is lost that spoke of it");
	task.session_id[0] = 'f';
	snprintf(path, sizeof(path), "%s/%s", server->hosts[0].root, task.session_id);
	check(fed_member_may_be_open(&server->hosts[0].member, &task, &err) && access(path, F_OK) != 0,
		  "a session that never had it is left alone");
	server_free(server);
	server = at(STAGE_MASK, 3);
	task.secure_aggregation = true;
	snprintf(task.session_id, sizeof(task.session_id), "%s", server->session_id);
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
	test_other_task_lies();
	test_other_name();
	test_model_exchanged();
	test_model_exchanged_meanwhile();
	test_policy();
	test_later_text();
	test_order();
	test_many_sessions();
	test_split_cohort();
	test_open_task();
	return checks_done();
}
