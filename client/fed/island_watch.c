/*
 * island_watch.c
 *		What an Island does around its task, whatever kind it is of.
 */
#include "island_watch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/stop.h"

void
fed_island_complain(FedIsland *island, const FedTask *task, const FedError *why)
{
	if (strcmp(island->complaint, why->message) == 0)
		return;
	memcpy(island->complaint, why->message, sizeof(island->complaint));
	fed_log_warning("%s round %" PRId64 ": %s", task->session, task->round, why->message);
}

bool
fed_island_wait(FedIsland *island, FedError *err)
{
	bool		announced;

	return fed_transport_wait(island->t, island->heartbeat, &announced, err);
}

bool
fed_island_hold_state(FedIsland *island, FedError *err)
{
	char	   *path;

	if (island->lock >= 0)
		return true;
	path = fed_path_join(island->member.root, "lock");
	if (path == NULL)
		return fed_error_memory(err);
	if (fed_make_directory(island->member.root, err) &&
		(island->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		fed_error_errno(err, "could not open \"%s\"", path);
	else if (island->lock >= 0 && flock(island->lock, LOCK_EX | LOCK_NB) != 0)
	{
		close(island->lock);
		island->lock = -1;
		fed_error_set(err, FED_ERR_POLICY, "another fed island run works with \"%s\"", island->state_dir);
	}
	free(path);
	return island->lock >= 0;
}

/*
 * Of another task than the one that is being done: signs, or gives shares away,
 * if it asks for that. All others of its session wait for it, and the trainer may
 * run for longer than they do.
 */
static void
answer(FedIsland *island, const FedTask *owed)
{
	static const FedMemberWork none;	/* neither trains nor fetches */
	FedError	why = {0};
	bool		idle;

	if (owed->secagg == NULL || (owed->secagg->due != FED_DUE_AGREE && owed->secagg->due != FED_DUE_REVEAL))
		return;
	if (!fed_island_hold_state(island, &why) || !fed_member_do(&island->member, owed, &none, &idle, &why))
		fed_island_complain(island, owed, &why);
}

bool
fed_island_is_paused(FedTransport *t, const char *session_id)
{
	FedError	ignored;
	char	   *document = NULL;
	FedSession *session = fed_session(t, session_id, &document, &ignored) ? fed_session_parse(document, &ignored) : NULL;
	bool		paused = session != NULL && strcmp(session->status, "paused") == 0;

	fed_session_free(session);
	free(document);
	return paused;
}

bool
fed_island_look(FedIsland *island, const FedTask *task, FedTask **now, FedError *err)
{
	if (!fed_next_task(island->t, island->once, now, err))
		return false;
	if (*now == NULL ? island->once != NULL : strcmp((*now)->session_id, task->session_id) == 0)
		return true;
	if (*now != NULL)
		answer(island, *now);
	fed_task_free(*now);
	*now = NULL;
	return fed_next_task(island->t, task->session_id, now, err);
}

bool
fed_island_give_back(FedIsland *island, const FedTask *task, FedError *why, FedError *err)
{
	char		reason[sizeof(why->message)];

	if (why->kind == FED_ERR_STOPPED)
	{
		*err = *why;
		return false;
	}
	if (why->kind == FED_ERR_NONE)
	{
		fed_log_info("%s round %" PRId64 ": %s", task->session, task->round, why->message);
		return fed_sleep(0.5) || fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
	}
	memcpy(reason, why->message, sizeof(reason));
	fed_log_warning("%s round %" PRId64 ": declined, %s", task->session, task->round, reason);
	if (fed_decline_task(island->t, task->round_id, reason, why))
		return true;
	*err = *why;
	/* The round may have ended meanwhile. */
	return err->kind == FED_ERR_SERVER;
}
