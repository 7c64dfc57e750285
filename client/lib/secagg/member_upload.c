/*
 * member_upload.c
 *		The third step: the update under its masks.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lib/journal.h"
#include "lib/log.h"
#include "lib/secagg/masked.h"
#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

/* The envelope that an owner of U2 sent here, or NULL. */
static const uint8_t *
envelope_of(const FedInbox *inbox, uint32_t owner)
{
	for (size_t i = 0; i < inbox->n; i++)
	{
		if (inbox->envelopes[i].owner == (int64_t) owner && inbox->envelopes[i].whole)
			return inbox->envelopes[i].envelope;
	}
	return NULL;
}

/* C12: opens all once, to see which do not; the shares are not kept. */
static bool
open_all(const FedTurn *turn, const FedInbox *inbox, const FedSecaggSet *u2, FedSecaggSet *closed, FedError *err)
{
	FedShare	sk_share;
	FedShare	b_share;
	FedSecrets	secrets;
	bool		ok = fed_secrets_load(turn->dir, &secrets, err);

	memset(closed, 0, sizeof(*closed));
	for (uint32_t v = 1; ok && v <= turn->state.n; v++)
	{
		const uint8_t *envelope = envelope_of(inbox, v);
		FedError	why = {0};

		if (v == turn->state.u || !fed_set_has(u2, v))
			continue;
		if (envelope != NULL && fed_turn_open(turn, &secrets, v, envelope, sk_share, b_share, &why))
			continue;
		if (why.kind == FED_ERR_LOCAL)
		{
			*err = why;
			ok = false;
		}
		fed_set_add(closed, v);
	}
	OPENSSL_cleanse(sk_share, sizeof(sk_share));
	OPENSSL_cleanse(b_share, sizeof(b_share));
	fed_secrets_wipe(&secrets);
	return ok && fed_check_closed(&turn->state, closed, err);
}

/* C11 and C12; U2 and the envelopes then are the state's. Those that are there already stay. */
static bool
take_inbox(FedTurn *turn, const FedInbox *inbox, FedError *err)
{
	FedState   *state = &turn->state;
	FedSecaggSet u2;
	FedSecaggSet closed;

	if (state->progress < FED_PROGRESS_ROSTER)
		return fed_refuse(err, 11, "this Island has sent no shares in this attempt");
	if (!fed_check_u2(state, &inbox->u2, &u2, err))
		return false;
	if (state->progress >= FED_PROGRESS_INBOX)
		return true;
	if (!open_all(turn, inbox, &u2, &closed, err))
		return false;
	state->u2 = u2;
	state->closed = closed;
	for (uint32_t v = 1; v <= state->n; v++)
	{
		const uint8_t *envelope = envelope_of(inbox, v);

		if (envelope != NULL)
			memcpy(state->envelopes[v - 1], envelope, FED_ENVELOPE_BYTES);
	}
	state->progress = FED_PROGRESS_INBOX;
	return fed_turn_save(turn, err);
}

static bool
complain(FedTurn *turn, FedError *err)
{
	FedReply	reply;

	if (fed_set_size(&turn->state.closed) == 0)
		return true;
	fed_log_warning("%s round %u: the envelopes of %u Islands do not open", turn->task->session, turn->id.round,
					fed_set_size(&turn->state.closed));
	return fed_send_complaint(turn->m->t, &turn->id, &turn->state.closed, &reply, err) &&
		fed_turn_taken("the complaint", &reply, err);
}

/* C13: the integers that were made for this base, or none. */
static bool
load_kept(const FedTurn *turn, FedKept *out, FedError *err)
{
	return fed_kept_load(turn->dir, turn->state.base, out) ||
		fed_refuse(err, 13, "the integers of this round are lost; others must not take their place");
}

/* C13: nothing but what was masked before may be sent for this attempt; the same integers give the same bytes. */
static bool
mask_again(FedTurn *turn, const FedKept *kept, const FedSecrets *secrets, FedError *err)
{
	FedState	again = turn->state;
	char	   *path;

	if (!fed_masked_make(turn->dir, kept, secrets, &again, err))
		return false;
	if (memcmp(again.manifest, turn->state.manifest, sizeof(again.manifest)) == 0)
		return true;
	/* Two vectors under one mask tell their difference to whoever has both. */
	path = fed_masked_path(turn->dir);
	if (path != NULL)
		(void) unlink(path);
	free(path);
	return fed_refuse(err, 13, "the masked update would not be the one that was sent before");
}

static bool
mask_first(FedTurn *turn, const FedKept *kept, const FedSecrets *secrets, FedError *err)
{
	if (!fed_masked_make(turn->dir, kept, secrets, &turn->state, err))
		return false;
	turn->state.progress = FED_PROGRESS_MASKED;
	return fed_turn_save(turn, err);
}

/* C13: what c0 says of clipping and noise is how they were made. */
static bool
check_terms(const FedTurn *turn, const FedKept *kept, FedError *err)
{
	return memcmp(&kept->terms, &turn->state.terms, sizeof(kept->terms)) == 0 ||
		fed_refuse(err, 13, "the integers of this round were made with another clip norm or other noise than the attempt has");
}

static bool
mask(FedTurn *turn, const FedKept *kept, FedError *err)
{
	FedSecrets	secrets;
	bool		ok = check_terms(turn, kept, err) && fed_secrets_load(turn->dir, &secrets, err) &&
		(turn->state.progress < FED_PROGRESS_MASKED ? mask_first(turn, kept, &secrets, err)
		 : mask_again(turn, kept, &secrets, err));

	fed_secrets_wipe(&secrets);
	return ok;
}

/* What was masked, ready to be sent. */
static bool
make_ready(FedTurn *turn, const FedKept *kept, FedMasked *out, FedError *err)
{
	bool		evaluation = turn->task->evaluate_only;

	if (turn->state.progress >= FED_PROGRESS_MASKED && fed_masked_open(turn->dir, &turn->state, evaluation, out))
		return true;
	return mask(turn, kept, err) && (fed_masked_open(turn->dir, &turn->state, evaluation, out) ||
									 fed_error_set(err, FED_ERR_LOCAL, "the masked update in \"%s\" cannot be read back", turn->dir));
}

static bool
send_slices(FedTurn *turn, const FedMasked *masked, int64_t update_id, const FedSliceSet *present, FedReply *reply,
			FedError *err)
{
	for (uint64_t slice = 0; slice < fed_slice_count(masked->values.len); slice++)
	{
		if (fed_slice_set_has(present, slice))
			continue;
		if (!fed_send_slice(turn->m->t, update_id, slice, masked->hashes + slice * FED_SHA256_BYTES,
							masked->values.data + slice * FED_SLICE_BYTES, fed_slice_length(masked->values.len, slice), reply, err))
			return false;
		if (reply->status == FED_REPLY_REJECTED)
			return true;
	}
	return true;
}

static bool
send_update(FedTurn *turn, const FedMasked *masked, const FedCommitment *what, FedReply *reply, FedError *err)
{
	FedSliceSet present = {0};
	int64_t		update_id;
	bool		ok;

	if (turn->task->evaluate_only)
		return fed_send_evaluation(turn->m->t, turn->task->round_id, what, reply, err);
	ok = fed_slice_set_init(&present, fed_slice_count(masked->values.len), err) &&
		fed_send_begin(turn->m->t, turn->task->round_id, what->manifest, reply, &present, err);
	if (ok && reply->status == FED_REPLY_UPLOADING)
	{
		update_id = reply->update_id;
		ok = send_slices(turn, masked, update_id, &present, reply, err) &&
			(reply->status == FED_REPLY_REJECTED || fed_send_commit(turn->m->t, update_id, what, reply, err));
	}
	fed_slice_set_free(&present);
	return ok;
}

static bool
send_aux(FedTurn *turn, FedError *err)
{
	FedReply	reply;

	return turn->state.aux_len == 0 ||
		(fed_send_aux(turn->m->t, &turn->id, turn->state.aux, turn->state.aux_len, &reply, err) &&
		 fed_turn_taken("the aux values", &reply, err));
}

/*
 * Each commit spends, since a server may have had an earlier attempt revealed by
 * others; and other sessions may have spent since this one was advertised for.
 * What is in the journal was allowed, and counts already.
 */
static bool
may_spend(const FedTurn *turn, const FedSpool *record, FedError *err)
{
	bool		sent;

	return fed_journal_has(turn->m->journal, turn->task, record->digest, &sent, err) &&
		(sent || fed_check_budget(turn->task, turn->m->journal, turn->m->policy, err));
}

/* The journal's line and the call have the same numbers. */
static bool
commit(FedTurn *turn, const FedMasked *masked, const FedCommitment *what, FedReply *reply, FedError *err)
{
	FedSpool	record = {.round_id = turn->task->round_id, .num_samples = what->num_samples,
	.metrics = (char *) what->metrics, .delta = masked->values};

	memcpy(record.digest, what->manifest, FED_SHA256_BYTES);
	return may_spend(turn, &record, err) &&
		fed_journal_sending(turn->m->journal, turn->m->host_id, turn->task, &record, err) && send_aux(turn, err) &&
		send_update(turn, masked, what, reply, err) &&
		fed_journal_outcome(turn->m->journal, turn->m->host_id, turn->task, reply, err) &&
		fed_turn_taken("the update", reply, err);
}

static bool
send_masked(FedTurn *turn, const FedKept *kept, const FedMasked *masked, FedError *err)
{
	const FedIdentity *identity = turn->state.mode == FED_SECAGG_ACTIVE ? turn->m->identity : NULL;
	uint8_t		signature[FED_SIGNATURE_BYTES];
	FedCommitment what = {turn->state.manifest, identity == NULL ? NULL : signature, -1, kept->metrics};
	FedSecaggError why;
	FedReply	reply;

	if (identity != NULL && !fed_sign_upload(identity->seed, turn->state.manifest, signature, &why))
		return fed_core_failed(err, &why);
	if (turn->plan.weights == FED_SECAGG_DECLARED)
		what.num_samples = kept->num_samples;
	if (!commit(turn, masked, &what, &reply, err))
		return false;
	fed_log_event("accepted", NULL, "%s round %u, attempt %u: masked update accepted, %llu bytes", turn->task->session,
				  turn->id.round, turn->id.attempt, (unsigned long long) masked->values.len);
	return true;
}

static bool
mask_and_send(FedTurn *turn, const FedKept *kept, FedError *err)
{
	FedMasked	masked;
	bool		ok;

	if (!make_ready(turn, kept, &masked, err))
		return false;
	ok = send_masked(turn, kept, &masked, err);
	fed_masked_close(&masked);
	return ok;
}

/* Trains if need be. *passed: meanwhile another attempt was begun, and this one is over. */
static bool
make_kept(FedTurn *turn, FedKept *kept, bool *passed, FedError *err)
{
	const FedState *state = &turn->state;

	*passed = false;
	if (turn->made)
		return true;			/* and loaded */
	if (!fed_turn_train(turn, err))
		return false;
	*passed = state->round != turn->id.round || state->attempt != turn->id.attempt;
	return *passed || load_kept(turn, kept, err);
}

/* Integers that are lost are found out before anything of the inbox is written down or complained of. */
bool
fed_turn_upload(FedTurn *turn, FedError *err)
{
	FedInbox   *inbox = malloc(sizeof(*inbox));
	FedKept		kept = {0};
	bool		passed;
	bool		ok = (inbox != NULL || fed_error_memory(err)) &&
		fed_check_current(&turn->state, turn->id.round, turn->id.attempt, err) && (!turn->made || load_kept(turn, &kept, err)) &&
		fed_ask_inbox(turn->m->t, &turn->id, inbox, err) && take_inbox(turn, inbox, err) && complain(turn, err) &&
		make_kept(turn, &kept, &passed, err) && (passed || mask_and_send(turn, &kept, err));

	free(inbox);
	fed_kept_close(&kept);
	return ok;
}
