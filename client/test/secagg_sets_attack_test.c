/*
 * secagg_sets_attack_test.c
 *		Lies of a server about who is summed, and shares that it must not get: C14 to C20.
 */
#include "secagg_lies.h"

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

int
main(void)
{
	test_sets_lies();
	test_two_truths();
	test_signature_lies();
	test_signature_of_stranger();
	test_after_reveal();
	test_old_attempt();
	test_lost_state();
	return checks_done();
}
