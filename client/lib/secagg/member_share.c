/*
 * member_share.c
 *		The second step: who takes part, and a share of both secrets for each.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

/* C7 to C10; the roster then is the state's. */
static bool
take_roster(FedTurn *turn, const FedRoster *roster, FedError *err)
{
	FedState   *state = &turn->state;
	uint8_t		advs[FED_SECAGG_MAX_COHORT][FED_ADV_BYTES] = {{0}};
	uint8_t		ctx[FED_CTX_BYTES];
	uint32_t	n = (uint32_t) roster->n;
	uint32_t	t;
	uint32_t	u;
	FedSecaggError why;

	if (!fed_check_size(&turn->plan, roster, turn->m->policy, err) ||
		!fed_check_members(&turn->plan, roster, state->own, &u, err) ||
		(state->mode == FED_SECAGG_ACTIVE && !fed_check_identities(roster, state->c0, turn->m->identity, turn->m->trust, err)))
		return false;
	for (uint32_t i = 0; i < n; i++)
		memcpy(advs[i], roster->members[i].adv, FED_ADV_BYTES);
	t = fed_secagg_threshold(state->mode, n);
	if (!fed_secagg_ctx(state->c0, n, t, (const uint8_t (*)[FED_ADV_BYTES]) advs, ctx, &why))
		return fed_core_failed(err, &why);
	if (!fed_check_ctx(state, ctx, err))
		return false;
	if (state->progress >= FED_PROGRESS_ROSTER)
		return true;
	state->n = n;
	state->t = t;
	state->u = u;
	memcpy(state->ctx, ctx, sizeof(ctx));
	memcpy(state->advs, advs, sizeof(advs));
	for (uint32_t i = 0; i < n; i++)
		memcpy(state->identities[i], roster->members[i].identity, FED_KEY_BYTES);
	state->progress = FED_PROGRESS_ROSTER;
	return fed_turn_save(turn, err);
}

/* The envelope to one holder. */
static bool
seal(const FedTurn *turn, const FedSecrets *secrets, uint32_t holder, const FedShare sk_share, const FedShare b_share,
	 uint8_t *out, FedError *err)
{
	const FedState *state = &turn->state;
	uint8_t		key[FED_KEY_BYTES];
	FedSecaggError why;
	FedSecaggAdv adv;
	bool		ok;

	fed_adv_unpack(state->advs[holder - 1], &adv);
	ok = fed_share_key(secrets->c_sk, adv.c_pk, state->ctx, state->u, holder, key, &why) &&
		fed_envelope_seal(key, state->ctx, state->u, holder, secrets->nonces[holder - 1], sk_share, b_share, out, &why);
	OPENSSL_cleanse(key, sizeof(key));
	return ok || fed_core_failed(err, &why);
}

/* n - 1 envelopes in the order of holders. The same whenever it is called: nonces and coefficients are kept. */
static bool
seal_all(const FedTurn *turn, const FedSecrets *secrets, uint8_t *out, FedError *err)
{
	FedShare	sk_shares[FED_SECAGG_MAX_COHORT];
	FedShare	b_shares[FED_SECAGG_MAX_COHORT];
	bool		ok = fed_turn_deal(turn, secrets, sk_shares, b_shares, err);

	for (uint32_t v = 1; ok && v <= turn->state.n; v++)
	{
		if (v == turn->state.u)
			continue;
		ok = seal(turn, secrets, v, sk_shares[v - 1], b_shares[v - 1], out, err);
		out += FED_ENVELOPE_BYTES;
	}
	OPENSSL_cleanse(sk_shares, sizeof(sk_shares));
	OPENSSL_cleanse(b_shares, sizeof(b_shares));
	return ok;
}

static bool
send_shares(FedTurn *turn, const FedSecrets *secrets, FedError *err)
{
	uint8_t		envelopes[FED_SECAGG_MAX_COHORT * FED_ENVELOPE_BYTES];
	size_t		len = (turn->state.n - 1) * (size_t) FED_ENVELOPE_BYTES;
	FedReply	reply;

	return seal_all(turn, secrets, envelopes, err) && fed_turn_note(turn, "share", envelopes, len, err) &&
		fed_send_share(turn->m->t, &turn->id, envelopes, len, &reply, err) && fed_turn_taken("the shares", &reply, err);
}

/* Keys that are lost are found out before the roster is written down. */
bool
fed_turn_share(FedTurn *turn, FedError *err)
{
	FedRoster  *roster = malloc(sizeof(*roster));
	FedSecrets	secrets = {{0}};
	bool		ok = (roster != NULL || fed_error_memory(err)) &&
		fed_check_current(&turn->state, turn->id.round, turn->id.attempt, err) && fed_secrets_load(turn->dir, &secrets, err) &&
		fed_ask_roster(turn->m->t, &turn->id, roster, err) && take_roster(turn, roster, err) && send_shares(turn, &secrets, err);

	fed_secrets_wipe(&secrets);
	free(roster);
	return ok;
}
