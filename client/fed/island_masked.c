/*
 * island_masked.c
 *		One Island at work in a session with secure aggregation.
 *
 * The library knows what is due and what must be refused (lib/secagg/member.h);
 * here are the model, the trainer, and when to wait.
 */
#include "island_masked.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "island_watch.h"
#include "lib/download.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/result.h"
#include "lib/stop.h"
#include "work.h"

/* Seconds between two looks while others wait for keys or shares. */
#define EARLY_LOOK 1.0

/* One task, from fetching its model to what the trainer made of it. */
typedef struct Masked
{
	FedIsland  *island;
	const FedTask *task;
	FedMemberWork work;
	FedWork		files;
	FedManifest *manifest;
	uint8_t		model_digest[FED_SHA256_BYTES];
	FedResult	result;
	char	   *delta;
	double		next;			/* look at the task */
	bool		fetching;		/* for a step that is being done: no other is begun meanwhile */
} Masked;

static double
look_after(const FedIsland *island, const FedTask *task)
{
	return task != NULL && fed_member_is_early(task) ? fmin(EARLY_LOOK, island->heartbeat) : island->heartbeat;
}

/* While the trainer runs: keys and shares that are due are sent, and what refuses is said. */
static bool
look(void *arg, FedError *err)
{
	Masked	   *masked = arg;
	FedIsland  *island = masked->island;
	double		patience = island->t->patience;
	FedTask    *now = NULL;
	FedError	why = {0};
	bool		wanted = true;

	if (fed_now() < masked->next)
		return true;
	fed_keep_token(island->t);
	island->t->patience = 0;
	if (fed_island_look(island, masked->task, &now, &why))
		wanted = now != NULL ? now->round_id == masked->task->round_id : fed_island_is_paused(island->t, masked->task->session_id);
	if (now != NULL && wanted && !masked->fetching && !fed_member_meanwhile(&island->member, now, &masked->work, &why))
		fed_island_complain(island, now, &why);
	island->t->patience = patience;
	masked->next = fed_now() + look_after(island, now);
	fed_task_free(now);
	return wanted || fed_error_set(err, FED_ERR_NONE, "the round is over");
}

static bool
between_slices(void *arg, uint64_t done, uint64_t total, FedError *err)
{
	(void) done;
	(void) total;
	return look(arg, err);
}

/* The hash of the values that the trainer will find in FED_MODEL. */
static bool
hash_base(const char *path, uint64_t n_values, uint8_t out[FED_SHA256_BYTES], FedError *err)
{
	FedSecaggBase *base = fed_base_new(1);
	float	   *values = malloc(FED_SLICE_BYTES);
	FedModelFile model;
	bool		ok = (base != NULL && values != NULL) || fed_error_memory(err);

	ok = ok && fed_model_file_open(path, FED_ERR_LOCAL, &model, err);
	if (ok)
	{
		bool		hashed = fed_base_vector(base, n_values);

		for (uint64_t first = 0; hashed && first < n_values; first += FED_SLICE_VALUES)
		{
			size_t		n = n_values - first < FED_SLICE_VALUES ? (size_t) (n_values - first) : FED_SLICE_VALUES;

			fed_model_read_vector(model.model, model.parts.data, first, n, values);
			hashed = fed_base_values(base, values, n);
		}
		ok = (hashed && fed_base_final(base, out)) || fed_digest_error(err);
		fed_model_file_close(&model);
	}
	fed_base_free(base);
	free(values);
	return ok;
}

static bool
fetch(void *arg, const FedTask *task, uint8_t base[FED_SHA256_BYTES], FedManifest **manifest, FedError *err)
{
	Masked	   *masked = arg;
	FedIsland  *island = masked->island;
	FedStep		step = {between_slices, masked};
	char	   *path = fed_path_join(island->state_dir, "model.safetensors");
	bool		fetching = masked->fetching;
	bool		ok;

	masked->fetching = true;
	ok = (path != NULL || fed_error_memory(err)) && fed_model(island->t, task->version_id, manifest, err) &&
		fed_download_vector(island->t, *manifest, FED_ENCODING_F32, path, masked->model_digest, &step, err) &&
		hash_base(path, (*manifest)->parameters, base, err);
	masked->fetching = fetching;
	free(path);
	return ok;
}

/* Trained minus received, as float32; the library makes integers of it. */
static bool
read_outcome(Masked *masked, const FedTask *task, FedOutcome *out, FedError *err)
{
	FedStep		step = {between_slices, masked};
	uint8_t		digest[FED_SHA256_BYTES];
	FedModelFile received;
	bool		ok = fed_result_read(masked->files.result, masked->island->policy, &masked->result, err);

	out->num_samples = masked->result.num_samples;
	out->metrics = masked->result.metrics;
	if (!ok || task->evaluate_only)
		return ok;
	masked->delta = fed_path_join(masked->files.dir, "delta");
	out->delta_path = masked->delta;
	if (masked->delta == NULL)
		return fed_error_memory(err);
	if (!fed_model(masked->island->t, task->version_id, &masked->manifest, err) ||
		!fed_model_file_open(masked->files.model, FED_ERR_LOCAL, &received, err))
		return false;
	ok = fed_result_check_model(&received, masked->model_digest, &step, err) &&
		fed_result_delta(masked->files.update, &masked->result, masked->manifest, &received, NULL, FED_ENCODING_F32,
						 masked->delta, digest, &step, err);
	fed_model_file_close(&received);
	return ok;
}

static bool
train(void *arg, const FedTask *task, const char *document, FedOutcome *out, FedError *err)
{
	Masked	   *masked = arg;

	fed_log_event(task->evaluate_only ? "evaluating" : "training", NULL, "%s round %" PRId64 "/%" PRId64 ": %s", task->session,
				  task->round, task->total_rounds, task->evaluate_only ? "evaluating" : "training");
	return fed_work_begin(masked->island, &masked->files, err) &&
		fed_work_train(masked->island, task, &masked->files, document, look, masked, err) &&
		read_outcome(masked, task, out, err);
}

/* What only this Island can put right is told to the server, while it changes nothing that others rely on. */
static bool
is_declined(const FedTask *task, const FedError *why)
{
	FedDue		due = task->secagg->due;

	if (why->kind == FED_ERR_TRAINER || why->kind == FED_ERR_NONE)
		return true;
	return why->kind == FED_ERR_POLICY && due == FED_DUE_ADVERTISE;
}

static bool
after_failure(FedIsland *island, const FedTask *task, FedError *why, bool *refused, FedError *err)
{
	if (why->kind == FED_ERR_STOPPED || is_declined(task, why))
		return fed_island_give_back(island, task, why, err);
	fed_island_complain(island, task, why);
	*refused = true;
	return true;
}

bool
fed_island_masked(FedIsland *island, const FedTask *task, bool *refused, FedError *err)
{
	Masked		masked = {.island = island, .task = task, .work = {fetch, train, &masked},
	.next = fed_now() + look_after(island, task)};
	FedError	why = {0};
	bool		idle;
	bool		ok;

	*refused = false;
	if (!fed_island_hold_state(island, err))
		return false;
	ok = fed_member_do(&island->member, task, &masked.work, &idle, &why);
	fed_work_end(&masked.files);
	fed_manifest_free(masked.manifest);
	fed_result_free(&masked.result);
	free(masked.delta);
	if (!ok)
		return after_failure(island, task, &why, refused, err);
	if (!idle)
		island->complaint[0] = '\0';
	return !idle || fed_island_wait(island, err);
}

bool
fed_island_stays_open(FedIsland *island, const FedTask *task, bool *open, FedError *err)
{
	FedError	why = {0};

	*open = fed_member_may_be_open(&island->member, task, &why);
	if (*open)
		return true;
	/* The attempt may only just have been given up, and the next one not begun. */
	fed_island_complain(island, task, &why);
	return fed_island_wait(island, err);
}
