/*
 * secagg_sum.h
 *		The sum that a server makes out of masked updates and reveals, and what it must be.
 */
#ifndef FED_TEST_SECAGG_SUM_H
#define FED_TEST_SECAGG_SUM_H

#include "secagg_islands.h"

typedef struct Owner
{
	FedSecaggAdv adv;
	uint8_t		c0[FED_SHA256_BYTES];
	bool		of_b;
} Owner;

static inline bool
is_secret(const FedShare candidate, void *arg)
{
	const Owner *owner = arg;

	return owner->of_b ? fed_adv_has_b(&owner->adv, owner->c0, candidate) : fed_adv_has_m_sk(&owner->adv, candidate);
}

static inline bool
recover(Server *server, uint32_t u, const uint8_t *c0, uint8_t *secret)
{
	FedShare	shares[MAX_HOSTS];
	uint8_t		x[MAX_HOSTS];
	uint32_t	k = 0;
	uint32_t	tries = FED_SHAMIR_TRIES;
	bool		deviates[MAX_HOSTS];
	Owner		owner = {.of_b = fed_set_has(&server->u3, u)};

	fed_adv_unpack(host_of(server, u)->adv, &owner.adv);
	memcpy(owner.c0, c0, sizeof(owner.c0));
	for (uint32_t v = 1; v <= server->n; v++)
	{
		FedReveal	entries[FED_SECAGG_MAX_COHORT];
		size_t		count;
		Host	   *host = host_of(server, v);

		if (host->reveal_len == 0 || !fed_reveal_parse(host->reveal, host->reveal_len, v, server->n, entries, &count, NULL))
			continue;
		for (size_t i = 0; i < count; i++)
		{
			if (entries[i].owner == u)
			{
				x[k] = entries[i].x;
				memcpy(shares[k++], entries[i].share, sizeof(FedShare));
			}
		}
	}
	return fed_shamir_recover(x, (const FedShare *) shares, k, server->t, is_secret, &owner, secret, deviates, &tries, NULL);
}

static inline FedMask *
mask_of_sum(Server *server)
{
	uint8_t		secrets[MAX_HOSTS][FED_KEY_BYTES] = {{0}};
	uint8_t		m_pk[MAX_HOSTS][FED_KEY_BYTES];
	uint8_t		advs[MAX_HOSTS][FED_ADV_BYTES];
	uint8_t		ctx[FED_CTX_BYTES];
	FedState	state;
	char	   *dir = NULL;

	/* c0 is any Island's: that all have the same is what the checks are for. */
	for (int i = 0; i < server->n_hosts && dir == NULL; i++)
	{
		if (server->hosts[i].reveal_len > 0)
			dir = fed_state_dir(server->hosts[i].root, server->session_id, NULL);
	}
	if (dir == NULL || !fed_state_load(dir, server->session_id, &state, NULL))
		return NULL;
	free(dir);
	for (uint32_t u = 1; u <= server->n; u++)
	{
		FedSecaggAdv adv;

		memcpy(advs[u - 1], host_of(server, u)->adv, FED_ADV_BYTES);
		fed_adv_unpack(advs[u - 1], &adv);
		memcpy(m_pk[u - 1], adv.m_pk, FED_KEY_BYTES);
		if (fed_set_has(&server->u2, u) && !recover(server, u, state.c0, secrets[u - 1]))
			return NULL;
	}
	fed_secagg_ctx(state.c0, server->n, server->t, (const uint8_t (*)[FED_ADV_BYTES]) advs, ctx, NULL);
	return fed_mask_of_sum((const uint8_t (*)[FED_KEY_BYTES]) secrets, ctx, (const uint8_t (*)[FED_KEY_BYTES]) m_pk, server->n,
						   &server->u2, &server->u3, NULL);
}

/* Sum of stream 0 in sum (n_values) and of aux in aux (FED_MAX_AUX); false if shares are missing. */
static inline bool
server_sum(Server *server, uint32_t *sum, uint32_t *aux)
{
	FedMask    *mask = mask_of_sum(server);
	size_t		aux_values = 0;
	bool		ok = mask != NULL;

	memset(sum, 0, 4 * server->n_values);
	memset(aux, 0, 4 * FED_MAX_AUX);
	for (uint32_t u = 1; ok && u <= server->n; u++)
	{
		if (!fed_set_has(&server->u3, u))
			continue;
		fed_mask_sum(sum, host_of(server, u)->update, server->n_values);
		aux_values = host_of(server, u)->aux_len / 4;
		fed_mask_sum(aux, host_of(server, u)->aux, aux_values);
	}
	ok = ok && fed_mask_apply(mask, FED_STREAM_DELTA, 0, sum, server->n_values, NULL) &&
		fed_mask_apply(mask, FED_STREAM_AUX, 0, aux, aux_values, NULL);
	fed_mask_free(mask);
	return ok;
}

/* What must come out, by the formula: weights and integers of those in U3. */
static inline bool
sum_is_exact(Server *server)
{
	uint32_t   *sum = malloc(4 * server->n_values);
	uint32_t	aux[FED_MAX_AUX];
	uint32_t	weights = 0;
	uint32_t	members = 0;
	bool		ok = server_sum(server, sum, aux);

	for (uint64_t i = 0; ok && i < server->n_values; i++)
	{
		int64_t		expected = 0;

		for (int h = 0; h < server->n_hosts; h++)
		{
			Host	   *host = &server->hosts[h];
			double		w = fed_quantiser_weight((uint64_t) samples_of(host), (uint32_t) server->n_cap, FED_W_CAP);
			double		levels = INT32_MAX / server->n_max;
			double		x = update_value(host, i);

			if (host->u == 0 || !fed_set_has(&server->u3, host->u))
				continue;
			x = x > 1 ? 1 : x < -1 ? -1 : x;
			expected += (int64_t) __builtin_rint(x * (w / FED_W_CAP) * (levels / 1.0));
			if (i == 0)
			{
				weights += (uint32_t) w;
				members++;
			}
		}
		ok = server->evaluation || (int32_t) sum[i] == (int32_t) expected;
	}
	ok = ok && aux[FED_AUX_COUNT] == (server->evaluation ? aux[FED_AUX_COUNT] : members) &&
		(server->evaluation || aux[FED_AUX_WEIGHT] == weights);
	free(sum);
	return ok;
}

/* What an Island keeps for the model that it was given. */
static inline bool
load_kept(const Host *host, FedKept *kept)
{
	char	   *dir = fed_state_dir(host->root, host->server->session_id, NULL);
	FedState	state;
	bool		ok = dir != NULL && fed_state_load(dir, host->server->session_id, &state, NULL) &&
		fed_kept_load(dir, state.base, kept);

	free(dir);
	return ok;
}

/* The same, in a hash; nothing kept: zeroes. */
static inline void
hash_kept(const Host *host, uint8_t out[FED_SHA256_BYTES])
{
	FedKept		kept;

	memset(out, 0, FED_SHA256_BYTES);
	if (!load_kept(host, &kept))
		return;
	fed_hash_vector(kept.q.data, kept.q.len, out, NULL, NULL);
	fed_kept_close(&kept);
}

/* The sum of the integers that Islands of U3 keep, noise included, is the one that came out. */
static inline bool
sum_is_of_kept(Server *server)
{
	uint32_t   *sum = malloc(4 * server->n_values);
	uint32_t	aux[FED_MAX_AUX];
	bool		ok = server_sum(server, sum, aux);

	for (int h = 0; ok && h < server->n_hosts; h++)
	{
		Host	   *host = &server->hosts[h];
		FedKept		kept;

		if (host->u == 0 || !fed_set_has(&server->u3, host->u))
			continue;
		ok = load_kept(host, &kept) && kept.q.len == 4 * server->n_values;
		for (uint64_t i = 0; ok && i < server->n_values; i++)
		{
			uint32_t	value;

			fed_words_unpack(kept.q.data + 4 * i, 1, &value);
			sum[i] -= value;
		}
		for (uint32_t i = 0; ok && i < kept.aux_len; i++)
			aux[i] -= kept.aux[i];
		fed_kept_close(&kept);
	}
	for (uint64_t i = 0; ok && i < server->n_values; i++)
		ok = sum[i] == 0;
	for (int i = 0; ok && i < FED_MAX_AUX; i++)
		ok = aux[i] == 0;
	free(sum);
	return ok;
}

#endif							/* FED_TEST_SECAGG_SUM_H */
