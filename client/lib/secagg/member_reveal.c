/*
 * member_reveal.c
 *		The last steps: agreeing on who is summed, and giving shares away for it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/log.h"
#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

/* The hash of the sets that this Island saw. */
static bool
hash_sets(const FedState *state, const FedSecaggSet *u3, uint8_t sets[FED_SHA256_BYTES], FedError *err)
{
	FedSecaggError why;

	return fed_secagg_sets(state->ctx, &state->u2, u3, sets, &why) || fed_core_failed(err, &why);
}

static bool
need_masked(const FedState *state, int check, FedError *err)
{
	return state->progress >= FED_PROGRESS_MASKED ||
		fed_refuse(err, check, "this Island has masked nothing in this attempt");
}

static bool
send_agree(FedTurn *turn, const uint8_t sets[FED_SHA256_BYTES], FedError *err)
{
	uint8_t		signature[FED_SIGNATURE_BYTES];
	FedSecaggError why;
	FedReply	reply;

	if (!fed_sign_agree(turn->m->identity->seed, sets, signature, &why))
		return fed_core_failed(err, &why);
	return fed_turn_note(turn, "agree", sets, FED_SHA256_BYTES, err) &&
		fed_send_agree(turn->m->t, &turn->id, signature, &reply, err) && fed_turn_taken("the signature", &reply, err);
}

/* C14 and C15; what is signed is then the state's. */
static bool
agree_on(FedTurn *turn, const FedAgreements *given, FedError *err)
{
	FedState   *state = &turn->state;
	uint8_t		sets[FED_SHA256_BYTES];
	FedSecaggSet u3;

	if (!need_masked(state, 14, err) || !fed_check_sets(14, state, given, &u3, err) || !fed_check_signed(state, &u3, err) ||
		!hash_sets(state, &u3, sets, err))
		return false;
	if (state->mode != FED_SECAGG_ACTIVE || turn->m->identity == NULL)
		return fed_refuse(err, 14, "a signature is asked for in a session that has none");
	if (state->progress < FED_PROGRESS_AGREED)
	{
		state->u3 = u3;
		state->progress = FED_PROGRESS_AGREED;
		if (!fed_turn_save(turn, err))
			return false;
	}
	return send_agree(turn, sets, err);
}

bool
fed_turn_agree(FedTurn *turn, FedError *err)
{
	FedAgreements *given = malloc(sizeof(*given));
	bool		ok = (given != NULL || fed_error_memory(err)) &&
		fed_check_current(&turn->state, turn->id.round, turn->id.attempt, err) &&
		fed_ask_sets(turn->m->t, &turn->id, given, err) && agree_on(turn, given, err);

	free(given);
	return ok;
}

/* One entry per owner: of b for those in U3, of m_sk for the others; the own ones from the own polynomials. */
static bool
make_entries(const FedTurn *turn, const FedSecrets *secrets, const FedSecaggSet *u3, FedReveal *entries, size_t *count,
			 FedError *err)
{
	const FedState *state = &turn->state;
	FedShare	sk_shares[FED_SECAGG_MAX_COHORT];
	FedShare	b_shares[FED_SECAGG_MAX_COHORT];
	bool		ok = fed_turn_deal(turn, secrets, sk_shares, b_shares, err);

	*count = 0;
	for (uint32_t v = 1; ok && v <= state->n; v++)
	{
		FedReveal  *entry = &entries[*count];
		FedShare   *sk = &sk_shares[v - 1];
		FedShare   *b = &b_shares[v - 1];
		bool		in_sum = fed_set_has(u3, v);

		if (!fed_set_has(&state->u2, v) || fed_set_has(&state->closed, v))
			continue;
		ok = v == state->u || fed_turn_open(turn, secrets, v, state->envelopes[v - 1], *sk, *b, err);
		entry->owner = v;
		entry->kind = in_sum ? FED_REVEAL_B : FED_REVEAL_SK;
		entry->x = (uint8_t) state->u;
		memcpy(entry->share, in_sum ? *b : *sk, sizeof(FedShare));
		(*count)++;
	}
	OPENSSL_cleanse(sk_shares, sizeof(sk_shares));
	OPENSSL_cleanse(b_shares, sizeof(b_shares));
	return ok;
}

/* C20. The reveal is then the state's, but not yet on the disk. */
static bool
make_reveal(FedTurn *turn, const FedSecaggSet *u3, FedError *err)
{
	FedState   *state = &turn->state;
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	FedSecrets	secrets;
	size_t		count = 0;
	bool		ok = fed_secrets_load(turn->dir, &secrets, err) && make_entries(turn, &secrets, u3, entries, &count, err);

	fed_secrets_wipe(&secrets);
	if (ok)
	{
		fed_reveal_pack(entries, count, state->reveal);
		state->reveal_len = (uint32_t) (count * FED_REVEAL_BYTES);
		ok = fed_check_kinds(state, u3, state->reveal, state->reveal_len, err);
	}
	OPENSSL_cleanse(entries, sizeof(entries));
	return ok;
}

/*
 * From here on the reveal may be on its way: it is on the disk, and it is
 * remembered, before anything is sent. The keys are then good for nothing more.
 */
static bool
send_reveal(FedTurn *turn, const uint8_t sets[FED_SHA256_BYTES], FedError *err)
{
	FedState   *state = &turn->state;
	FedReply	reply;

	if (!fed_revealed_add(turn->m->root, state, sets, err) || !fed_secrets_erase(turn->dir, err) ||
		!fed_turn_note(turn, "reveal", state->reveal, state->reveal_len, err) ||
		!fed_send_reveal(turn->m->t, &turn->id, state->reveal, state->reveal_len, &reply, err))
		return false;
	if (reply.status == FED_REPLY_REJECTED && strcmp(reply.reason, "secagg_stale") == 0)
	{
		fed_log_info("%s round %u, attempt %u: the shares of others were enough", turn->task->session, turn->id.round,
					 turn->id.attempt);
		return true;
	}
	if (!fed_turn_taken("the reveal", &reply, err))
		return false;
	fed_log_event("revealed", NULL, "%s round %u, attempt %u: shares for the sum of %u updates sent", turn->task->session,
				  turn->id.round, turn->id.attempt, fed_set_size(&state->u3));
	return true;
}

/* C16 to C18, in the order that tells most: what was revealed before, what was signed, who else signed. */
static bool
check_all(const FedTurn *turn, const FedAgreements *given, FedSecaggSet *u3, uint8_t sets[FED_SHA256_BYTES], FedError *err)
{
	const FedState *state = &turn->state;
	const FedMember *m = turn->m;

	return need_masked(state, 16, err) && fed_check_sets(16, state, given, u3, err) && hash_sets(state, u3, sets, err) &&
		fed_check_reveal(m->root, state, sets, u3, m->policy, err) && fed_check_signed(state, u3, err) &&
		(state->mode != FED_SECAGG_ACTIVE || fed_check_signatures(state, given, sets, u3, m->identity, m->trust, err));
}

static bool
reveal_for(FedTurn *turn, const FedAgreements *given, FedError *err)
{
	FedState   *state = &turn->state;
	uint8_t		sets[FED_SHA256_BYTES];
	FedSecaggSet u3;

	if (!check_all(turn, given, &u3, sets, err))
		return false;
	if (state->progress < FED_PROGRESS_REVEALED)
	{
		if (!make_reveal(turn, &u3, err))
			return false;
		state->u3 = u3;
		state->progress = FED_PROGRESS_REVEALED;
		if (!fed_turn_save(turn, err))
			return false;
	}
	return send_reveal(turn, sets, err);
}

/* Of an attempt that is not in hand, when it has revealed for the round: that says more than C16. */
static bool
check_other_attempt(const FedTurn *turn, FedError *err)
{
	FedRevealed found;

	if (turn->id.round == turn->state.round && turn->id.attempt == turn->state.attempt)
		return true;
	if (!fed_revealed_find(turn->m->root, turn->id.session_id, turn->id.round, turn->state.base, NULL, NULL, &found, err))
		return false;
	return !found.other || fed_refuse(err, 18, "this Island has already revealed for this session and round or model");
}

bool
fed_turn_reveal(FedTurn *turn, FedError *err)
{
	FedAgreements *given = malloc(sizeof(*given));
	bool		ok = (given != NULL || fed_error_memory(err)) && check_other_attempt(turn, err) &&
		fed_check_current(&turn->state, turn->id.round, turn->id.attempt, err) &&
		fed_ask_agreements(turn->m->t, &turn->id, given, err) && reveal_for(turn, given, err);

	free(given);
	return ok;
}
