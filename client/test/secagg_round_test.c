/*
 * secagg_round_test.c
 *		Whole rounds of secure aggregation among real Islands: the sum is exact, whoever is lost.
 */
#include "check.h"
#include "lib/secagg/masked.h"
#include "secagg_sum.h"

static FedError err;

static bool
round_completes(Server *server)
{
	return run_until(server, STAGE_DONE, &err) && sum_is_exact(server);
}

static void
complain(void)
{
	if (err.message[0] != '\0')
		printf("# %s\n", err.message);
	err = (FedError) {0};
}

static void
test_sizes(void)
{
	static const struct
	{
		int			n;
		bool		active;
		uint64_t	n_values;
		const char *what;
	}			cases[] = {
		{3, true, 50, "3 Islands, active"},
		{5, true, 50, "5 Islands, active"},
		{3, false, 50, "3 Islands, semi_honest"},
		{5, false, 50, "5 Islands, semi_honest"},
		{3, true, MAX_VALUES, "3 Islands, an update of two slices"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(cases[i].n, cases[i].active, cases[i].n_values);

		check(round_completes(server), cases[i].what);
		complain();
		server_free(server);
	}
}

/* At which stage the last Island is lost, and whether its update counts. */
static void
test_drop_outs(void)
{
	static const struct
	{
		Stage		before;
		bool		in_sum;
		const char *what;
	}			cases[] = {
		{STAGE_SHARE, false, "one of 5 lost before sharing"},
		{STAGE_MASK, false, "one of 5 lost after sharing"},
		{STAGE_AGREE, true, "one of 5 lost after its commit: it counts"},
		{STAGE_REVEAL, true, "one of 5 lost after signing: it counts"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(5, true, 50);
		Host	   *lost = &server->hosts[4];
		bool		ok = run_until(server, cases[i].before, &err);

		lost->alive = false;
		check(ok && round_completes(server) && fed_set_has(&server->u3, lost->u) == cases[i].in_sum, cases[i].what);
		complain();
		server_free(server);
	}
}

static void
test_two_lost(void)
{
	Server	   *server = server_new(7, true, 50);
	bool		idle;

	check(run_until(server, STAGE_SHARE, &err), "39: seven advertise");
	server->hosts[5].alive = false;
	check(run_until(server, STAGE_MASK, &err), "one is lost before sharing");
	server->hosts[6].alive = false;
	check(round_completes(server) && fed_set_size(&server->u3) == 5, "one after: the sum is that of five");
	complain();
	server_free(server);

	server = server_new(7, true, 50);
	check(run_until(server, STAGE_SHARE, &err), "40: seven advertise");
	server->hosts[4].alive = false;
	check(run_until(server, STAGE_MASK, &err), "one is lost before sharing");
	server->hosts[5].alive = false;
	server->hosts[6].alive = false;
	check(run_until(server, STAGE_AGREE, &err) && fed_set_size(&server->u3) == 4, "two after: four are left");
	check(!host_step(&server->hosts[0], &idle, &err) && strstr(err.message, "C14: ") != NULL, "for whom nobody signs");
	err = (FedError) {0};
	server_free(server);
}

/* What the server sees beside the sum. */
static void
test_openness(void)
{
	Server	   *server = server_new(3, true, 50);
	uint32_t	sum[50];
	uint32_t	aux[FED_MAX_AUX];
	FedQuantiser metric = {1, INT32_MAX / 3, 0, FED_W_CAP};

	check(round_completes(server) && server->hosts[1].num_samples == 35, "declared: sample counts are sent");
	check(strcmp(server->hosts[1].metrics, "{}") == 0 && server_sum(server, sum, aux), "masked: metrics are not");
	check(fed_aux_metric_mean(&metric, aux + FED_AUX_METRICS) > 0.4999999 &&
		  fed_aux_metric_mean(&metric, aux + FED_AUX_METRICS) < 0.5000001, "but their average is in the sum");
	metric.R = 10;
	check(fed_aux_metric_mean(&metric, aux + FED_AUX_METRICS + 2) > 2.499999 &&
		  fed_aux_metric_mean(&metric, aux + FED_AUX_METRICS + 2) < 2.500001, "each under its bound");
	check(aux[FED_AUX_CLAMPED] == 0, "nothing was clamped");
	server_free(server);

	server = server_new(3, true, 50);
	server->weights = "hidden";
	server->metrics = "visible";
	for (int i = 0; i < 3; i++)
		server->hosts[i].scale = 1.5;
	write_text(server);
	check(round_completes(server) && server->hosts[1].num_samples == -1, "hidden: sample counts are not sent");
	check(strstr(server->hosts[1].metrics, "0.5") != NULL, "visible: metrics are");
	check(server_sum(server, sum, aux) && aux[FED_AUX_CLAMPED] > 0, "values beyond the range are clamped, and counted");
	complain();
	server_free(server);
}

/* Whether a file of an Island's session is there. */
static bool
has_file(const Host *host, const char *name)
{
	char		path[160];

	snprintf(path, sizeof(path), "%s/%s/%s", host->root, host->server->session_id, name);
	return access(path, F_OK) == 0;
}

static void
test_retry(void)
{
	Server	   *server = server_new(3, true, 50);
	uint8_t		first[FED_ADV_BYTES];
	uint8_t		update[16];

	check(run_until(server, STAGE_AGREE, &err), "an attempt comes as far as the freeze");
	memcpy(first, server->hosts[0].adv, FED_ADV_BYTES);
	memcpy(update, server->hosts[0].update, sizeof(update));
	new_attempt(server);
	memset(server->hosts[0].update, 0, sizeof(update));
	check(round_completes(server), "it is given up, and the next one completes");
	check(memcmp(first, server->hosts[0].adv, FED_ADV_BYTES) != 0, "with other keys");
	check(memcmp(update, server->hosts[0].update, sizeof(update)) != 0, "and other masks");
	check(server->hosts[0].trained == 1, "over the same integers: nothing was trained again");
	check(!has_file(&server->hosts[0], "secrets"), "keys are gone once shares are given away");
	complain();
	new_round(server);
	check(round_completes(server) && server->hosts[0].trained == 2, "the next round trains again");
	complain();
	server_free(server);
}

static void
test_end(void)
{
	Server	   *server = server_new(3, true, 50);
	bool		idle;

	check(run_until(server, STAGE_MASK, &err) && has_file(&server->hosts[0], "secrets"), "keys are there while they are needed");
	server->over = true;
	check(host_step(&server->hosts[0], &idle, &err) && !has_file(&server->hosts[0], "secrets") &&
		  !has_file(&server->hosts[0], "kept"), "keys and integers are gone when the session is over");
	server_free(server);
}

/* Dies when a file has its new contents, durably. */
static bool
die_synced(const char *place, FedError *why)
{
	return strcmp(place, "synced") != 0 || fed_error_set(why, FED_ERR_STOPPED, "killed at %s", place);
}

/* Integers are not left behind by an attempt that is no more. */
static void
test_end_in_two(void)
{
	Server	   *server = server_new(3, true, 50);
	Host	   *host = &server->hosts[0];
	bool		idle;

	check(run_until(server, STAGE_MASK, &err) && has_file(host, "kept"), "integers are there while they are needed");
	server->over = true;
	fed_fault_hook = die_synced;
	check(host_step(host, &idle, &err), "an Island dies while it gives the attempt up");
	fed_fault_hook = NULL;
	check(host_step(host, &idle, &err) && !has_file(host, "secrets") && !has_file(host, "kept") && !has_file(host, "kept.json"),
		  "keys and integers are gone when it has looked again");
	server_free(server);
}

static void
test_evaluation(void)
{
	Server	   *server = server_new(3, true, 50);
	uint32_t	sum[50];
	uint32_t	aux[FED_MAX_AUX];

	server->evaluation = true;
	server->round = server->total_rounds + 1;
	check(run_until(server, STAGE_DONE, &err) && server_sum(server, sum, aux) && aux[FED_AUX_COUNT] == 3,
		  "what is only evaluated has no vector, and its metrics are summed");
	complain();
	server_free(server);
}

/* An envelope that is damaged on the way, to one Island. */
static void
damage_envelope(Server *server, Host *to, const char *function, json_t *answer)
{
	json_t	   *first = json_array_get(json_object_get(answer, "envelopes"), 0);

	(void) server;
	if (to->number == 0 && strcmp(function, "secagg_inbox") == 0)
		json_object_set_new(first, "envelope", json_string("00"));
}

static void
test_complaint(void)
{
	Server	   *server = server_new(5, true, 50);

	server->tamper = damage_envelope;
	check(round_completes(server) && fed_set_size(&server->hosts[0].complained) == 1 &&
		  server->hosts[0].reveal_len == 4 * FED_REVEAL_BYTES, "an envelope that does not open is complained of, and nothing revealed for it");
	complain();
	server_free(server);
}

/* What a trainer's watch does. */
static void
look(Host *host)
{
	FedMemberWork callbacks = {fetch, train, host};
	FedTask    *task = NULL;

	if (!fed_next_task(&host->t, NULL, &task, &err) || task == NULL || !fed_member_meanwhile(&host->member, task, &callbacks, &err))
		complain();
	fed_task_free(task);
}

/* The first Island trains so long that one attempt is given up and the next has all its shares. */
static void
train_long(Host *host)
{
	Server	   *server = host->server;

	host->during = NULL;
	host->alive = false;
	for (int attempt = 1; attempt <= 2; attempt++)
	{
		if (attempt == 2)
			new_attempt(server);
		look(host);
		if (!run_stage(server, &err))
			complain();
		next_stage(server);
		look(host);
		if (!run_stage(server, &err))
			complain();
	}
	next_stage(server);
	host->alive = true;
}

static void
test_meanwhile(void)
{
	Server	   *server = server_new(3, true, 50);
	Host	   *host = &server->hosts[0];

	host->during = train_long;
	check(run_stage(server, &err) && server->stage == STAGE_MASK && server->attempt == 2 && host->shared,
		  "keys and shares of two attempts are sent while the trainer runs");
	complain();
	check(round_completes(server) && host->trained == 1, "and what it made is summed in the second");
	complain();
	server_free(server);
}

/* Its trainer is started when masks are due, and outlasts the attempt: it has keys, then shares, of the next one. */
static void
outlast_attempt(Host *host)
{
	host->during = NULL;
	new_attempt(host->server);
	look(host);
	if (host->number == 0)
		return;
	host->alive = false;
	if (!run_stage(host->server, &err))
		complain();
	next_stage(host->server);
	host->alive = true;
	look(host);
}

/* Nothing of the first attempt's update may leave under the second one's keys, whose masks are not known yet. */
static void
test_outlasted(int number)
{
	Server	   *server = server_new(3, true, 50);
	Host	   *host = &server->hosts[number];
	uint32_t	sum[50];
	uint32_t	aux[FED_MAX_AUX];
	bool		idle;

	host->alive = false;
	for (int stage = 0; stage < 2; stage++)
	{
		look(host);
		if (!run_stage(server, &err))
			complain();
		next_stage(server);
	}
	host->alive = true;
	host->during = outlast_attempt;
	check(host_step(host, &idle, &err) && host->trained == 1 && server->attempt == 2 && !host->has_slice[0] && !host->committed &&
		  host->aux_len == 0, "an update that was trained when its attempt is over is not sent");
	complain();
	check(run_until(server, STAGE_DONE, &err) && server_sum(server, sum, aux) && aux[FED_AUX_COUNT] == 3 && host->trained == 1,
		  "but in the next one, under its masks");
	complain();
	server_free(server);
}

/* Without peers there is no mask that lasts. */
static void
test_alone(void)
{
	static uint8_t bytes[8];
	FedKept		kept = {.q = {.data = bytes, .len = sizeof(bytes)}};
	FedState	state = {.progress = FED_PROGRESS_ROSTER, .n = 3, .t = 2, .u = 1};
	FedSecrets	secrets;

	check(fed_secrets_make(&secrets, &err) && !fed_masked_make("/nonexistent", &kept, &secrets, &state, &err) &&
		  strncmp(err.message, "secure aggregation C11: ", 24) == 0, "integers are not masked before U2 is known");
	err = (FedError) {0};
	state.progress = FED_PROGRESS_INBOX;
	fed_set_add(&state.u2, 1);
	check(!fed_masked_make("/nonexistent", &kept, &secrets, &state, &err) &&
		  strncmp(err.message, "secure aggregation C11: ", 24) == 0, "nor for this Island alone");
	err = (FedError) {0};
	fed_secrets_wipe(&secrets);
}

int
main(void)
{
	test_sizes();
	test_drop_outs();
	test_two_lost();
	test_openness();
	test_retry();
	test_end();
	test_end_in_two();
	test_evaluation();
	test_complaint();
	test_meanwhile();
	test_outlasted(0);
	test_outlasted(1);
	test_alone();
	return checks_done();
}
