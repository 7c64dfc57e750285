/*
 * secagg_attack_test.c
 *		A server that lies, and Islands that refuse: each attack with the check that stops it.
 *
 * "Refuses" is: the check is named, nothing more is sent, and the state on the
 * disk is, byte for byte, what it was.
 */
#include "check.h"
#include "secagg_lies.h"

/* before advertising */

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

/* the roster */

static json_t *
member_of(json_t *roster, size_t i)
{
	return json_array_get(json_object_get(roster, "members"), i);
}

/* Overwrites bytes of a member's hexadecimal adv. */
static void
patch_adv(json_t *member, size_t byte, const char *digits)
{
	char		text[2 * FED_ADV_BYTES + 1];

	snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(member, "adv")));
	memcpy(text + 2 * byte, digits, strlen(digits));
	json_object_set_new(member, "adv", json_string(text));
}

static void
swap_c_pk(Server *server, json_t *roster)
{
	(void) server;
	patch_adv(member_of(roster, 2), FED_PID_BYTES, "0123456789abcdef");
}

/* A stranger, whose name, signature and keys are all good but for the one thing. */
static void
add_stranger(Server *server, json_t *roster)
{
	FedIdentity stranger;
	FedState	state;
	uint8_t		adv[FED_ADV_BYTES];
	uint8_t		signature[FED_SIGNATURE_BYTES];
	char		path[] = "/tmp/fed-stranger-XXXXXX";
	char	   *dir = fed_state_dir(server->hosts[lie.to].root, server->session_id, NULL);
	json_t	   *list = json_object_get(roster, "members");
	size_t		place = 0;

	close(mkstemp(path));
	unlink(path);
	if (!fed_identity_create(path, &stranger, NULL) || !fed_state_load(dir, server->session_id, &state, NULL))
		abort();
	unlink(path);
	free(dir);
	memset(adv, 0x77, sizeof(adv));
	memcpy(adv, stranger.pid, FED_PID_BYTES);
	fed_x25519_public(stranger.seed, adv + FED_PID_BYTES, NULL);
	fed_sign_adv(stranger.seed, state.c0, adv, signature, NULL);
	while (place < json_array_size(list))
	{
		uint8_t		pid[FED_PID_BYTES];
		char		digits[2 * FED_PID_BYTES + 1];

		snprintf(digits, sizeof(digits), "%s", json_string_value(json_object_get(json_array_get(list, place), "adv")));
		fed_hex_decode(digits, pid, sizeof(pid));
		if (memcmp(pid, stranger.pid, sizeof(pid)) > 0)
			break;
		place++;
	}
	json_array_insert_new(list, place, json_pack("{s:i, s:o, s:o, s:o}", "u", 0, "adv", hex(adv, sizeof(adv)), "identity_pk",
												 hex(stranger.public_key, FED_KEY_BYTES), "signature",
												 hex(signature, sizeof(signature))));
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(json_array_get(list, i), "u", json_integer((json_int_t) i + 1));
}

static void
name_another(Server *server, json_t *roster)
{
	(void) server;
	json_object_set_new(member_of(roster, 1), "identity_pk", json_incref(json_object_get(member_of(roster, 0), "identity_pk")));
}

static void
leave_out_own(Server *server, json_t *roster)
{
	json_t	   *list = json_object_get(roster, "members");

	json_array_remove(list, server->hosts[lie.to].u - 1);
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(json_array_get(list, i), "u", json_integer((json_int_t) i + 1));
}

static void
change_own(Server *server, json_t *roster)
{
	patch_adv(member_of(roster, server->hosts[lie.to].u - 1), FED_PID_BYTES, "0123456789abcdef");
}

/* A member's m_pk under another name. */
static void
repeat_key(Server *server, json_t *roster)
{
	uint32_t	own = server->hosts[lie.to].u;
	const char *adv = json_string_value(json_object_get(member_of(roster, own % 4), "adv"));
	char		key[2 * FED_KEY_BYTES + 1];

	snprintf(key, sizeof(key), "%s", adv + 2 * (FED_PID_BYTES + FED_KEY_BYTES));
	patch_adv(member_of(roster, (own + 1) % 4), FED_PID_BYTES + FED_KEY_BYTES, key);
}

static void
low_order(Server *server, json_t *roster)
{
	uint32_t	own = server->hosts[lie.to].u;

	patch_adv(member_of(roster, own % 4), FED_PID_BYTES, "0000000000000000000000000000000000000000000000000000000000000000");
}

static void
swap_members(Server *server, json_t *roster)
{
	json_t	   *list = json_object_get(roster, "members");
	json_t	   *first = json_incref(json_array_get(list, 0));

	(void) server;
	json_array_remove(list, 0);
	json_array_append_new(list, first);
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(json_array_get(list, i), "u", json_integer((json_int_t) i + 1));
}

static void
two_members(Server *server, json_t *roster)
{
	(void) server;
	json_array_remove(json_object_get(roster, "members"), 3);
	json_array_remove(json_object_get(roster, "members"), 2);
}

static void
hundred_thirty(Server *server, json_t *roster)
{
	(void) server;
	for (int i = 4; i < 130; i++)
		json_array_append(json_object_get(roster, "members"), member_of(roster, 0));
}

static void
short_adv(Server *server, json_t *roster)
{
	(void) server;
	json_object_set_new(member_of(roster, 0), "adv", json_string("00"));
}

static void
no_signature(Server *server, json_t *roster)
{
	(void) server;
	json_object_set_new(member_of(roster, 0), "signature", json_null());
}

static void
test_roster_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *roster);
		int			number;
		const char *what;
	}			cases[] = {
		{add_stranger, 9, "12: an Island that nobody has pinned"},
		{swap_c_pk, 9, "13: another c_pk under the old signature"},
		{name_another, 9, "a name that is not the identity's"},
		{no_signature, 9, "a member without a signature"},
		{leave_out_own, 8, "14: a roster without this Island"},
		{change_own, 8, "14: another entry for this Island"},
		{repeat_key, 8, "14: one m_pk under two names"},
		{low_order, 8, "23: a key of low order"},
		{swap_members, 8, "names out of order"},
		{short_adv, 8, "a message that is too short"},
		{two_members, 7, "a roster of two"},
		{hundred_thirty, 7, "17: a roster of 130"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(4, true, 50);

		server->n_max = 5;
		write_text(server);
		if (!run_until(server, STAGE_SHARE, &err))
			printf("# %s\n", err.message);
		/* The last one in the order of names has nobody after it that the lies above would need. */
		lies(server, "secagg_roster", server->by_u[1], cases[i].change);
		check(refuses(host_of(server, 1), cases[i].number), cases[i].what);
		server_free(server);
	}
}

static void
test_roster_again(void)
{
	Server	   *server = at(STAGE_SHARE, 5);
	bool		idle;
	Host	   *host;

	/* Signatures of an earlier attempt: another c0. */
	for (int i = 1; i < 5; i++)
	{
		Host	   *other = &server->hosts[i];

		check(host_step(other, &idle, &err), "an Island shares");
	}
	host = &server->hosts[0];
	check(host_step(host, &idle, &err), "all have the roster");
	host->shared = false;
	/* One member less is a roster, too, but another ctx. */
	server->n = 4;
	if (host->u == 5)
		host = host_of(server, 4), host->shared = false;
	check(refuses(host, 10), "another roster for an attempt that has one");
	server_free(server);
}

static void
test_replayed_adv(void)
{
	Server	   *server = at(STAGE_SHARE, 3);
	Host		old = server->hosts[1];
	bool		idle;

	new_attempt(server);
	for (int i = 0; i < 3; i++)
		check(host_step(&server->hosts[i], &idle, &err), "a second attempt is begun");
	memcpy(server->hosts[1].adv, old.adv, FED_ADV_BYTES);
	memcpy(server->hosts[1].signature, old.signature, FED_SIGNATURE_BYTES);
	next_stage(server);
	check(refuses(&server->hosts[0], 9), "15: a message of the attempt before");
	server_free(server);
}

static void
test_other_model(void)
{
	Server	   *server = server_new(3, true, 50);

	server->other_model[17] += 1e-5f;
	server->hosts[0].model = server->other_model;
	check(run_stage(server, &err), "9: one Island is given a model that differs in one value");
	next_stage(server);
	check(refuses(&server->hosts[1], 9), "the others refuse it");
	check(refuses(&server->hosts[0], 9), "and it the others");
	server_free(server);

	server = server_new(3, false, 50);
	server->hosts[0].model = server->other_model;
	server->other_model[17] += 1e-5f;
	check(run_until(server, STAGE_MASK, &err), "9: in semi_honest mode they all share");
	check(refuses(&server->hosts[0], 12), "but no envelope opens");
	server_free(server);
}

/* the inbox and the sets */

static void
u2_without(Server *server, json_t *inbox)
{
	json_t	   *list = json_object_get(inbox, "u2");

	json_array_remove(list, server->hosts[lie.to].u - 1);
}

static void
u2_small(Server *server, json_t *inbox)
{
	uint32_t	own = server->hosts[lie.to].u;

	json_object_set_new(inbox, "u2", own < 5 ? json_pack("[i, i]", (int) own, 5) : json_pack("[i, i]", 1, 5));
}

static void
u2_stranger(Server *server, json_t *inbox)
{
	(void) server;
	json_array_append_new(json_object_get(inbox, "u2"), json_integer(6));
}

static void
close_envelopes(Server *server, json_t *inbox)
{
	(void) server;
	json_array_clear(json_object_get(inbox, "envelopes"));
}

static void
test_inbox_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *inbox);
		int			number;
		const char *what;
	}			cases[] = {
		{u2_without, 11, "16: a U2 without this Island"},
		{u2_small, 11, "a U2 of two"},
		{u2_stranger, 11, "a U2 that the roster does not have"},
		{close_envelopes, 12, "envelopes that do not come"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(STAGE_MASK, 5);

		lies(server, "secagg_inbox", 0, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

/* An index of U3 that is not this Island's. */
static int
other_index(const Server *server)
{
	return server->hosts[lie.to].u == 1 ? 2 : 1;
}

static void
without(json_t *answer, const char *key, int u)
{
	json_t	   *list = json_object_get(answer, key);

	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (json_integer_value(json_array_get(list, i)) == u)
			json_array_remove(list, i--);
	}
}

static void
u3_of_two(Server *server, json_t *sets)
{
	json_object_set_new(sets, "u3", json_array());
	json_array_append_new(json_object_get(sets, "u3"), json_integer(other_index(server) == 1 ? 1 : server->hosts[lie.to].u));
	json_array_append_new(json_object_get(sets, "u3"), json_integer(other_index(server) == 1 ? server->hosts[lie.to].u : 2));
}

static void
u3_without(Server *server, json_t *sets)
{
	without(sets, "u3", (int) server->hosts[lie.to].u);
}

static void
u3_without_victim(Server *server, json_t *sets)
{
	without(sets, "u3", other_index(server));
}

static void
u3_twice(Server *server, json_t *sets)
{
	json_array_insert_new(json_object_get(sets, "u3"), 0, json_integer(1));
	(void) server;
}

static void
u2_other(Server *server, json_t *sets)
{
	without(sets, "u2", other_index(server));
	without(sets, "u3", other_index(server));
}

/* A member of U3 that is not of U2: "dropped" and summed at once. */
static void
u3_beyond(Server *server, json_t *sets)
{
	(void) server;
	json_array_append_new(json_object_get(sets, "u3"), json_integer(6));
}

static void
test_sets_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *sets);
		const char *what;
	}			cases[] = {
		{u3_of_two, "11: a U3 of two"},
		{u3_without, "a U3 without this Island"},
		{u3_twice, "1: an owner twice"},
		{u3_beyond, "1: a U3 beyond U2"},
		{u2_other, "16: another U2 than was masked with"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(STAGE_AGREE, 5);

		lies(server, "secagg_sets", 0, cases[i].change);
		check(refuses(&server->hosts[0], 14), cases[i].what);
		server_free(server);
		server = at(STAGE_REVEAL, 5);
		lies(server, "secagg_agreements", 0, cases[i].change);
		check(refuses(&server->hosts[0], 16), "and the same before revealing");
		server_free(server);
	}
}

static void
test_two_truths(void)
{
	Server	   *server = at(STAGE_AGREE, 5);
	bool		idle;

	lies(server, "secagg_sets", 0, u3_without_victim);
	for (int i = 1; i < 5; i++)
		check(host_step(&server->hosts[i], &idle, &err), "2: four Islands sign one U3");
	check(host_step(&server->hosts[0], &idle, &err), "2: a fifth signs another");
	server->hosts[0].agreed = false;
	server->tamper = NULL;
	check(refuses(&server->hosts[0], 15), "it does not sign the first, too");
	server->hosts[0].agreed = true;
	next_stage(server);
	lies(server, "secagg_agreements", 0, u3_without_victim);
	check(refuses(&server->hosts[0], 17), "nor does it reveal for its own, which nobody else has signed");
	check(host_step(&server->hosts[1], &idle, &err) && server->hosts[1].reveal_len > 0, "the four reveal for theirs");
	server_free(server);
}

static void
keep_signatures(json_t *answer, size_t n)
{
	while (json_array_size(json_object_get(answer, "signatures")) > n)
		json_array_remove(json_object_get(answer, "signatures"), n);
}

static void
three_signatures(Server *server, json_t *answer)
{
	(void) server;
	keep_signatures(answer, 3);
}

static void
one_twice(Server *server, json_t *answer)
{
	(void) server;
	keep_signatures(answer, 3);
	json_array_append(json_object_get(answer, "signatures"), json_array_get(json_object_get(answer, "signatures"), 0));
}

/* The same bytes under another member's index. */
static void
one_under_other_name(Server *server, json_t *answer)
{
	json_t	   *list = json_object_get(answer, "signatures");

	(void) server;
	keep_signatures(answer, 4);
	json_object_set(json_array_get(list, 3), "signature", json_object_get(json_array_get(list, 0), "signature"));
}

static void
test_signature_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *answer);
		const char *what;
	}			cases[] = {
		{three_signatures, "3, 7: t - 1 signatures"},
		{one_twice, "3: two of one member"},
		{one_under_other_name, "3: one of another member"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(STAGE_REVEAL, 5);

		lies(server, "secagg_agreements", 0, cases[i].change);
		check(refuses(&server->hosts[0], 17), cases[i].what);
		server_free(server);
	}
}

static void
test_signature_of_stranger(void)
{
	Server	   *server = server_new(5, true, 50);
	Host	   *host = &server->hosts[0];

	/* Lost after its commit; its key is taken out of the trust file afterwards. */
	check(run_until(server, STAGE_AGREE, &err), "five commit");
	server->hosts[4].alive = false;
	check(run_stage(server, &err), "four sign");
	next_stage(server);
	fed_trust_remove(host->trust, "island-1", NULL);
	check(refuses(host, 17), "3: t signatures of which one is by a key that is believed no more");
	server_free(server);

	server = server_new(5, true, 50);
	check(run_until(server, STAGE_MASK, &err), "five share");
	server->hosts[4].alive = false;
	check(run_stage(server, &err), "four commit");
	next_stage(server);
	server->hosts[3].alive = false;
	check(run_stage(server, &err), "three sign");
	/* The fourth signature is by one that is not in U3. */
	server->hosts[4].agreed = true;
	memcpy(server->hosts[4].agreement, server->hosts[0].agreement, FED_SIGNATURE_BYTES);
	next_stage(server);
	check(refuses(&server->hosts[0], 17), "3: one signature by an Island that is not in U3");
	server_free(server);
}

/* after a reveal */

static void
remove_file(const Host *host, const char *name)
{
	char		path[160];

	snprintf(path, sizeof(path), "%s/%s/%s", host->root, host->server->session_id, name);
	if (unlink(path) != 0)
		abort();
}

static void
test_after_reveal(void)
{
	Server	   *server = at(STAGE_REVEAL, 5);
	Host	   *host = &server->hosts[0];
	uint8_t		reveal[MAX_HOSTS * FED_REVEAL_BYTES];
	size_t		len;
	bool		idle;

	check(host_step(host, &idle, &err) && host->reveal_len > 0, "an Island reveals");
	len = host->reveal_len;
	memcpy(reveal, host->reveal, len);
	host->reveal_len = 0;
	check(host_step(host, &idle, &err) && host->reveal_len == len && memcmp(reveal, host->reveal, len) == 0,
		  "6: asked again for the same sets it sends the same bytes");
	host->reveal_len = 0;
	lies(server, "secagg_agreements", 0, u3_without_victim);
	check(refuses(host, 18), "6: asked for another U3 it refuses");
	server->tamper = NULL;
	new_attempt(server);
	check(refuses(host, 5), "4, 24: it takes no part in another attempt");
	server->stage = STAGE_REVEAL;
	host->u = 1;
	fed_set_add(&server->u3, 1);
	check(refuses(host, 18), "4: nor does it reveal in one");
	remove_file(host, "state");
	server->stage = STAGE_ADVERTISE;
	check(refuses(host, 5), "46: also when its state is lost: what was revealed is remembered apart from it");
	server_free(server);
}

static void
test_old_attempt(void)
{
	Server	   *server = at(STAGE_REVEAL, 3);
	Server		old = *server;
	bool		idle;

	new_attempt(server);
	check(host_step(&server->hosts[0], &idle, &err), "a second attempt is begun");
	server->attempt = 1;
	server->stage = STAGE_REVEAL;
	server->n = old.n;
	server->u2 = old.u2;
	server->u3 = old.u3;
	memcpy(&server->hosts[0].u, &old.hosts[0].u, sizeof(uint32_t));
	check(refuses(&server->hosts[0], 16), "5: the first is answered no more: its keys are gone");
	server_free(server);
}

static void
test_lost_state(void)
{
	Server	   *server = at(STAGE_REVEAL, 3);
	char		path[160];

	remove_file(&server->hosts[0], "state");
	check(refuses(&server->hosts[0], 19), "19: without its state an Island reveals nothing");
	remove_file(&server->hosts[1], "secrets");
	check(refuses(&server->hosts[1], 19), "19: nor without its keys");
	snprintf(path, sizeof(path), "%s/%s/state", server->hosts[2].root, server->session_id);
	if (truncate(path, 1000) != 0)
		abort();
	check(refuses(&server->hosts[2], 19), "19: nor with a state that is damaged");
	server->stage = STAGE_ADVERTISE;
	server->hosts[2].advertised = false;
	check(refuses(&server->hosts[2], 19), "for which no new one is made");
	server_free(server);
}

static void
test_slices_again(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];
	uint8_t		before[16];
	bool		idle;

	memcpy(before, host->update, sizeof(before));
	memset(host->update, 0, sizeof(before));
	server->stage = STAGE_MASK;
	host->committed = false;
	host->has_slice[0] = false;
	check(host_step(host, &idle, &err) && memcmp(before, host->update, sizeof(before)) == 0,
		  "20: slices that are lost are sent again as they were");
	remove_file(host, "masked");
	host->committed = false;
	host->has_slice[0] = false;
	check(host_step(host, &idle, &err) && memcmp(before, host->update, sizeof(before)) == 0,
		  "20: also when they must be masked again");
	remove_file(host, "masked");
	remove_file(host, "kept");
	host->committed = false;
	check(refuses(host, 13) && host->trained == 1, "20: but never out of other integers");
	server_free(server);
}

/* A server that lost an acknowledgement asks again. Other bytes it would refuse. */
static void
test_asked_again(void)
{
	Server	   *server = at(STAGE_MASK, 3);
	Host	   *host = &server->hosts[0];
	uint8_t		envelopes[sizeof(host->envelopes)];
	uint8_t		adv[FED_ADV_BYTES];

	memcpy(envelopes, host->envelopes, sizeof(envelopes));
	memcpy(adv, host->adv, sizeof(adv));
	server->stage = STAGE_ADVERTISE;
	host->advertised = false;
	check(idle_step(host) && memcmp(adv, host->adv, sizeof(adv)) == 0, "45: asked again, an Island sends the same keys");
	server->stage = STAGE_SHARE;
	host->shared = false;
	check(idle_step(host) && memcmp(envelopes, host->envelopes, sizeof(envelopes)) == 0, "45: and the same envelopes");
	server_free(server);
}

static void
test_integers_lost(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];

	new_attempt(server);
	remove_file(host, "kept");
	check(run_stage(server, &err), "another attempt is begun");
	next_stage(server);
	check(run_stage(server, &err), "and shared in");
	next_stage(server);
	/* U2 is written down before the integers are asked for; the refusal leaves the rest. */
	check(!idle_step(host) && strstr(err.message, "C13") != NULL, "integers that are lost are not made anew for another attempt");
	check(refuses(host, 13) && host->trained == 1, "nor later");
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
	test_roster_lies();
	test_roster_again();
	test_replayed_adv();
	test_other_model();
	test_inbox_lies();
	test_sets_lies();
	test_two_truths();
	test_signature_lies();
	test_signature_of_stranger();
	test_after_reveal();
	test_old_attempt();
	test_lost_state();
	test_slices_again();
	test_asked_again();
	test_integers_lost();
	test_open_task();
	return checks_done();
}
