/*
 * task_test.c
 *		What a task's document says about privacy, and when it is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/task.h"

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"

static FedTask *
parse(const char *config, const char *more, FedError *err)
{
	char		document[2048];

	snprintf(document, sizeof(document),
			 "{\"round_id\": 1, \"round\": 1, \"total_rounds\": 2, \"version_id\": 1, \"parameters\": 5, \"participants\": 3,"
			 " \"session_id\": \"00000000-0000-0000-0000-000000000000\", \"workload\": \"digits\", \"kind\": \"train\","
			 " \"model_digest\": \"" DIGEST "\", \"config\": %s%s}", config, more);
	return fed_task_parse(document, err);
}

static bool
refused(const char *config, const char *words)
{
	FedError	err = {0};
	FedTask    *task = parse(config, "", &err);
	bool		ok = task == NULL && err.kind == FED_ERR_PROTOCOL && strstr(err.message, words) != NULL;

	if (!ok)
		printf("# %s\n", task == NULL ? err.message : "accepted");
	fed_task_free(task);
	return ok;
}

int
main(void)
{
	FedError	err = {0};
	FedTask    *task = parse("{}", "", &err);

	check(task != NULL && !task->differential_privacy && !task->local_privacy && task->epsilon < 0, "a session without privacy");
	fed_task_free(task);
	task = parse("{\"dp_sigma\": 1.5, \"dp_mode\": \"central\", \"dp_clip_norm\": 2}", ", \"epsilon\": 0.25", &err);
	check(task != NULL && task->differential_privacy && !task->local_privacy && task->epsilon == 0.25 &&
		  task->noise_multiplier == 1.5, "central noise, and what the server says it costs");
	fed_task_free(task);
	task = parse("{\"dp_sigma\": 3, \"dp_mode\": \"local\", \"dp_clip_norm\": 0.5}", "", &err);
	check(task != NULL && task->differential_privacy && task->local_privacy && task->noise_multiplier == 3 &&
		  task->clip_norm == 0.5, "local noise");
	fed_task_free(task);
	task = parse("{\"dp_sigma\": 3, \"dp_mode\": \"local\"}", "", &err);
	check(task != NULL && task->clip_norm == 1, "the clip norm is 1 where none is given");
	fed_task_free(task);
	task = parse("{\"secure_aggregation\": true, \"dp_sigma\": 1.5, \"dp_mode\": \"distributed\", \"dp_clip_norm\": 2}", "", &err);
	check(task != NULL && task->differential_privacy && task->distributed_privacy && !task->local_privacy && task->noise_multiplier == 1.5 &&
		  task->clip_norm == 2, "noise that is added together with others");
	fed_task_free(task);
	check(refused("{\"dp_sigma\": 1, \"dp_mode\": \"distributed\"}", "it has no secure aggregation"), "such noise without masks is refused");
	check(refused("{\"secure_aggregation\": true, \"dp_mode\": \"distributed\"}", "no \"dp_sigma\""), "and of no size");
	check(refused("{\"dp_mode\": \"local\"}", "no \"dp_sigma\""), "local noise of no size is refused");
	check(refused("{\"dp_sigma\": 0, \"dp_mode\": \"local\"}", "\"dp_sigma\" is not a number above 0"), "and of size 0");
	check(refused("{\"dp_sigma\": \"3\", \"dp_mode\": \"local\"}", "\"dp_sigma\""), "and of no number");
	check(refused("{\"dp_sigma\": 3, \"dp_clip_norm\": -1}", "\"dp_clip_norm\""), "a clip norm below 0");
	check(refused("{\"dp_sigma\": 3, \"dp_mode\": \"shuffled\"}", "\"shuffled\", which this program does not know"),
		  "a mode that is not known");
	check(fed_is_session_id("5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101"), "a session's id");
	check(!fed_is_session_id("5F1D3A52-0c4e-4a77-9b1e-2d6c8f00a101"), "the same in other letters is none");
	check(!fed_is_session_id("5f1d3a520-c4e-4a77-9b1e-2d6c8f00a101"), "nor with its hyphens elsewhere");
	check(!fed_is_session_id("5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a10"), "nor when it is shorter");
	check(!fed_is_session_id("------------------------------------") && !fed_is_session_id("../../../../../../../../../../../../.."),
		  "nor are hyphens alone, or a path");
	return checks_done();
}
