/*
 * secagg_reveal_attack_test.c
 *		Shares that a server must not get: C16 and C18 to C20.
 */
#include "lib/secagg/checks.h"
#include "secagg_lies.h"
#include "secagg_sum.h"

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

static FedSecrets
secrets_of(const Host *host)
{
	char		path[160];
	FedSecrets	secrets;

	snprintf(path, sizeof(path), "%s/%s", host->root, host->server->session_id);
	if (!fed_secrets_load(path, &secrets, &err))
		abort();
	return secrets;
}

static void
test_old_attempt(void)
{
	Server	   *server = at(STAGE_REVEAL, 3);
	Server		old = *server;
	FedSecrets	before = secrets_of(&server->hosts[0]);
	FedSecrets	now;
	bool		idle;

	new_attempt(server);
	check(host_step(&server->hosts[0], &idle, &err), "a second attempt is begun");
	now = secrets_of(&server->hosts[0]);
	check(memcmp(before.c_sk, now.c_sk, FED_KEY_BYTES) != 0 && memcmp(before.m_sk, now.m_sk, FED_KEY_BYTES) != 0 &&
		  memcmp(before.b, now.b, FED_KEY_BYTES) != 0, "5: the keys of the first are gone");
	server->attempt = 1;
	server->stage = STAGE_REVEAL;
	server->n = old.n;
	server->u2 = old.u2;
	server->u3 = old.u3;
	memcpy(&server->hosts[0].u, &old.hosts[0].u, sizeof(uint32_t));
	check(refuses(&server->hosts[0], 16), "5: the first is answered no more");
	fed_set_add(&server->u2, 1);
	server->stage = STAGE_MASK;
	server->hosts[0].committed = false;
	check(refuses(&server->hosts[0], 16), "5: nor is its update sent again");
	server->stage = STAGE_SHARE;
	server->hosts[0].shared = false;
	check(refuses(&server->hosts[0], 16), "5: nor its shares");
	server_free(server);
}

/* 7: shares of t = floor(2n/3) + 1 make no secret of either kind with fewer, whatever t the server has. */
static void
test_threshold_of_shares(void)
{
	for (int active = 0; active < 2; active++)
	{
		for (int n = 4; n <= 7; n++)
		{
			Server	   *server = server_new(n, active, 50);
			bool		ok = run_until(server, STAGE_MASK, &err);
			uint32_t	t = active ? 2 * n / 3 + 1 : n / 2 + 1;
			uint8_t		secret[FED_KEY_BYTES];
			uint8_t		c0[FED_SHA256_BYTES];
			char		what[80];

			server->hosts[n - 1].alive = false;
			ok = ok && run_until(server, STAGE_DONE, &err) && server->t == t && sum_is_exact(server);
			memcpy(c0, state_of(&server->hosts[0]).c0, sizeof(c0));
			for (server->t = 2; ok && server->t < t; server->t++)
			{
				for (int i = 0; i < n; i++)
					ok = ok && !recover(server, server->hosts[i].u, c0, secret);
			}
			for (int i = 0; ok && i < n; i++)
				ok = recover(server, server->hosts[i].u, c0, secret);
			snprintf(what, sizeof(what), "7: %d Islands, %s: %u shares make b or m_sk, and no fewer", n,
					 active ? "active" : "semi_honest", t);
			check(ok, what);
			server_free(server);
		}
	}
}

/* Bytes of a reveal, changed in one way. */
static void
other_kind(uint8_t *entry)
{
	entry[4] = 3 - entry[4];
}

static void
other_owner(uint8_t *entry)
{
	entry[0] = 5;
}

static void
other_x(uint8_t *entry)
{
	entry[5]++;
}

static void
owner_twice(uint8_t *entry)
{
	memcpy(entry + FED_REVEAL_BYTES, entry, FED_REVEAL_BYTES);
}

static void
owner_twice_both_kinds(uint8_t *entry)
{
	owner_twice(entry);
	other_kind(entry);
}

/* C20 looks at the bytes themselves, just before they are written down. */
static void
test_kinds(void)
{
	static const struct
	{
		void		(*change) (uint8_t *entry);
		const char *what;
	}			cases[] = {
		{other_kind, "20: the other kind of share"},
		{other_owner, "20: an owner that is not in U2"},
		{other_x, "20: a share of another holder"},
		{owner_twice, "1: an owner twice"},
		{owner_twice_both_kinds, "1: both kinds for one owner"},
	};
	Server	   *server = at(STAGE_MASK, 4);
	Host	   *host = &server->hosts[0];
	FedState	state;
	uint8_t		bytes[4 * FED_REVEAL_BYTES];

	/* One is lost after sharing, so that there are both kinds. */
	server->hosts[3].alive = false;
	server->u3.bits[0] = 0;
	check(run_until(server, STAGE_REVEAL, &err) && idle_step(host) && host->reveal_len == sizeof(bytes), "an Island reveals");
	state = state_of(host);
	check(fed_check_kinds(&state, &server->u3, host->reveal, host->reveal_len, &err), "one kind for each of four owners");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		bool		ok = true;

		/* At each place but the last, which has none after it to be the same as. */
		for (int place = 0; place < 3; place++)
		{
			memcpy(bytes, host->reveal, sizeof(bytes));
			cases[i].change(bytes + place * FED_REVEAL_BYTES);
			ok = !fed_check_kinds(&state, &server->u3, bytes, sizeof(bytes), &err) && err.kind == FED_ERR_POLICY &&
				strncmp(err.message, "secure aggregation C20: ", 24) == 0 && ok;
		}
		check(ok, cases[i].what);
	}
	check(!fed_check_kinds(&state, &server->u3, host->reveal, sizeof(bytes) - FED_REVEAL_BYTES, &err), "20: an owner too few");
	check(!fed_check_kinds(&state, &server->u3, host->reveal, sizeof(bytes) - 1, &err), "20: a byte too few");
	fed_set_add(&state.closed, 1);
	check(!fed_check_kinds(&state, &server->u3, host->reveal, sizeof(bytes), &err), "20: an owner whose envelope did not open");
	err = (FedError) {0};
	server_free(server);
}

static bool
die_at_reveal(const char *place, FedError *why)
{
	return strcmp(place, "secagg_reveal") != 0 || fed_error_set(why, FED_ERR_STOPPED, "killed");
}

/* 46: killed with its reveal written and not sent; then the state is deleted. */
static void
test_killed_before_sending(void)
{
	Server	   *server = at(STAGE_REVEAL, 4);
	Host	   *host = &server->hosts[0];

	fed_fault_hook = die_at_reveal;
	check(!idle_step(host) && err.kind == FED_ERR_STOPPED && host->reveal_len == 0, "46: an Island is killed before its reveal is sent");
	fed_fault_hook = NULL;
	remove_file(host, "state");
	check(refuses(host, 18), "46: without its state it reveals nothing: that it has is remembered apart from it");
	server->stage = STAGE_AGREE;
	host->agreed = false;
	check(refuses(host, 19), "46: and signs nothing");
	server->stage = STAGE_REVEAL;
	host->alive = false;
	check(run_stage(server, &err), "46: the others reveal");
	server->stage = STAGE_DONE;
	check(sum_is_exact(server), "46: and are enough");
	new_attempt(server);
	check(refuses(host, 5), "46: it takes no part in another attempt");
	new_round(server);
	memcpy(server->model, server->other_model, 4 * server->n_values);
	check(refuses(host, 5), "46: nor in another round on the same model");
	server_free(server);
}

/* 19: at every step after the first, with the state or the keys gone, or not what was written. */
static void
test_lost_at_each_step(void)
{
	static const struct
	{
		Stage		stage;
		const char *file;
		const char *what;
	}			cases[] = {
		{STAGE_SHARE, "state", "19: no shares without a state"},
		{STAGE_SHARE, "secrets", "19: nor without keys"},
		{STAGE_MASK, "state", "19: no update without a state"},
		{STAGE_MASK, "secrets", "19: nor without keys"},
		{STAGE_AGREE, "state", "19: no signature without a state"},
		{STAGE_REVEAL, "state", "19: no reveal without a state"},
		{STAGE_REVEAL, "secrets", "19: nor without keys"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(cases[i].stage, 3);

		remove_file(&server->hosts[0], cases[i].file);
		check(refuses(&server->hosts[0], 19), cases[i].what);
		server_free(server);
	}
}

/* A state that is there and cannot be looked at is not one that was never written. */
static void
test_hidden_state(void)
{
	Server	   *server = at(STAGE_SHARE, 3);
	char		path[160];

	remove_file(&server->hosts[0], "state");
	snprintf(path, sizeof(path), "%s/%s/state", server->hosts[0].root, server->session_id);
	if (symlink("state", path) != 0)
		abort();
	check(refuses(&server->hosts[0], 19), "19: a state that cannot be reached is no empty one");
	new_attempt(server);
	check(refuses(&server->hosts[0], 19), "19: nor is it one for another attempt");
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
	test_after_reveal();
	test_old_attempt();
	test_threshold_of_shares();
	test_kinds();
	test_killed_before_sending();
	test_lost_at_each_step();
	test_hidden_state();
	test_lost_state();
	return checks_done();
}
