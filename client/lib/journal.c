/*
 * journal.c
 *		A record, on the Island's own disk, of everything that left it.
 */
#include "lib/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"

/* One write(2) of one line, synced. Steals the record. */
static bool
append(const char *path, json_t *record, FedError *err)
{
	char	   *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
	size_t		len = text == NULL ? 0 : strlen(text);
	int			fd = text == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool		ok;

	json_decref(record);
	if (text == NULL)
		return fed_error_memory(err);
	text[len] = '\n';			/* in place of the NUL */
	ok = fd >= 0 && write(fd, text, len + 1) == (ssize_t) (len + 1) && fsync(fd) == 0;
	if (!ok)
		fed_error_errno(err, "could not write the journal \"%s\"", path);
	if (fd >= 0)
		close(fd);
	free(text);
	return ok;
}

static json_t *
new_record(const char *event, const char *host_id, const FedTask *task)
{
	char		time[FED_TIMESTAMP_LEN];

	fed_timestamp(time);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I}", "time", time, "event", event, "host_id", host_id,
					 "session_id", task->session_id, "session", task->session, "round_id", (json_int_t) task->round_id,
					 "round", (json_int_t) task->round, "workload", task->workload,
					 "version_id", (json_int_t) task->version_id);
}

bool
fed_journal_sending(const char *path, const char *host_id, const FedTask *task, const FedSpool *spool, FedError *err)
{
	char		digest[2 * FED_SHA256_BYTES + 1];
	json_t	   *record;

	if (path == NULL)
		return true;
	record = new_record("sending", host_id, task);
	fed_hex_encode(spool->digest, FED_SHA256_BYTES, digest);
	json_object_set_new(record, "digest", json_string(digest));
	json_object_set_new(record, "bytes", json_integer((json_int_t) spool->delta.len));
	json_object_set_new(record, "num_samples", json_integer((json_int_t) spool->num_samples));
	json_object_set_new(record, "metrics", json_loads(spool->metrics, 0, NULL));
	if (task->epsilon >= 0)
		json_object_set_new(record, "epsilon", json_real(task->epsilon));
	return append(path, record, err);
}

bool
fed_journal_outcome(const char *path, const char *host_id, const FedTask *task, const FedReply *reply, FedError *err)
{
	json_t	   *record;

	if (path == NULL)
		return true;
	record = new_record(reply->status == FED_REPLY_ACCEPTED ? "accepted" : "rejected", host_id, task);
	if (reply->reason[0] != '\0')
		json_object_set_new(record, "reason", json_string(reply->reason));
	return append(path, record, err);
}

/* Adds what a line says was sent, unless its round was counted. */
static bool
add_line(const char *line, json_t *rounds, double *epsilon)
{
	json_t	   *record = json_loads(line, 0, NULL);
	json_int_t	round_id = json_integer_value(json_object_get(record, "round_id"));
	double		spent;
	char		key[32];

	if (record == NULL)
		return false;
	snprintf(key, sizeof(key), "%lld", (long long) round_id);
	if (fed_json_number(record, "epsilon", &spent) && json_object_get(rounds, key) == NULL)
	{
		*epsilon += spent;
		json_object_set_new(rounds, key, json_true());
	}
	json_decref(record);
	return true;
}

bool
fed_journal_spent(const char *path, double *epsilon, FedError *err)
{
	FILE	   *file = path == NULL ? NULL : fopen(path, "re");
	json_t	   *rounds = json_object();
	char	   *line = NULL;
	size_t		size = 0;
	bool		ok = file != NULL || path == NULL || errno == ENOENT ||
		fed_error_errno(err, "could not read the journal \"%s\"", path);

	*epsilon = 0;
	while (ok && file != NULL && getline(&line, &size, file) > 0)
		ok = add_line(line, rounds, epsilon) ||
			fed_error_set(err, FED_ERR_LOCAL, "the journal \"%s\" has a line that is not JSON", path);
	free(line);
	json_decref(rounds);
	if (file != NULL)
		fclose(file);
	return ok;
}
