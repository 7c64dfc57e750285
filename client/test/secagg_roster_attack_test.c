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

static void
swap_m_pk(Server *server, json_t *roster)
{
	(void) server;
	patch_adv(member_of(roster, 2), FED_PID_BYTES + FED_KEY_BYTES, "0123456789abcdef");
}

static void
swap_commitment(Server *server, json_t *roster)
{
	(void) server;
	patch_adv(member_of(roster, 2), FED_PID_BYTES + 2 * FED_KEY_BYTES, "0123456789abcdef");
}

/* What the member at i has signed, of the one at j. */
static void
swap_signature(Server *server, json_t *roster)
{
	(void) server;
	json_object_set(member_of(roster, 1), "signature", json_object_get(member_of(roster, 2), "signature"));
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

#define C_PK FED_PID_BYTES
#define M_PK (FED_PID_BYTES + FED_KEY_BYTES)

/* The key of one member at `from` of its message, as that of another at `to`. */
static void
copy_key(json_t *roster, size_t one, size_t from, size_t other, size_t to)
{
	const char *adv = json_string_value(json_object_get(member_of(roster, one), "adv"));
	char		key[2 * FED_KEY_BYTES + 1];

	snprintf(key, sizeof(key), "%s", adv + 2 * from);
	patch_adv(member_of(roster, other), to, key);
}

/* A member's m_pk under another name. */
static void
repeat_key(Server *server, json_t *roster)
{
	uint32_t	own = server->hosts[lie.to].u;

	copy_key(roster, own % 4, M_PK, (own + 1) % 4, M_PK);
}

static void
repeat_c_pk(Server *server, json_t *roster)
{
	(void) server;
	copy_key(roster, 1, C_PK, 3, C_PK);
}

static void
repeat_as_other_kind(Server *server, json_t *roster)
{
	(void) server;
	copy_key(roster, 1, C_PK, 3, M_PK);
}

static void
repeat_own_key(Server *server, json_t *roster)
{
	copy_key(roster, server->hosts[lie.to].u - 1, M_PK, 3, M_PK);
}

static void
one_key_for_both(Server *server, json_t *roster)
{
	(void) server;
	copy_key(roster, 2, C_PK, 2, M_PK);
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
number_from_0(Server *server, json_t *roster)
{
	for (int i = 0; i < (int) server->n; i++)
		json_object_set_new(member_of(roster, i), "u", json_integer(i));
}

/* A name twice is not an ascending order, whatever its keys are. */
static void
repeat_member(Server *server, json_t *roster)
{
	json_t	   *again = json_deep_copy(member_of(roster, 3));

	(void) server;
	json_object_set_new(again, "u", json_integer(5));
	patch_adv(again, C_PK, "0123456789abcdef");
	patch_adv(again, M_PK, "0123456789abcdef");
	json_array_append_new(json_object_get(roster, "members"), again);
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
		{swap_m_pk, 9, "13: another m_pk"},
		{swap_commitment, 9, "13: another commitment to b"},
		{swap_signature, 9, "the signature of another member"},
		{name_another, 9, "a name that is not the identity's"},
		{no_signature, 9, "a member without a signature"},
		{leave_out_own, 8, "14: a roster without this Island"},
		{change_own, 8, "14: another entry for this Island"},
		{repeat_key, 8, "14: one m_pk under two names"},
		{repeat_c_pk, 8, "14: one c_pk under two names"},
		{repeat_as_other_kind, 8, "14: one member's c_pk as the m_pk of another"},
		{repeat_own_key, 8, "14: this Island's m_pk under another name"},
		{one_key_for_both, 8, "14: one key for both of a member's"},
		{repeat_member, 8, "14: one name twice, with other keys"},
		{number_from_0, 8, "indices that are not 1 to n"},
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

/* Every encoding of a u-coordinate of order 1, 2, 4 or 8 on the curve or its twist (RFC 7748 lets the last bit be anything). */
static const char *const low_orders[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static struct
{
	size_t		at;
	char		digits[2 * FED_KEY_BYTES + 1];
}			weak;

static void
put_weak_key(Server *server, json_t *roster)
{
	(void) server;
	patch_adv(member_of(roster, 2), weak.at, weak.digits);
}

static void
set_last_bit(char *digits)
{
	uint8_t		key[FED_KEY_BYTES];

	fed_hex_decode(digits, key, sizeof(key));
	key[FED_KEY_BYTES - 1] |= 0x80;
	fed_hex_encode(key, sizeof(key), digits);
}

/* In both modes: where nobody signs, nothing but this stops it. */
static void
test_low_order(void)
{
	for (int active = 0; active < 2; active++)
	{
		Server	   *server = server_new(4, active, 50);

		if (!run_until(server, STAGE_SHARE, &err))
			printf("# %s\n", err.message);
		lies(server, "secagg_roster", server->by_u[1], put_weak_key);
		for (size_t i = 0; i < 4 * sizeof(low_orders) / sizeof(*low_orders); i++)
		{
			char		what[128];

			weak.at = i % 2 == 0 ? C_PK : M_PK;
			strcpy(weak.digits, low_orders[i / 4]);
			if (i % 4 > 1)
				set_last_bit(weak.digits);
			snprintf(what, sizeof(what), "23: %s %s of low order", i % 2 == 0 ? "c_pk" : "m_pk", weak.digits);
			check(refuses(host_of(server, 1), 8), what);
		}
		server_free(server);
	}
}

/* C7: each of the numbers that a roster is measured by. */
static void
test_size(void)
{
	static const struct
	{
		int			min_updates;
		int			n_max;
		const char *policy;
		const char *what;
	}			cases[] = {
		{3, 3, NULL, "17: a roster of 4 where the text has at most 3"},
		{5, 5, NULL, "a roster of 4 where 5 updates are needed"},
		{3, 5, "{\"min_cohort\": 5}", "a roster of 4 where the policy requires 5"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = server_new(5, true, 50);

		server->hosts[4].alive = false;
		server->min_updates = cases[i].min_updates;
		server->n_max = cases[i].n_max;
		write_text(server);
		if (!run_until(server, STAGE_SHARE, &err))
			printf("# %s\n", err.message);
		give_policy(&server->hosts[0], cases[i].policy == NULL ? "{}" : cases[i].policy);
		check(refuses(&server->hosts[0], 7), cases[i].what);
		server_free(server);
	}
}

/* Keys are believed as long as they are pinned. */
static void
test_revoked(void)
{
	Server	   *server = at(STAGE_SHARE, 3);
	Host	   *host = &server->hosts[0];

	fed_trust_remove(host->trust, "island-1", &err);
	check(refuses(host, 9), "12: a member whose key was taken out of the trust file");
	host->member.trust = NULL;
	check(refuses(host, 9), "12: members of whom none is pinned");
	host->member.trust = host->trust;
	server_free(server);
}

static void
test_roster_again(void)
{
	Server	   *server = at(STAGE_SHARE, 5);
	bool		idle;
	Host	   *host;

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

/* A pinned Island that goes by a name of its choice, which would choose its index, signs for it. */
static void
test_chosen_name(void)
{
	Server	   *server = at(STAGE_SHARE, 3);
	Host	   *liar = host_of(server, 3);

	memset(liar->adv, 0xff, FED_PID_BYTES);
	if (!fed_sign_adv(liar->identity.seed, state_of(liar).c0, liar->adv, liar->signature, NULL))
		abort();
	check(refuses(host_of(server, 1), 9), "35: a name that is not that of the key, signed by its owner");
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
test_replayed_round(void)
{
	Server	   *server = at(STAGE_DONE, 3);
	Host		old = server->hosts[1];

	new_round(server);
	check(run_stage(server, &err), "a second round is begun");
	memcpy(server->hosts[1].adv, old.adv, FED_ADV_BYTES);
	memcpy(server->hosts[1].signature, old.signature, FED_SIGNATURE_BYTES);
	next_stage(server);
	check(refuses(&server->hosts[0], 9) && refuses(&server->hosts[2], 9), "15: a message of the round before");
	server_free(server);
}

/* Nothing here but the identities would tell; the manual says so. */
static void
test_man_in_the_middle(void)
{
	Server	   *server = server_new(3, false, 50);

	check(run_until(server, STAGE_SHARE, &err), "three advertise without identities");
	lies(server, "secagg_roster", server->by_u[1], swap_c_pk);
	check(idle_step(host_of(server, 1)) && host_of(server, 1)->shared, "13: in semi_honest mode another c_pk is not noticed");
	server_free(server);
}

/*
 * Something is another thing for the first Island than for the others: its c0
 * is another. Nobody shares if the mode is active; else none of its envelopes
 * opens for the others, and none of theirs for it.
 */
static void
keeps_apart(Server *server, const char *what)
{
	char		text[160];
	Host	   *victim = &server->hosts[0];

	snprintf(text, sizeof(text), "%s: all advertise", what);
	check(run_until(server, STAGE_SHARE, &err), text);
	if (server->active)
	{
		snprintf(text, sizeof(text), "%s: nobody takes the roster", what);
		check(refuses(victim, 9) && refuses(&server->hosts[1], 9) && refuses(&server->hosts[2], 9) && refuses(&server->hosts[3], 9),
			  text);
	}
	else
	{
		snprintf(text, sizeof(text), "%s: no envelope opens for it", what);
		check(run_until(server, STAGE_MASK, &err) && refuses(victim, 12), text);
		victim->alive = false;
		snprintf(text, sizeof(text), "%s: none of its for the others, who sum without it", what);
		check(run_until(server, STAGE_DONE, &err) && fed_set_size(&server->u3) == 3 &&
			  fed_set_has(&server->hosts[1].complained, victim->u) && fed_set_size(&server->hosts[1].complained) == 1 &&
			  server->hosts[1].reveal_len == 3 * FED_REVEAL_BYTES, text);
	}
	server_free(server);
}

static void
test_other_model(void)
{
	for (int active = 0; active < 2; active++)
	{
		Server	   *server = server_new(4, active, 50);
		uint32_t	bits;

		memcpy(&bits, &server->other_model[17], sizeof(bits));
		bits ^= 1;
		memcpy(&server->other_model[17], &bits, sizeof(bits));
		server->hosts[0].model = server->other_model;
		keeps_apart(server, active ? "9: another bit of the model" : "9: another bit of the model, semi_honest");
	}
}

static void
no_learning(Server *server, json_t *task)
{
	replace(server, task, "learning_rate=f:3f50624dd2f1a9fc", "learning_rate=f:0000000000000000");
}

static void
larger_cap(Server *server, json_t *task)
{
	replace(server, task, "secagg_sample_cap=i:100", "secagg_sample_cap=i:1000");
	json_object_set_new(secagg_of(task), "n_cap", json_integer(1000));
}

static void
larger_range(Server *server, json_t *task)
{
	replace(server, task, "secagg_range=f:3ff0000000000000", "secagg_range=f:4000000000000000");
	json_object_set_new(json_array_get(json_object_get(secagg_of(task), "vectors"), 0), "R", json_real(2));
}

static void
fewer_updates(Server *server, json_t *task)
{
	replace(server, task, "min_updates=i:3", "min_updates=i:1");
	json_object_set_new(secagg_of(task), "min_updates", json_integer(1));
}

static void
test_other_text(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *task);
		const char *what;
	}			cases[] = {
		{no_learning, "10: a learning rate of 0"},
		{larger_cap, "10: a larger n_cap"},
		{larger_range, "10: another range"},
		{fewer_updates, "11: fewer updates"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		for (int active = 0; active < 2; active++)
		{
			Server	   *server = server_new(4, active, 50);

			lies(server, "next_task", 0, cases[i].change);
			keeps_apart(server, cases[i].what);
		}
	}
}

int
main(void)
{
	test_low_order();
	test_size();
	test_revoked();
	test_replayed_round();
	test_man_in_the_middle();
	test_other_text();
	test_roster_lies();
	test_roster_again();
	test_chosen_name();
	test_replayed_adv();
	test_other_model();
	return checks_done();
}
