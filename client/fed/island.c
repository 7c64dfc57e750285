/*
 * island.c
 *		One Island at work: receive, train, keep, send.
 */
#include "island.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "island_masked.h"
#include "island_watch.h"
#include "lib/download.h"
#include "lib/file.h"
#include "lib/journal.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/result.h"
#include "lib/spool.h"
#include "lib/stop.h"
#include "lib/upload.h"
#include "work.h"

/* While the trainer runs: tell that we live, and see whether it is still wanted. */
typedef struct Watch
{
	FedIsland  *island;
	const FedTask *task;
	double		next;
} Watch;

static bool
still_wanted(void *arg, FedError *err)
{
	Watch	   *watch = arg;
	FedTransport *t = watch->island->t;
	FedTask    *now = NULL;
	double		patience = t->patience;
	FedError	ignored;
	bool		wanted = true;

	if (fed_now() < watch->next)
		return true;
	watch->next = fed_now() + watch->island->heartbeat;
	fed_keep_token(t);
	/* A server that is away is no reason to stop training, nor to wait for it. */
	t->patience = 0;
	if (fed_island_look(watch->island, watch->task, &now, &ignored))
		wanted = now != NULL ? now->round_id == watch->task->round_id : fed_island_is_paused(t, watch->task->session_id);
	t->patience = patience;
	fed_task_free(now);
	return wanted || fed_error_set(err, FED_ERR_NONE, "the round is over");
}

/* The same between the slices of a transfer. */
static bool
transfer_wanted(void *arg, uint64_t done, uint64_t total, FedError *err)
{
	(void) done;
	(void) total;
	return still_wanted(arg, err);
}

static FedEncoding
choose_encoding(int own, FedEncoding asked)
{
	return own == FED_AS_ASKED ? asked : (FedEncoding) own;
}

/* The trainer's update, made private first where the session has each Island do that. */
static bool
keep_delta(const FedTask *task, const FedWork *work, const FedResult *result, const FedManifest *manifest,
		   const FedModelFile *received, FedEncoding encoding, const char *path, uint8_t *digest, const FedStep *step,
		   FedError *err)
{
	FedPrivacy	privacy = {0};
	bool		ok = (!task->local_privacy || fed_privacy_begin(&privacy, task->clip_norm, task->noise_multiplier, err)) &&
		fed_result_delta(work->update, result, manifest, received, task->local_privacy ? &privacy : NULL, encoding, path,
						 digest, step, err);

	fed_privacy_end(&privacy);
	return ok;
}

/* From the trainer's files to a result that is kept; model_digest is that of the model it was given. */
static bool
keep_result(FedIsland *island, const FedTask *task, const FedManifest *manifest, const uint8_t *model_digest,
			const FedWork *work, const FedStep *step, FedError *err)
{
	FedEncoding encoding = choose_encoding(island->update_encoding, task->update_encoding);
	uint8_t		digest[FED_SHA256_BYTES];
	FedResult	result;
	FedModelFile received;
	char	   *delta = fed_spool_delta_path(island->state_dir);
	bool		ok = delta != NULL || fed_error_memory(err);

	ok = ok && fed_result_read(work->result, island->policy, &result, err);
	if (!ok)
	{
		free(delta);
		return false;
	}
	if (task->evaluate_only)
		ok = fed_sha256("", 0, digest) || fed_digest_error(err);
	else if ((ok = fed_model_file_open(work->model, FED_ERR_LOCAL, &received, err)))
	{
		ok = fed_result_check_model(&received, model_digest, step, err) &&
			keep_delta(task, work, &result, manifest, &received, encoding, delta, digest, step, err);
		fed_model_file_close(&received);
	}
	ok = ok && fed_spool_save(island->state_dir, task, encoding, digest, task->hides_samples ? -1 : result.num_samples,
							  result.metrics, err);
	fed_result_free(&result);
	free(delta);
	return ok;
}

/* What is trained must be what the task speaks of, whatever is sent between the two. */
static bool
check_manifest(const FedTask *task, const FedManifest *manifest, FedError *err)
{
	return (manifest->parameters == task->parameters && manifest->has_digest &&
			memcmp(manifest->digest, task->model_digest, sizeof(task->model_digest)) == 0) ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the model that the server describes is not the task's");
}

static bool
train(FedIsland *island, const FedTask *task, FedError *err)
{
	Watch		watch = {island, task, fed_now() + island->heartbeat};
	FedStep		step = {transfer_wanted, &watch};
	FedEncoding encoding = choose_encoding(island->download_encoding, task->download_encoding);
	FedManifest *manifest = NULL;
	uint8_t		digest[FED_SHA256_BYTES];
	FedWork		work;
	bool		ok = fed_work_begin(island, &work, err) && fed_model(island->t, task->version_id, &manifest, err) &&
		check_manifest(task, manifest, err) &&
		fed_download_vector(island->t, manifest, encoding, work.model, digest, &step, err) &&
		fed_work_train(island, task, &work, task->document, still_wanted, &watch, err) &&
		keep_result(island, task, manifest, digest, &work, &step, err);

	fed_manifest_free(manifest);
	fed_work_end(&work);
	return ok;
}

static void
say_accepted(const FedTask *task, const FedSpool *spool)
{
	char		sent[64] = "";
	char		samples[40] = "";

	if (!task->evaluate_only)
		snprintf(sent, sizeof(sent), "%zu bytes as %s, ", spool->delta.len, fed_encoding_name(spool->encoding));
	if (spool->num_samples >= 0)
		snprintf(samples, sizeof(samples), "%" PRId64 " samples, ", spool->num_samples);
	fed_log_event("accepted", NULL, "%s round %" PRId64 ": accepted, %s%s%s", task->session, task->round, samples, sent,
				  spool->metrics);
}

static bool
send(FedIsland *island, const FedTask *task, const FedSpool *spool, FedError *err)
{
	FedReply	reply;
	bool		ok = fed_journal_sending(island->journal, island->host_id, task, spool, err) &&
		(task->evaluate_only
		 ? fed_submit_evaluation(island->t, task->round_id, spool->num_samples, spool->metrics, &reply, err)
		 : fed_upload_update(island->t, spool, NULL, &reply, err)) &&
		fed_journal_outcome(island->journal, island->host_id, task, &reply, err);

	if (!ok)
		return false;
	if (reply.status == FED_REPLY_ACCEPTED)
	{
		say_accepted(task, spool);
		return true;
	}
	fed_log_warning("%s round %" PRId64 ": rejected, %s: %s", task->session, task->round, reply.reason, reply.detail);
	if (fed_rejection_meaning(&reply) == FED_REJECTION_WAIT)
		return fed_sleep(5) || fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
	fed_spool_drop(island->state_dir);
	/* It would be asked for again, and refused again. */
	return fed_rejection_meaning(&reply) != FED_REJECTION_BAD ||
		fed_decline_task(island->t, task->round_id, reply.detail, err);
}

static bool
allowed(FedIsland *island, const FedTask *task, FedError *why)
{
	FedSpent	spent;

	return fed_journal_spent(island->journal, &spent, why) && fed_policy_allows(island->policy, task, &spent, why);
}

static bool
do_open(FedIsland *island, const FedTask *task, FedError *err)
{
	FedError	why = {0};
	FedSpool	spool;
	bool		open;
	bool		ok;

	if (!fed_island_stays_open(island, task, &open, err))
		return false;
	if (!open)
		return true;
	if (!fed_spool_load(island->state_dir, &spool) || !fed_spool_is_for(&spool, task))
	{
		fed_spool_close(&spool);
		fed_spool_drop(island->state_dir);
		/* Not asked for a result that is kept: it was allowed, and is in the journal's sum already. */
		if (!allowed(island, task, &why))
			return fed_island_give_back(island, task, &why, err);
		fed_log_event(task->evaluate_only ? "evaluating" : "training", NULL, "%s round %" PRId64 "/%" PRId64 ": %s",
					  task->session, task->round, task->total_rounds, task->evaluate_only ? "evaluating" : "training");
		if (!train(island, task, &why))
			return fed_island_give_back(island, task, &why, err);
		if (!fed_spool_load(island->state_dir, &spool))
			return fed_error_set(err, FED_ERR_LOCAL, "the result in \"%s\" cannot be read back", island->state_dir);
	}
	ok = send(island, task, &spool, &why);
	fed_spool_close(&spool);
	return ok || fed_island_give_back(island, task, &why, err);
}

/*
 * The server asks for what this Island refuses first, for as long as the others
 * may do without it: a day. Meanwhile it works for other sessions. False only if
 * the Island has to stop; *done: there was something.
 */
static bool
work_elsewhere(FedIsland *island, const FedTask *refused, bool *done, FedError *err)
{
	char	   *document = NULL;
	json_t	   *list;
	FedError	why = {0};
	bool		ok = true;

	*done = false;
	if (island->once != NULL || island->elsewhere || !fed_list_sessions(island->t, &document, &why))
		return true;
	list = fed_json_value(document, "the list of sessions", FED_ERR_PROTOCOL, &why);
	free(document);
	island->elsewhere = true;
	for (size_t i = 0; ok && !*done && i < json_array_size(list); i++)
	{
		const char *id = fed_json_text(json_array_get(list, i), "id");
		const char *status = fed_json_text(json_array_get(list, i), "status");
		FedTask    *task = NULL;

		if (id == NULL || status == NULL || strcmp(status, "training") != 0 || strcmp(id, refused->session_id) == 0)
			continue;
		*done = fed_next_task(island->t, id, &task, &why) && task != NULL;
		ok = !*done || fed_island_do(island, task, err);
		fed_task_free(task);
	}
	island->elsewhere = false;
	json_decref(list);
	return ok;
}

bool
fed_island_do(FedIsland *island, const FedTask *task, FedError *err)
{
	bool		refused;
	bool		done;

	if (task->secagg == NULL)
		return do_open(island, task, err);
	if (!fed_island_masked(island, task, &refused, err))
		return false;
	return !refused || (work_elsewhere(island, task, &done, err) && (done || fed_island_wait(island, err)));
}
