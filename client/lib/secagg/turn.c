/*
 * turn.c
 *		One look of a member at one task: what its steps share.
 */
#include "lib/secagg/turn.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/journal.h"
#include "lib/secagg/made.h"
#include "lib/secagg/refuse.h"

bool
fed_turn_begin(FedTurn *turn, FedMember *m, const FedTask *task, const FedMemberWork *work, FedError *err)
{
	const FedOffer *offer = task->secagg;

	memset(turn, 0, sizeof(*turn));
	turn->m = m;
	turn->task = task;
	turn->work = work;
	if (offer->round < 1 || offer->round > INT32_MAX || offer->attempt < 1 || offer->attempt > INT32_MAX ||
		(!task->evaluate_only && offer->round != task->round))
		return fed_refuse(err, 4, "a round or attempt that does not exist");
	turn->id = (FedAttemptId) {task->session_id, (uint32_t) offer->round, (uint32_t) offer->attempt};
	turn->dir = fed_state_dir(m->root, task->session_id, err);
	if (turn->dir != NULL && fed_state_load(turn->dir, task->session_id, &turn->state, err) &&
		fed_made_find(turn->dir, turn->state.base, &turn->made, err) &&
		fed_plan_read(&turn->plan, offer->task_text, offer->task_text_len, err) &&
		fed_check_mode(&turn->plan, m->identity != NULL, m->policy, err) &&
		fed_check_text(&turn->plan, &turn->state, task, err))
		return true;
	fed_turn_end(turn);
	return false;
}

void
fed_turn_end(FedTurn *turn)
{
	fed_plan_free(&turn->plan);
	free(turn->dir);
	turn->dir = NULL;
}

bool
fed_turn_save(FedTurn *turn, FedError *err)
{
	return fed_state_save(turn->dir, &turn->state, err);
}

bool
fed_turn_note(const FedTurn *turn, const char *message, const void *data, size_t len, FedError *err)
{
	return fed_journal_message(turn->m->journal, turn->m->host_id, turn->task, turn->id.attempt, message, data, len, err);
}

bool
fed_turn_taken(const char *message, const FedReply *reply, FedError *err)
{
	if (reply->status != FED_REPLY_REJECTED)
		return true;
	return fed_error_set(err, FED_ERR_SERVER, "the server rejects %s of secure aggregation, %s: %s", message, reply->reason,
						 reply->detail);
}

bool
fed_turn_deal(const FedTurn *turn, const FedSecrets *secrets, FedShare *sk_shares, FedShare *b_shares, FedError *err)
{
	const FedState *state = &turn->state;
	FedSecaggError why;

	return (fed_shamir_deal(secrets->m_sk, secrets->sk_coefficients, state->t, state->n, sk_shares, &why) &&
			fed_shamir_deal(secrets->b, secrets->b_coefficients, state->t, state->n, b_shares, &why)) ||
		fed_core_failed(err, &why);
}

bool
fed_turn_open(const FedTurn *turn, const FedSecrets *secrets, uint32_t owner, const uint8_t envelope[FED_ENVELOPE_BYTES],
			  FedShare sk_share, FedShare b_share, FedError *err)
{
	const FedState *state = &turn->state;
	uint8_t		key[FED_KEY_BYTES];
	FedSecaggError why;
	FedSecaggAdv adv;
	bool		ok;

	fed_adv_unpack(state->advs[owner - 1], &adv);
	ok = fed_share_key(secrets->c_sk, adv.c_pk, state->ctx, owner, state->u, key, &why) &&
		fed_envelope_open(key, state->ctx, owner, state->u, envelope, sk_share, b_share, &why);
	OPENSSL_cleanse(key, sizeof(key));
	return ok || fed_refuse_core(err, 12, &why);
}
