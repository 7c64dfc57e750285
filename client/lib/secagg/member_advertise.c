/*
 * member_advertise.c
 *		The first step of an attempt: fresh keys, and what is said of them.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

/* C3: the model and its tensors, and what was made for it before. */
static bool
check_model(FedTurn *turn, FedSecaggParams *params, const FedNoiseTerms *terms, FedError *err)
{
	const FedTask *task = turn->task;
	FedManifest *manifest = NULL;
	bool		ok = turn->work->fetch(turn->work->arg, task, params->base, &manifest, err) &&
		fed_check_manifest(&turn->plan, manifest, err) &&
		(manifest->parameters == task->parameters ||
		 fed_refuse(err, 3, "the model has another number of parameters than the task says")) &&
		fed_check_kept(turn->dir, params->base, terms, err);

	fed_manifest_free(manifest);
	return ok;
}

/* C3 to C6; C1 and C2 came before. The params are then complete. */
static bool
check_all(FedTurn *turn, FedSecaggParams *params, FedNoiseTerms *terms, FedError *err)
{
	const FedTask *task = turn->task;
	const FedMember *m = turn->m;
	const FedOffer *offer = task->secagg;
	const FedPlan *plan = &turn->plan;

	if (!fed_check_order(plan, &turn->state, turn->id.round, turn->id.attempt, task->evaluate_only, err) ||
		!fed_plan_params(plan, task->session_id, turn->id.round, turn->id.attempt, task->evaluate_only, task->parameters,
						 offer->clip, params, err) ||
		!fed_plan_noise_terms(&plan->privacy, offer->clip, terms, err) || !fed_check_params(plan, offer, params, err) ||
		!fed_check_allowed(task, m->journal, m->policy, err) || !fed_check_policy(plan, terms, m->policy, err) ||
		!check_model(turn, params, terms, err) ||
		!fed_check_not_revealed(m->root, params, task->session_id, m->policy, err))
		return false;
	return turn->state.progress != FED_PROGRESS_REVEALED ||
		(turn->state.round != params->round && memcmp(turn->state.base, params->base, sizeof(params->base)) != 0) ||
		fed_refuse(err, 5, "this Island has already revealed for this session and round or model");
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
begin_attempt(FedTurn *turn, const FedSecaggParams *params, const FedNoiseTerms *terms, const uint8_t c0[FED_SHA256_BYTES],
			  FedError *err)
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
	state->terms = *terms;
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
	FedNoiseTerms terms;
	FedSecaggError why;

	if (!check_all(turn, &params, &terms, err))
		return false;
	if (!fed_secagg_c0(&params, c0, &why))
		return fed_core_failed(err, &why);
	if (resumes && memcmp(c0, state->c0, sizeof(c0)) != 0)
		return fed_refuse(err, 3, "the attempt is not the one that this Island has advertised for");
	return (resumes || begin_attempt(turn, &params, &terms, c0, err)) && send_adv(turn, err);
}
