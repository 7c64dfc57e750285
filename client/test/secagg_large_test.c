/*
 * secagg_large_test.c
 *		A real Island among as many others as there can be, who are made here out of the core alone.
 *
 * Whatever the Island sends is held against what the others work out by
 * themselves: its shares make its secrets, its masks are those that the others
 * have with it, the sum of all is that of the plain integers, and each share
 * that it reveals is the value of its owner's polynomial.
 */
#define MAX_HOSTS 128

#include "check.h"
#include "secagg_islands.h"

#define VALUES 2030				/* a page and some */

/* One of the others: its secrets, and what it has to say. */
typedef struct Peer
{
	uint8_t		c_sk[FED_KEY_BYTES];
	uint8_t		m_sk[FED_KEY_BYTES];
	uint8_t		b[FED_KEY_BYTES];
	FedShare	sk_coefficients[MAX_HOSTS - 1];
	FedShare	b_coefficients[MAX_HOSTS - 1];
} Peer;

static Peer peers[MAX_HOSTS];	/* of host i at [i]; the first is the real one's, and empty */
static FedError err;
static FedState state;			/* of the real Island */

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
make_peer(Server *server, int i)
{
	Host	   *host = &server->hosts[i];
	Peer	   *peer = &peers[i];

	host->server = server;
	host->number = i;
	host->update = shared(4 * server->n_values);
	must(fed_secret_fresh(host->identity.seed, NULL) &&
		 fed_ed25519_public(host->identity.seed, host->identity.public_key, NULL) &&
		 fed_pid_of_identity(host->identity.public_key, host->identity.pid, NULL) && fed_secret_fresh(peer->c_sk, NULL) &&
		 fed_secret_fresh(peer->m_sk, NULL) && fed_secret_fresh(peer->b, NULL) &&
		 fed_shamir_fresh(peer->sk_coefficients, MAX_HOSTS, NULL) && fed_shamir_fresh(peer->b_coefficients, MAX_HOSTS, NULL));
}

static void
read_state(const Server *server)
{
	char	   *dir = fed_state_dir(server->hosts[0].root, server->session_id, NULL);

	must(dir != NULL && fed_state_load(dir, server->session_id, &state, NULL));
	free(dir);
}

static void
advertise(Host *host)
{
	Peer	   *peer = &peers[host->number];
	FedSecaggAdv adv;

	memcpy(adv.pid, host->identity.pid, FED_PID_BYTES);
	must(fed_x25519_public(peer->c_sk, adv.c_pk, NULL) && fed_x25519_public(peer->m_sk, adv.m_pk, NULL) &&
		 fed_secagg_commit(state.c0, adv.pid, peer->b, adv.commit, NULL));
	fed_adv_pack(&adv, host->adv);
	memcpy(host->key, host->identity.public_key, FED_KEY_BYTES);
	must(fed_sign_adv(host->identity.seed, state.c0, host->adv, host->signature, NULL));
	host->advertised = true;
}

/* f(x), by Horner: not the way in which the core deals. */
static void
value_at(const uint8_t *secret, const FedShare *coefficients, uint32_t t, uint8_t x, uint8_t *out)
{
	for (int byte = 0; byte < FED_SHARE_BYTES; byte++)
	{
		uint8_t		y = 0;

		for (uint32_t m = t - 1; m > 0; m--)
			y = fed_gf256_multiply(y, x) ^ coefficients[m - 1][byte];
		out[byte] = fed_gf256_multiply(y, x) ^ secret[byte];
	}
}

static void
shares_for(const Host *owner, uint32_t holder, FedShare sk, FedShare b)
{
	const Peer *peer = &peers[owner->number];

	value_at(peer->m_sk, peer->sk_coefficients, state.t, (uint8_t) holder, sk);
	value_at(peer->b, peer->b_coefficients, state.t, (uint8_t) holder, b);
}

static void
share(Host *owner)
{
	uint8_t		key[FED_KEY_BYTES];
	FedSecaggAdv adv;
	FedShare	sk;
	FedShare	b;

	shares_for(owner, state.u, sk, b);
	fed_adv_unpack(state.own, &adv);
	must(fed_share_key(peers[owner->number].c_sk, adv.c_pk, state.ctx, owner->u, state.u, key, NULL) &&
		 fed_envelope_seal(key, state.ctx, owner->u, state.u, NULL, sk, b, owner->envelopes[state.u - 1], NULL));
	owner->shared = true;
}

static uint32_t
plain(const Host *host, uint64_t i)
{
	return (uint32_t) ((int32_t) ((i * 7919 + (uint64_t) host->number * 104729) % 100003) - 50000);
}

static void
upload(Server *server, Host *host, const uint8_t (*m_pk)[FED_KEY_BYTES])
{
	const Peer *peer = &peers[host->number];
	FedMask    *mask = fed_mask_of_island(host->u, peer->b, peer->m_sk, state.ctx, m_pk, server->n, &server->u2, NULL);
	uint32_t   *values = malloc(4 * VALUES);

	must(mask != NULL);
	for (uint64_t i = 0; i < VALUES; i++)
		values[i] = plain(host, i);
	must(fed_mask_apply(mask, FED_STREAM_DELTA, 0, values, VALUES, NULL));
	fed_words_pack(values, VALUES, host->update);
	fed_mask_free(mask);
	free(values);
	host->committed = true;
}

static void
agree(Server *server, Host *host)
{
	uint8_t		sets[FED_SHA256_BYTES];

	must(fed_secagg_sets(state.ctx, &server->u2, &server->u3, sets, NULL) &&
		 fed_sign_agree(host->identity.seed, sets, host->agreement, NULL));
	host->agreed = true;
}

/* What the others find in the Island's envelopes: any t of them make its secrets, which are those it committed to. */
static bool
secrets_of_island(Server *server, uint8_t *m_sk, uint8_t *b)
{
	static FedShare sk_shares[MAX_HOSTS];
	static FedShare b_shares[MAX_HOSTS];
	uint8_t		x[MAX_HOSTS];
	uint32_t	k = 0;
	FedSecaggAdv adv;
	bool		ok = true;

	fed_adv_unpack(state.own, &adv);
	for (int i = 1; i < server->n_hosts; i++)
	{
		Host	   *holder = &server->hosts[i];
		uint8_t		key[FED_KEY_BYTES];

		ok = ok && fed_share_key(peers[i].c_sk, adv.c_pk, state.ctx, state.u, holder->u, key, NULL) &&
			fed_envelope_open(key, state.ctx, state.u, holder->u, server->hosts[0].envelopes[holder->u - 1], sk_shares[k],
							  b_shares[k], NULL);
		x[k++] = (uint8_t) holder->u;
	}
	for (uint32_t first = 0; ok && first + state.t <= k; first += (k - state.t) / 2)
		ok = fed_shamir_combine(x + first, (const FedShare *) sk_shares + first, state.t, 0, m_sk, NULL) &&
			fed_shamir_combine(x + first, (const FedShare *) b_shares + first, state.t, 0, b, NULL) &&
			fed_adv_has_m_sk(&adv, m_sk) && fed_adv_has_b(&adv, state.c0, b);
	return ok;
}

/* The Island's mask, from the other end of each pair. */
static FedMask *
mask_seen_by_others(Server *server, const uint8_t *b)
{
	FedMask    *mask = fed_mask_new();
	uint8_t		key[FED_KEY_BYTES];
	FedSecaggAdv adv;

	fed_adv_unpack(state.own, &adv);
	must(mask != NULL && fed_self_key(b, state.ctx, state.u, key, NULL) && fed_mask_add_key(mask, key, false, NULL));
	for (int i = 1; i < server->n_hosts; i++)
	{
		uint32_t	v = server->hosts[i].u;

		if (fed_set_has(&server->u2, v))
			must(fed_pair_key(peers[i].m_sk, adv.m_pk, state.ctx, v, state.u, key, NULL) &&
				 fed_mask_add_key(mask, key, state.u < v, NULL));
	}
	return mask;
}

/* By the formula, not by the quantiser. */
static int32_t
quantised(const Server *server, uint64_t i)
{
	const Host *host = &server->hosts[0];
	double		w = fed_quantiser_weight((uint64_t) samples_of(host), (uint32_t) server->n_cap, FED_W_CAP);
	double		x = update_value(host, i);

	x = x > 1 ? 1 : x < -1 ? -1 : x;
	return (int32_t) __builtin_rint(x * (w / FED_W_CAP) * (INT32_MAX / server->n_max / 1.0));
}

static bool
island_is_masked(Server *server, const uint8_t *b)
{
	FedMask    *mask = mask_seen_by_others(server, b);
	uint32_t   *expected = malloc(4 * VALUES);
	uint32_t   *sent = malloc(4 * VALUES);
	bool		ok;

	for (uint64_t i = 0; i < VALUES; i++)
		expected[i] = (uint32_t) quantised(server, i);
	must(fed_mask_apply(mask, FED_STREAM_DELTA, 0, expected, VALUES, NULL));
	fed_words_unpack(server->hosts[0].update, VALUES, sent);
	ok = memcmp(expected, sent, 4 * VALUES) == 0;
	fed_mask_free(mask);
	free(expected);
	free(sent);
	return ok;
}

/* Of all in U3, when what the server may know is taken off: b of U3, m_sk of U2 without U3. */
static bool
sum_is_plain(Server *server, const uint8_t (*m_pk)[FED_KEY_BYTES], const uint8_t *b)
{
	static uint8_t secrets[MAX_HOSTS][FED_KEY_BYTES];
	uint32_t   *sum = calloc(VALUES, 4);
	FedMask    *mask;
	bool		ok = true;

	for (int i = 0; i < server->n_hosts; i++)
	{
		const Host *host = &server->hosts[i];
		bool		in_sum = fed_set_has(&server->u3, host->u);
		uint32_t	at = host->u - 1;

		must(at < MAX_HOSTS);
		memcpy(secrets[at], i == 0 ? b : in_sum ? peers[i].b : peers[i].m_sk, FED_KEY_BYTES);
		if (in_sum)
			fed_mask_sum(sum, host->update, VALUES);
	}
	mask = fed_mask_of_sum((const uint8_t (*)[FED_KEY_BYTES]) secrets, state.ctx, m_pk, server->n, &server->u2, &server->u3, NULL);
	must(mask != NULL && fed_mask_apply(mask, FED_STREAM_DELTA, 0, sum, VALUES, NULL));
	for (uint64_t i = 0; i < VALUES; i++)
	{
		uint32_t	expected = (uint32_t) quantised(server, i);

		for (int j = 1; j < server->n_hosts; j++)
			expected += fed_set_has(&server->u3, server->hosts[j].u) ? plain(&server->hosts[j], i) : 0;
		ok = ok && sum[i] == expected;
	}
	fed_mask_free(mask);
	free(sum);
	return ok;
}

/* One share for each of U2, of the kind that its owner's fate asks for, and right. */
static bool
reveal_is_right(Server *server)
{
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	const Host *island = &server->hosts[0];
	size_t		count;
	bool		ok = fed_reveal_parse(island->reveal, island->reveal_len, state.u, server->n, entries, &count, NULL) &&
		count == fed_set_size(&server->u2);

	for (size_t i = 0; ok && i < count; i++)
	{
		const Host *owner = host_of(server, entries[i].owner);
		bool		in_sum = fed_set_has(&server->u3, owner->u);
		FedShare	sk;
		FedShare	of_b;

		ok = entries[i].kind == (in_sum ? FED_REVEAL_B : FED_REVEAL_SK) && entries[i].x == state.u;
		if (owner == island)
			continue;
		shares_for(owner, state.u, sk, of_b);
		ok = ok && memcmp(entries[i].share, in_sum ? of_b : sk, FED_SHARE_BYTES) == 0;
	}
	return ok;
}

/* The Island's own share of its own secret: on the polynomial that the others hold. */
static bool
own_share_fits(Server *server)
{
	static FedShare shares[MAX_HOSTS];
	uint8_t		x[MAX_HOSTS];
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	FedShare	expected;
	FedShare	unused;
	FedSecaggAdv adv;
	size_t		count;
	bool		ok = fed_reveal_parse(server->hosts[0].reveal, server->hosts[0].reveal_len, state.u, server->n, entries, &count, NULL);

	fed_adv_unpack(state.own, &adv);
	for (uint32_t k = 0; ok && k < state.t; k++)
	{
		Host	   *holder = &server->hosts[k + 1];
		uint8_t		key[FED_KEY_BYTES];

		x[k] = (uint8_t) holder->u;
		ok = fed_share_key(peers[k + 1].c_sk, adv.c_pk, state.ctx, state.u, holder->u, key, NULL) &&
			fed_envelope_open(key, state.ctx, state.u, holder->u, server->hosts[0].envelopes[holder->u - 1], unused, shares[k], NULL);
	}
	ok = ok && fed_shamir_combine(x, (const FedShare *) shares, state.t, (uint8_t) state.u, expected, NULL);
	for (size_t i = 0; ok && i < count; i++)
		ok = entries[i].owner != state.u || memcmp(entries[i].share, expected, sizeof(expected)) == 0;
	return ok;
}

static void
say(bool ok, int n, const char *what)
{
	char		text[128];

	snprintf(text, sizeof(text), "%d Islands: %s", n, what);
	check(ok, text);
	if (err.message[0] != '\0')
		printf("# %s\n", err.message);
	err = (FedError) {0};
}

/* A tenth is lost before sharing, another after, and t are left. */
static void
test_cohort(int n)
{
	Server	   *server = server_alone(n, true, VALUES);
	static uint8_t m_pk[MAX_HOSTS][FED_KEY_BYTES];
	uint8_t		m_sk[FED_KEY_BYTES];
	uint8_t		b[FED_KEY_BYTES];
	int			without_share = n / 10;
	int			without_update = n / 5;

	make_host(server, 0);
	for (int i = 1; i < n; i++)
		make_peer(server, i);
	pin_all(&server->hosts[0]);
	say(run_stage(server, &err) && server->hosts[0].advertised, n, "the Island advertises");
	read_state(server);
	for (int i = 1; i < n; i++)
		advertise(&server->hosts[i]);
	next_stage(server);
	say(run_stage(server, &err) && server->hosts[0].shared, n, "it takes the roster and shares");
	read_state(server);
	for (uint32_t u = 1; u <= server->n; u++)
		memcpy(m_pk[u - 1], host_of(server, u)->adv + FED_PID_BYTES + FED_KEY_BYTES, FED_KEY_BYTES);
	say(state.n == (uint32_t) n && state.t == (uint32_t) (2 * n / 3 + 1) && secrets_of_island(server, m_sk, b), n,
		"any t of its shares make its secrets");
	for (int i = 1; i < n - without_share; i++)
		share(&server->hosts[i]);
	next_stage(server);
	say(run_stage(server, &err) && server->hosts[0].committed, n, "it uploads");
	for (int i = 1; i < n - without_update; i++)
		upload(server, &server->hosts[i], (const uint8_t (*)[FED_KEY_BYTES]) m_pk);
	say(island_is_masked(server, b), n, "under the masks that the others have with it");
	next_stage(server);
	say(run_stage(server, &err) && server->hosts[0].agreed, n, "it signs the sets");
	for (int i = 1; i < n - without_update; i++)
		agree(server, &server->hosts[i]);
	next_stage(server);
	say(run_stage(server, &err) && server->hosts[0].rejected[0] == '\0' && reveal_is_right(server), n,
		"it reveals one share of each, and the right one");
	say(own_share_fits(server), n, "its own one, too");
	say(sum_is_plain(server, (const uint8_t (*)[FED_KEY_BYTES]) m_pk, b), n, "the sum of all is that of the integers");
	server_free(server);
}

int
main(void)
{
	test_cohort(100);
	test_cohort(128);
	return checks_done();
}
