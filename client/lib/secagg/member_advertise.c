/*
 * member_advertise.c
 *		The first step of an attempt: fresh keys, and what is said of them.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/journal.h"
#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

/* What the owner allows, whatever the protocol. */
static bool
is_allowed(const FedTurn *turn, FedError *err)
{
	FedSpent	spent;

	return fed_journal_spent(turn->m->journal, &spent, err) && fed_policy_allows(turn->m->policy, turn->task, &spent, err) &&
		fed_check_policy(&turn->plan, turn->m->policy, err);
}

/* C3 to C6; C1 and C2 came before. The params are then complete. */
static bool
check_all(FedTurn *turn, FedSecaggParams *params, FedError *err)
{
	const FedTask *task = turn->task;
	const FedMember *m = turn->m;
	FedManifest *manifest = NULL;
	bool		ok = fed_check_order(&turn->plan, &turn->state, turn->id.round, turn->id.attempt, task->evaluate_only, err) &&
		is_allowed(turn, err) &&
		fed_plan_params(&turn->plan, task->session_id, turn->id.round, turn->id.attempt, task->evaluate_only, task->parameters,
						params, err) &&
		fed_check_params(&turn->plan, task->secagg, params, err) &&
		turn->work->fetch(turn->work->arg, task, params->base, &manifest, err) &&
		fed_check_manifest(&turn->plan, manifest, err) &&
		(manifest->parameters == task->parameters ||
		 fed_refuse(err, 3, "the model has another number of parameters than the task says")) &&
		fed_check_not_revealed(m->root, params, task->session_id, m->policy, err);

	fed_manifest_free(manifest);
	if (ok && turn->state.progress == FED_PROGRESS_REVEALED &&
		(turn->state.round == params->round || memcmp(turn->state.base, params->base, sizeof(params->base)) == 0))
		ok = fed_refuse(err, 5, "this Island has already revealed for this session and round or model");
	return ok;
}

static bool
own_pid(const FedMember *m, uint8_t pid[FED_PID_BYTES], FedSecaggError *why)
{
	uint8_t		fresh[FED_KEY_BYTES];

	if (m->identity != NULL)
	{
		memcpy(pid, m->identity->pid, FED_PID_BYTES);
		return true;
	}
	if (!fed_secret_fresh(fresh, why))
		return false;
	memcpy(pid, fresh, FED_PID_BYTES);
	return true;
}

static bool
make_adv(const FedMember *m, const FedSecrets *secrets, const uint8_t *c0, uint8_t out[FED_ADV_BYTES], FedError *err)
{
	FedSecaggError why;
	FedSecaggAdv adv;

	if (!own_pid(m, adv.pid, &why) || !fed_x25519_public(secrets->c_sk, adv.c_pk, &why) ||
		!fed_x25519_public(secrets->m_sk, adv.m_pk, &why) || !fed_secagg_commit(c0, adv.pid, secrets->b, adv.commit, &why))
		return fed_core_failed(err, &why);
	fed_adv_pack(&adv, out);
	return true;
}

/* Whatever came before is erased first; then keys, then the state that speaks of them. */
static bool
begin_attempt(FedTurn *turn, const FedSecaggParams *params, const uint8_t c0[FED_SHA256_BYTES], FedError *err)
{
	FedState   *state = &turn->state;
	FedSecrets	secrets;
	bool		ok = fed_state_drop_attempt(turn->dir, state, err) && fed_secrets_make(&secrets, err);

	if (!ok)
		return false;
	state->has_task = true;
	memcpy(state->task, turn->plan.hash, sizeof(state->task));
	state->metrics = turn->plan.metrics;
	state->round = params->round;
	state->attempt = params->attempt;
	state->progress = FED_PROGRESS_ADVERTISED;
	state->mode = params->mode;
	state->min_updates = turn->plan.min_updates;
	memcpy(state->base, params->base, sizeof(state->base));
	memcpy(state->c0, c0, sizeof(state->c0));
	ok = make_adv(turn->m, &secrets, c0, state->own, err) && fed_secrets_save(turn->dir, &secrets, err) &&
		fed_turn_save(turn, err);
	fed_secrets_wipe(&secrets);
	return ok;
}

static bool
send_adv(FedTurn *turn, FedError *err)
{
	const FedIdentity *identity = turn->m->identity;
	const FedState *state = &turn->state;
	uint8_t		signature[FED_SIGNATURE_BYTES];
	FedSecaggError why;
	FedReply	reply;

	if (identity != NULL && !fed_sign_adv(identity->seed, state->c0, state->own, signature, &why))
		return fed_core_failed(err, &why);
	return fed_turn_note(turn, "advertise", state->own, FED_ADV_BYTES, err) &&
		fed_send_advertise(turn->m->t, &turn->id, state->own, identity == NULL ? NULL : identity->public_key,
						   identity == NULL ? NULL : signature, &reply, err) &&
		fed_turn_taken("the keys", &reply, err);
}

bool
fed_turn_advertise(FedTurn *turn, FedError *err)
{
	FedState   *state = &turn->state;
	bool		resumes = turn->id.round == state->round && turn->id.attempt == state->attempt;
	uint8_t		c0[FED_SHA256_BYTES];
	FedSecaggParams params;
	FedSecaggError why;

	if (!check_all(turn, &params, err))
		return false;
	if (!fed_secagg_c0(&params, c0, &why))
		return fed_core_failed(err, &why);
	if (resumes && memcmp(c0, state->c0, sizeof(c0)) != 0)
		return fed_refuse(err, 3, "the attempt is not the one that this Island has advertised for");
	return (resumes || begin_attempt(turn, &params, c0, err)) && send_adv(turn, err);
}
