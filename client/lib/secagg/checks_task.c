/*
 * checks_task.c
 *		C1 to C6: before an Island takes part in an attempt.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/journal.h"
#include "lib/secagg/checks.h"
#include "lib/secagg/made.h"
#include "lib/secagg/refuse.h"

bool
fed_check_mode(const FedPlan *plan, bool has_identity, const FedPolicy *policy, FedError *err)
{
	bool		active = plan->mode == FED_SECAGG_ACTIVE;

	if (has_identity && !active)
		return fed_refuse(err, 1, "the session is semi_honest; an Island that has an identity key takes part in active ones only");
	if (!active && fed_policy_secagg(policy)->active_only)
		return fed_refuse(err, 1, "the session is semi_honest; the policy requires active");
	return has_identity || !active ||
		fed_refuse(err, 1, "the session is active; this Island was started without an identity key");
}

/* What the task promises of privacy is what the policy is asked about, so it must be what the text has. */
static bool
check_privacy(const FedPlanPrivacy *privacy, const FedTask *task, FedError *err)
{
	if (task->differential_privacy != privacy->on || task->distributed_privacy != privacy->on)
		return fed_refuse(err, 2, "the task text says that Islands %s noise, the task says otherwise",
						  privacy->on ? "add" : "add no");
	if (privacy->on && task->noise_multiplier != privacy->noise_multiplier)
		return fed_refuse(err, 2, "the task text has noise multiplier %.17g, the task %.17g", privacy->noise_multiplier,
						  task->noise_multiplier);
	return !privacy->on || privacy->adaptive || task->clip_norm == privacy->clip_norm ||
		fed_refuse(err, 2, "the task text has clip norm %.17g, the task %.17g", privacy->clip_norm, task->clip_norm);
}

bool
fed_check_text(const FedPlan *plan, const FedState *state, const FedTask *task, FedError *err)
{
	const FedTaskEntry *workload = fed_task_text_find(plan->text, "workload");

	if (state->has_task && memcmp(state->task, plan->hash, sizeof(state->task)) != 0)
		return fed_refuse(err, 2, "the task text is not that of the session's earlier rounds");
	if (strcmp(workload->string, task->workload) != 0)
		return fed_refuse(err, 2, "the task text is of workload \"%.80s\", the task of \"%.80s\"", workload->string, task->workload);
	if ((int64_t) plan->total_rounds != task->total_rounds)
		return fed_refuse(err, 2, "the task text has %" PRIu32 " rounds, the task %" PRId64, plan->total_rounds, task->total_rounds);
	return check_privacy(&plan->privacy, task, err);
}

static bool
differs(const char *name, double given, double own, FedError *err)
{
	return fed_refuse(err, 3, "the server says %s = %.17g; by the task text it is %.17g", name, given, own);
}

static bool
check_names(const FedPlan *plan, const FedOffer *offer, FedError *err)
{
	static const char *const metrics[] = {"none", "masked", "visible"};
	static const char *const all_weights[] = {NULL, "declared", "hidden", "unit"};
	const char *weights = all_weights[plan->weights];
	const char *mode = plan->mode == FED_SECAGG_ACTIVE ? "active" : "semi_honest";

	if (strcmp(offer->mode, mode) != 0)
		return fed_refuse(err, 3, "the server says mode %s; by the task text it is %s", offer->mode, mode);
	if (strcmp(offer->weights, weights) != 0)
		return fed_refuse(err, 3, "the server says weights %s; by the task text they are %s", offer->weights, weights);
	return strcmp(offer->metrics, metrics[plan->metrics]) == 0 ||
		fed_refuse(err, 3, "the server says metrics %s; by the task text they are %s", offer->metrics, metrics[plan->metrics]);
}

static bool
check_vectors(const FedOffer *offer, const FedSecaggParams *own, FedError *err)
{
	if (offer->n_vectors != own->n_vectors)
		return differs("the number of vectors", (double) offer->n_vectors, own->n_vectors, err);
	for (uint32_t i = 0; i < own->n_vectors; i++)
	{
		if (offer->vectors[i].stream != (int64_t) own->vectors[i].stream)
			return differs("a vector's stream", (double) offer->vectors[i].stream, own->vectors[i].stream, err);
		if (offer->vectors[i].n_values != (int64_t) own->vectors[i].n_values)
			return differs("d", (double) offer->vectors[i].n_values, (double) own->vectors[i].n_values, err);
		if (offer->vectors[i].range != own->vectors[i].range)
			return differs("R", offer->vectors[i].range, own->vectors[i].range, err);
	}
	return true;
}

bool
fed_check_params(const FedPlan *plan, const FedOffer *offer, const FedSecaggParams *own, FedError *err)
{
	const struct
	{
		const char *name;
		double		given;
		double		own;
	}			numbers[] = {
		{"max_attempts", (double) offer->max_attempts, plan->max_attempts},
		{"min_updates", (double) offer->min_updates, plan->min_updates},
		{"aux_len", (double) offer->aux_len, own->aux_len},
		{"slice_values", (double) offer->slice_values, own->slice_values},
		{"Q", (double) offer->Q, (double) own->Q},
		{"W_cap", (double) offer->W_cap, own->W_cap},
		{"n_cap", (double) offer->n_cap, own->n_cap},
		{"n_max", (double) offer->n_max, own->n_max},
		{"clip", offer->clip, own->clip},
		{"noise_var", (double) offer->noise_var, (double) own->noise_var},
		{"aux_noise_var", (double) offer->aux_noise_var, (double) own->aux_noise_var},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
	{
		if (numbers[i].given != numbers[i].own)
			return differs(numbers[i].name, numbers[i].given, numbers[i].own, err);
	}
	return check_names(plan, offer, err) && check_vectors(offer, own, err);
}

/* One tensor as a line: type, whether it is trained, dimensions, and its name with its length before it. */
static bool
hash_tensor(FedSha256 *sum, const FedManifestTensor *tensor)
{
	char		text[FED_MODEL_MAX_RANK * 24 + 64];
	size_t		name_len = strlen(tensor->spec.name);
	size_t		used = (size_t) snprintf(text, sizeof(text), "%s %d ", fed_dtype_name(tensor->spec.dtype), tensor->trainable);

	for (size_t i = 0; i < tensor->spec.rank; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%" PRIu64, i == 0 ? "" : ",", tensor->spec.shape[i]);
	used += (size_t) snprintf(text + used, sizeof(text) - used, " %zu ", name_len);
	return fed_sha256_update(sum, text, used) && fed_sha256_update(sum, tensor->spec.name, name_len) &&
		fed_sha256_update(sum, "\n", 1);
}

bool
fed_check_manifest(const FedPlan *plan, const FedManifest *manifest, FedError *err)
{
	FedSha256  *sum = fed_sha256_new();
	uint8_t		hash[FED_SHA256_BYTES];
	bool		ok = sum != NULL;

	for (size_t i = 0; ok && i < manifest->n_tensors; i++)
		ok = hash_tensor(sum, &manifest->tensors[i]);
	ok = ok && fed_sha256_final(sum, hash);
	fed_sha256_free(sum);
	if (!ok)
		return fed_digest_error(err);
	return memcmp(hash, plan->manifest, sizeof(hash)) == 0 ||
		fed_refuse(err, 3, "the model's tensors are not those that the task text names");
}

bool
fed_check_order(const FedPlan *plan, const FedState *state, uint32_t round, uint32_t attempt, bool evaluation, FedError *err)
{
	bool		same = round == state->round && attempt == state->attempt;

	/* What is only evaluated follows the last round. */
	if (round > plan->total_rounds + (evaluation ? 1 : 0))
		return fed_refuse(err, 4, "round %" PRIu32 " of a session of %" PRIu32, round, plan->total_rounds);
	if (attempt < 1 || attempt > plan->max_attempts)
		return fed_refuse(err, 4, "attempt %" PRIu32 "; the session has at most %" PRIu32, attempt, plan->max_attempts);
	if (round < state->round || (round == state->round && attempt < state->attempt))
		return fed_refuse(err, 4, "round %" PRIu32 ", attempt %" PRIu32 " comes after round %" PRIu32 ", attempt %" PRIu32,
						  round, attempt, state->round, state->attempt);
	return !same || state->progress != FED_PROGRESS_NONE ||
		fed_refuse(err, 4, "round %" PRIu32 ", attempt %" PRIu32 " was begun, and its state is gone", round, attempt);
}

bool
fed_check_not_revealed(const char *root, const FedSecaggParams *params, const char *session_id, const FedPolicy *policy,
					   FedError *err)
{
	uint32_t	most = fed_policy_secagg(policy)->max_reveals_per_base;
	FedRevealed found;

	if (!fed_revealed_find(root, session_id, params->round, params->base, NULL, NULL, &found, err))
		return false;
	if (found.other || found.same)
		return fed_refuse(err, 5, "this Island has already revealed for this session and round or model");
	return most == 0 || found.of_base < most ||
		fed_refuse(err, 5, "this Island has revealed %" PRIu32 " times for this model; the policy allows %" PRIu32,
				   found.of_base, most);
}

bool
fed_check_kept(const char *dir, const uint8_t base[FED_SHA256_BYTES], const FedNoiseTerms *terms, FedError *err)
{
	FedNoiseTerms kept;
	bool		made;

	if (!fed_made_find(dir, base, &made, err))
		return false;
	if (!fed_kept_terms(dir, base, &kept))
		return !made || fed_refuse(err, 13, "this Island's integers for this model were made, and are gone; others must not take their place");
	return memcmp(&kept, terms, sizeof(kept)) == 0 ||
		fed_refuse(err, 3, "this Island's integers for this model were made with clip norm %.17g and noise of variance %" PRIu64
				   "; the attempt has %.17g and %" PRIu64, kept.clip, kept.noise_var, terms->clip, terms->noise_var);
}

bool
fed_check_policy(const FedPlan *plan, const FedNoiseTerms *terms, const FedPolicy *policy, FedError *err)
{
	const FedSecaggPolicy *rules = fed_policy_secagg(policy);

	if (plan->n_max < rules->min_cohort)
		return fed_refuse(err, 6, "the session has at most %" PRIu32 " Islands in a round; the policy requires %" PRIu32,
						  plan->n_max, rules->min_cohort);
	if (plan->weights == FED_SECAGG_DECLARED && rules->hidden_weights)
		return fed_refuse(err, 6, "the session has Islands declare their sample counts; the policy wants them hidden");
	if (rules->max_clip_norm > 0 && terms->clip > rules->max_clip_norm)
		return fed_refuse(err, 6, "the round's clip norm is %g; the policy allows %g", terms->clip, rules->max_clip_norm);
	return (int) plan->metrics <= (int) rules->metrics ||
		fed_refuse(err, 6, "the session's metrics are more open than the policy allows");
}

/* What a policy says, under the check's number; what is no refusal stays what it is. */
static bool
refuse_as_policy(const FedError *why, FedError *err)
{
	if (why->kind == FED_ERR_POLICY)
		return fed_refuse(err, 6, "%s", why->message);
	*err = *why;
	return false;
}

bool
fed_check_allowed(const FedTask *task, const char *journal, const FedPolicy *policy, FedError *err)
{
	FedError	why = {0};
	FedSpent	spent;

	return fed_journal_spent(journal, &spent, err) &&
		(fed_policy_allows(policy, task, &spent, &why) || refuse_as_policy(&why, err));
}

bool
fed_check_budget(const FedTask *task, const char *journal, const FedPolicy *policy, FedError *err)
{
	FedError	why = {0};
	FedSpent	spent;

	return fed_journal_spent(journal, &spent, err) &&
		(fed_policy_affords(policy, task, &spent, &why) || refuse_as_policy(&why, err));
}
