/*
 * secagg_roster_attack_test.c
 *		Lies of a server about who takes part: C7 to C10.
 */
#include "secagg_lies.h"

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

int
main(void)
{
	test_roster_lies();
	test_roster_again();
	test_replayed_adv();
	test_other_model();
	return checks_done();
}
