/*
 * secagg_sets_attack_test.c
 *		Lies of a server about who is summed, and who has signed it: C14 to C17.
 */
#include "secagg_lies.h"

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
u2_twice(Server *server, json_t *sets)
{
	(void) server;
	json_array_insert_new(json_object_get(sets, "u2"), 0, json_integer(1));
}

static void
both_backwards(Server *server, json_t *sets)
{
	(void) server;
	json_object_set_new(sets, "u2", json_pack("[i, i, i, i, i]", 5, 4, 3, 2, 1));
	json_object_set_new(sets, "u3", json_pack("[i, i, i, i, i]", 5, 4, 3, 2, 1));
}

/* Of four: t and M are 4. */
static void
u3_one_short(Server *server, json_t *sets)
{
	for (int u = 5, gone = 0; u >= 1 && gone < 2; u--)
	{
		if (u == (int) server->hosts[lie.to].u)
			continue;
		without(sets, "u3", u);
		gone++;
	}
}

static void
u3_empty(Server *server, json_t *sets)
{
	(void) server;
	json_array_clear(json_object_get(sets, "u3"));
}

static void
u3_from_0(Server *server, json_t *sets)
{
	(void) server;
	json_array_insert_new(json_object_get(sets, "u3"), 0, json_integer(0));
}

static void
u3_negative(Server *server, json_t *sets)
{
	(void) server;
	json_array_insert_new(json_object_get(sets, "u3"), 0, json_integer(-1));
}

/* 2^32 + 1, which is 1 for whoever takes 32 bits of it. */
static void
u3_huge(Server *server, json_t *sets)
{
	(void) server;
	json_array_append_new(json_object_get(sets, "u3"), json_integer(4294967297));
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
		{u3_one_short, "7: a U3 of t - 1"},
		{u3_empty, "a U3 of nobody"},
		{u2_twice, "1: an owner twice in U2"},
		{both_backwards, "sets that do not ascend"},
		{u3_from_0, "a U3 with an index 0"},
		{u3_negative, "a U3 with an index below 0"},
		{u3_huge, "a U3 with an index of more than 32 bits"},
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

/* 11: M is 3 whatever the text has: with min_updates 1 and three Islands without identities, t is 2. */
static void
test_smallest_sum(void)
{
	Server	   *server = server_new(3, false, 50);

	server->min_updates = 1;
	write_text(server);
	check(run_until(server, STAGE_MASK, &err), "11: three share for a text that needs one update");
	server->hosts[2].alive = false;
	check(run_until(server, STAGE_REVEAL, &err) && fed_set_size(&server->u3) == 2, "11: two commit, and the server freezes");
	/* Without a stage of signatures the sets are seen here first; C16 is C14 once more. */
	check(refuses(&server->hosts[0], 16) && refuses(&server->hosts[1], 16), "11: nobody opens a sum of two");
	server_free(server);

	server = server_new(4, true, 50);
	server->min_updates = 1;
	write_text(server);
	check(run_until(server, STAGE_MASK, &err), "11: four share for a text that needs one update");
	server->hosts[2].alive = server->hosts[3].alive = false;
	check(run_until(server, STAGE_AGREE, &err) && fed_set_size(&server->u3) == 2, "11: two commit, and the server freezes");
	check(refuses(&server->hosts[0], 14) && refuses(&server->hosts[1], 14), "11: nobody signs for a sum of two");
	next_stage(server);
	check(refuses(&server->hosts[0], 16) && refuses(&server->hosts[1], 16), "11: or opens it");
	server_free(server);
}

/*
 * 7: the server has t = 2 in its database, and opens the reveal after two
 * signatures. Islands count to t = floor(2n/3) + 1 of the roster they saw.
 */
static void
test_low_threshold(void)
{
	for (int n = 4; n <= 8; n++)
	{
		Server	   *server = server_new(n, true, 50);
		char		what[80];
		bool		ok = run_until(server, STAGE_SHARE, &err);

		server->t = 2;
		ok = ok && run_until(server, STAGE_AGREE, &err) && idle_step(&server->hosts[0]) && idle_step(&server->hosts[1]);
		next_stage(server);
		for (int i = 0; ok && i < n; i++)
			ok = state_of(&server->hosts[i]).t == (uint32_t) (2 * n / 3 + 1) && refuses(&server->hosts[i], 17);
		snprintf(what, sizeof(what), "7: two signatures of %d open nothing", n);
		check(ok, what);
		server->stage = STAGE_AGREE;
		for (int i = 2; ok && i < 2 * n / 3; i++)
			ok = idle_step(&server->hosts[i]) && server->hosts[i].agreed;
		next_stage(server);
		snprintf(what, sizeof(what), "7: nor do %d", 2 * n / 3);
		check(ok && refuses(&server->hosts[0], 17) && refuses(&server->hosts[n - 1], 17), what);
		server->stage = STAGE_AGREE;
		ok = idle_step(&server->hosts[2 * n / 3]);
		next_stage(server);
		snprintf(what, sizeof(what), "7: %d do", 2 * n / 3 + 1);
		check(ok && idle_step(&server->hosts[0]) && server->hosts[0].reveal_len > 0, what);
		server_free(server);
	}
}

/* Steps in an order that there is not. */
static void
test_too_early(void)
{
	Server	   *server = at(STAGE_MASK, 3);
	Host	   *host = &server->hosts[0];

	server->u3 = server->u2;
	server->stage = STAGE_AGREE;
	check(refuses(host, 14), "an Island that has masked nothing signs nothing");
	server->stage = STAGE_REVEAL;
	check(refuses(host, 16), "and reveals nothing");
	server->stage = STAGE_ADVERTISE;
	new_attempt(server);
	check(idle_step(host), "a second attempt is begun");
	host->u = 1;
	fed_set_add(&server->u2, 1);
	server->stage = STAGE_MASK;
	check(refuses(host, 11), "an Island that has no roster masks nothing");
	server_free(server);

	server = server_new(3, false, 50);
	check(run_until(server, STAGE_REVEAL, &err), "three commit without identities");
	server->stage = STAGE_AGREE;
	check(refuses(&server->hosts[0], 14), "a signature in a session that has none");
	server_free(server);
}

/* 1: of six, one never shared. It is on the roster, and in no set. */
static void
test_not_shared(void)
{
	Server	   *server = at(STAGE_SHARE, 6);
	Host	   *host = &server->hosts[0];

	server->hosts[5].alive = false;
	check(run_until(server, STAGE_AGREE, &err) && fed_set_size(&server->u3) == 5, "five of six share and commit");
	fed_set_add(&server->u3, server->hosts[5].u);
	check(refuses(host, 14), "1: a U3 with one that is on the roster but not in U2");
	fed_set_add(&server->u2, server->hosts[5].u);
	check(refuses(host, 14), "16: nor is it in U2 now");
	server_free(server);
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
	lies(server, "secagg_agreements", 2, u3_without_victim);
	check(refuses(&server->hosts[2], 15), "and none of them for the fifth's");
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

/* What an Island would sign of the sets of the server, by its own key. */
static void
sign_sets(Host *host)
{
	FedState	state = state_of(&host->server->hosts[0]);
	uint8_t		sets[FED_SHA256_BYTES];

	if (!fed_secagg_sets(state.ctx, &host->server->u2, &host->server->u3, sets, NULL) ||
		!fed_sign_agree(host->identity.seed, sets, host->agreement, NULL))
		abort();
	host->agreed = true;
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
	/* The fourth signature is good, and by one that is not in U3. */
	sign_sets(&server->hosts[4]);
	next_stage(server);
	check(refuses(&server->hosts[0], 17), "3: one signature by an Island that is not in U3");
	server->hosts[4].agreed = false;
	sign_sets(&server->hosts[3]);
	check(idle_step(&server->hosts[0]) && server->hosts[0].reveal_len > 0, "made in the same way by one that is, it counts");
	server_free(server);
}

int
main(void)
{
	test_sets_lies();
	test_smallest_sum();
	test_low_threshold();
	test_too_early();
	test_not_shared();
	test_two_truths();
	test_signature_lies();
	test_signature_of_stranger();
	return checks_done();
}
