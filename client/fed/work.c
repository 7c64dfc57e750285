/*
 * work.c
 *		The trainer's files, and the trainer itself.
 */
#include "work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

bool
fed_work_begin(const FedIsland *island, FedWork *work, FedError *err)
{
	memset(work, 0, sizeof(*work));
	work->dir = fed_path_join(island->state_dir, "work");
	if (work->dir == NULL)
		return fed_error_memory(err);
	fed_remove_tree(work->dir);
	work->model = fed_path_join(island->state_dir, "model.safetensors");
	work->task = fed_path_join(work->dir, "task.json");
	work->update = fed_path_join(work->dir, "update.safetensors");
	work->result = fed_path_join(work->dir, "result.json");
	if (work->model == NULL || work->task == NULL || work->update == NULL || work->result == NULL)
		return fed_error_memory(err);
	return fed_make_directory(work->dir, err);
}

void
fed_work_end(FedWork *work)
{
	if (work->dir != NULL)
		fed_remove_tree(work->dir);
	free(work->dir);
	free(work->model);
	free(work->task);
	free(work->update);
	free(work->result);
}

static char *
entry(const char *name, const char *value)
{
	size_t		size = strlen(name) + strlen(value) + 2;
	char	   *text = malloc(size);

	if (text != NULL)
		snprintf(text, size, "%s=%s", name, value);
	return text;
}

#define N_ENTRIES 8

bool
fed_work_train(const FedIsland *island, const FedTask *task, const FedWork *work, const char *document, FedTrainerTick tick,
			   void *arg, FedError *err)
{
	char		round[24];
	char	   *entries[N_ENTRIES + 1] = {0};
	bool		ok = true;

	snprintf(round, sizeof(round), "%" PRId64, task->round);
	entries[0] = entry("FED_MODEL", work->model);
	entries[1] = entry("FED_TASK", work->task);
	entries[2] = entry("FED_UPDATE", work->update);
	entries[3] = entry("FED_RESULT", work->result);
	entries[4] = entry("FED_HOST_ID", island->host_id);
	entries[5] = entry("FED_ROUND", round);
	entries[6] = entry("FED_SESSION", task->session_id);
	entries[7] = entry("FED_WORKDIR", work->dir);
	for (int i = 0; i < N_ENTRIES; i++)
		ok = ok && entries[i] != NULL;
	ok = (ok || fed_error_memory(err)) && fed_write_file(work->task, document, strlen(document), err) &&
		fed_trainer_run(island->command, (const char *const *) entries, island->train_timeout, tick, arg, err);
	for (int i = 0; i < N_ENTRIES; i++)
		free(entries[i]);
	return ok;
}
