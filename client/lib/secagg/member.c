/*
 * member.c
 *		An Island in sessions with secure aggregation: what is due, it does.
 */
#include "lib/secagg/member.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/refuse.h"
#include "lib/secagg/turn.h"

static bool
do_due(FedTurn *turn, bool *idle, FedError *err)
{
	switch (turn->task->secagg->due)
	{
		case FED_DUE_ADVERTISE:
			return fed_turn_advertise(turn, err);
		case FED_DUE_SHARE:
			return fed_turn_share(turn, err);
		case FED_DUE_UPLOAD:
			return fed_turn_upload(turn, err);
		case FED_DUE_AGREE:
			return fed_turn_agree(turn, err);
		case FED_DUE_REVEAL:
			return fed_turn_reveal(turn, err);
		default:
			*idle = !fed_turn_wants_training(turn);
			return fed_turn_train(turn, err);
	}
}

bool
fed_member_do(FedMember *m, const FedTask *task, const FedMemberWork *work, bool *idle, FedError *err)
{
	FedTurn		turn;
	bool		ok;

	*idle = false;
	if (!fed_turn_begin(&turn, m, task, work, err))
		return false;
	ok = do_due(&turn, idle, err);
	fed_turn_end(&turn);
	return ok;
}

bool
fed_member_is_early(const FedTask *task)
{
	return task->secagg != NULL &&
		(strcmp(task->secagg->state, "advertise") == 0 || strcmp(task->secagg->state, "share") == 0);
}

bool
fed_member_meanwhile(FedMember *m, const FedTask *task, const FedMemberWork *work, FedError *err)
{
	FedTurn		turn;
	bool		ok;

	if (task->secagg == NULL || (task->secagg->due != FED_DUE_ADVERTISE && task->secagg->due != FED_DUE_SHARE))
		return true;
	if (!fed_turn_begin(&turn, m, task, work, err))
		return false;
	ok = task->secagg->due == FED_DUE_SHARE ? fed_turn_share(&turn, err) : fed_turn_advertise(&turn, err);
	fed_turn_end(&turn);
	return ok;
}

/* Whether a task with secure aggregation ever came of this session: it then has a directory. When in doubt, yes. */
static bool
was_masked(const FedMember *m, const char *session_id)
{
	char	   *dir = fed_path_join(m->root, session_id);
	bool		never = dir != NULL && access(dir, F_OK) != 0 && errno == ENOENT;

	free(dir);
	return !never;
}

bool
fed_member_may_be_open(FedMember *m, const FedTask *task, FedError *err)
{
	FedState	state;
	char	   *dir;
	bool		ok;

	if (!task->secure_aggregation && !was_masked(m, task->session_id))
		return true;
	dir = fed_state_dir(m->root, task->session_id, err);
	ok = dir != NULL && fed_state_load(dir, task->session_id, &state, err);
	free(dir);
	if (!ok)
		return false;
	if (!task->evaluate_only)
		return fed_refuse(err, 1, "the session has secure aggregation; the task asks for an update without it");
	return (state.has_task && state.metrics == FED_METRICS_VISIBLE) ||
		fed_refuse(err, 1, "the session has secure aggregation; the task asks for metrics without it");
}

/* Whether the round of a state is over; false, too, when the server does not say. */
static bool
is_over(FedMember *m, const FedState *state)
{
	FedError	ignored;
	char	   *document = NULL;
	FedSession *session = fed_session(m->t, state->session_id, &document, &ignored) ? fed_session_parse(document, &ignored) : NULL;
	bool		over = session != NULL && (fed_session_is_over(session) || session->current_round > (int64_t) state->round);

	fed_session_free(session);
	free(document);
	return over;
}

static void
tidy_session(FedMember *m, const char *session_id)
{
	FedState	state;
	FedError	why = {0};
	char	   *dir = fed_state_dir(m->root, session_id, NULL);
	bool		ok = dir != NULL && fed_state_load(dir, session_id, &state, NULL);

	if (ok && state.progress != FED_PROGRESS_NONE && is_over(m, &state))
	{
		/* Before the state says that there is nothing to give up. */
		fed_kept_drop(dir);
		if (!fed_state_drop_attempt(dir, &state, &why))
			fed_log_error("could not erase the keys of a round that is over", &why);
	}
	free(dir);
}

void
fed_member_tidy(FedMember *m)
{
	DIR		   *root = opendir(m->root);
	struct dirent *entry;

	while (root != NULL && (entry = readdir(root)) != NULL)
	{
		if (fed_is_session_id(entry->d_name))
			tidy_session(m, entry->d_name);
	}
	if (root != NULL)
		closedir(root);
}
