/*
 * member_train.c
 *		Between the steps: the integers that will be masked are made, once for a model.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/secagg/made.h"
#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

bool
fed_turn_wants_training(const FedTurn *turn)
{
	const FedState *state = &turn->state;

	return turn->id.round == state->round && turn->id.attempt == state->attempt &&
		state->progress >= FED_PROGRESS_ADVERTISED && state->progress < FED_PROGRESS_MASKED && !turn->made;
}

/* A delta as long as the model, or it would be known only when others have relied on it. */
static bool
check_outcome(const FedTask *task, const FedOutcome *outcome, FedError *err)
{
	struct stat st;

	if (task->evaluate_only)
		return outcome->delta_path == NULL || fed_error_set(err, FED_ERR_TRAINER, "an evaluation has no update");
	if (outcome->delta_path == NULL || stat(outcome->delta_path, &st) != 0)
		return fed_error_set(err, FED_ERR_TRAINER, "there is no update");
	return (uint64_t) st.st_size == 4 * task->parameters ||
		fed_error_set(err, FED_ERR_TRAINER, "the update has %lld bytes instead of %llu", (long long) st.st_size,
					  4 * (unsigned long long) task->parameters);
}

/* From then on what gets lost is not replaced. */
static bool
remember(FedTurn *turn, FedError *err)
{
	turn->made = fed_made_add(turn->dir, turn->state.base, err);
	return turn->made;
}

/* Once for a base. */
static bool
keep(FedTurn *turn, const FedOutcome *outcome, FedError *err)
{
	return check_outcome(turn->task, outcome, err) &&
		fed_kept_make(turn->dir, &turn->plan, &turn->state.terms, turn->state.base, outcome, err) && remember(turn, err);
}

/* C3 again: what is trained on must still be what the keys were advertised for. */
static bool
fetch_same(FedTurn *turn, FedError *err)
{
	uint8_t		base[FED_SHA256_BYTES];
	FedManifest *manifest = NULL;
	bool		ok = turn->work->fetch(turn->work->arg, turn->task, base, &manifest, err);

	fed_manifest_free(manifest);
	return ok && (memcmp(base, turn->state.base, sizeof(base)) == 0 ||
				  fed_refuse(err, 3, "the model is not the one that this Island has advertised for"));
}

/*
 * While it trained, keys and shares may have been sent, also of a later attempt.
 * C3 if that is at another model: what was trained is of no use there.
 */
static bool
load_again(FedTurn *turn, const uint8_t base[FED_SHA256_BYTES], FedError *err)
{
	return fed_state_load(turn->dir, turn->task->session_id, &turn->state, err) &&
		(memcmp(base, turn->state.base, FED_SHA256_BYTES) == 0 ||
		 fed_refuse(err, 3, "while this Island trained, an attempt at another model was begun"));
}

static bool
train(FedTurn *turn, FedError *err)
{
	uint8_t		base[FED_SHA256_BYTES];
	FedOutcome	outcome = {0};
	char	   *task = fed_plan_task(&turn->plan, turn->task->session_id, turn->id.round, turn->task->evaluate_only, err);
	bool		ok;

	memcpy(base, turn->state.base, sizeof(base));
	ok = task != NULL && fetch_same(turn, err) && turn->work->train(turn->work->arg, turn->task, task, &outcome, err) &&
		load_again(turn, base, err) && keep(turn, &outcome, err);
	free(task);
	return ok;
}

bool
fed_turn_train(FedTurn *turn, FedError *err)
{
	FedKept		kept;

	if (!fed_turn_wants_training(turn))
		return true;
	if (!fed_kept_load(turn->dir, turn->state.base, &kept))
		return train(turn, err);
	/* A crash came between the integers and the line that speaks of them. */
	fed_kept_close(&kept);
	return remember(turn, err);
}
