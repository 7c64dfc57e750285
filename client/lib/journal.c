/*
 * journal.c
 *		A record, on the Island's own disk, of everything that left it.
 */
#include "lib/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/secagg/fault.h"
#include "lib/slices.h"

/* A crash in the middle of a line leaves it without its end: start a new one. */
static bool
end_torn_line(int fd, off_t size)
{
	char		last;

	return size == 0 || (size > 0 && pread(fd, &last, 1, size - 1) == 1 && (last == '\n' || write(fd, "\n", 1) == 1));
}

/* One write(2) of one line, synced, with the first the file's name. Steals the record. */
static bool
append(const char *path, json_t *record, FedError *err)
{
	char	   *text = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
	size_t		len = text == NULL ? 0 : strlen(text);
	int			fd = text == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	off_t		size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	bool		ok;

	json_decref(record);
	if (text == NULL)
		return fed_error_memory(err);
	text[len] = '\n';			/* in place of the NUL */
	ok = fd >= 0 && end_torn_line(fd, size) && write(fd, text, len + 1) == (ssize_t) (len + 1) && fsync(fd) == 0;
	if (!ok)
		fed_error_errno(err, "could not write the journal \"%s\"", path);
	if (fd >= 0)
		close(fd);
	free(text);
	return ok && (size > 0 || (fed_alive("sync directory", err) && fed_sync_parent(path, err)));
}

bool
fed_journal_hold(const char *path, FedError *err)
{
	int			fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool		held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (held)
		return true;			/* for as long as the descriptor is open: until the process ends */
	if (fd >= 0 && errno == EWOULDBLOCK)
		fed_error_set(err, FED_ERR_POLICY, "another fed island run spends from the budget of the journal \"%s\"", path);
	else
		fed_error_errno(err, "could not hold the journal \"%s\"", path);
	if (fd >= 0)
		close(fd);
	return false;
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
	if (task->secagg != NULL)
		json_object_set_new(record, "attempt", json_integer((json_int_t) task->secagg->attempt));
	else if (!task->evaluate_only)
		json_object_set_new(record, "encoding", json_string(fed_encoding_name(spool->encoding)));
	if (spool->num_samples >= 0)
		json_object_set_new(record, "num_samples", json_integer((json_int_t) spool->num_samples));
	json_object_set_new(record, "metrics", json_loads(spool->metrics, 0, NULL));
	if (task->local_privacy && !task->evaluate_only)
		json_object_set_new(record, "local_noise_multiplier", json_real(task->noise_multiplier));
	else if (task->distributed_privacy && !task->evaluate_only)
		json_object_set_new(record, "distributed_noise_multiplier", json_real(task->noise_multiplier));
	else if (task->epsilon >= 0)
		json_object_set_new(record, "epsilon", json_real(task->epsilon));
	return append(path, record, err);
}

bool
fed_journal_message(const char *path, const char *host_id, const FedTask *task, int64_t attempt, const char *message,
					const void *data, size_t len, FedError *err)
{
	uint8_t		digest[FED_SHA256_BYTES];
	char		hex[FED_SHA256_HEX + 1];
	json_t	   *record;

	if (path == NULL)
		return true;
	if (!fed_sha256(data, len, digest))
		return fed_digest_error(err);
	fed_hex_encode(digest, sizeof(digest), hex);
	record = new_record("secure_aggregation", host_id, task);
	json_object_set_new(record, "attempt", json_integer((json_int_t) attempt));
	json_object_set_new(record, "message", json_string(message));
	json_object_set_new(record, "sha256", json_string(hex));
	json_object_set_new(record, "bytes", json_integer((json_int_t) len));
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

#define KEY_BYTES 160

/* What tells one update from another. */
static void
make_key(char key[KEY_BYTES], const char *session, int64_t round_id, const char *digest)
{
	snprintf(key, KEY_BYTES, "%.40s %lld %.64s", session == NULL ? "" : session, (long long) round_id,
			 digest == NULL ? "" : digest);
}

/*
 * Adds what a line says was sent, unless this update was counted: it may have
 * been sent again. A torn line was never synced, so nothing followed it.
 */
static void
add_line(const char *line, json_t *updates, FedSpent *spent)
{
	json_t	   *record = json_loads(line, 0, NULL);
	int64_t		round_id = 0;
	double		epsilon = 0;
	double		local = INFINITY;
	double		distributed = INFINITY;
	char		key[KEY_BYTES];

	fed_json_int(record, "round_id", &round_id);
	make_key(key, fed_json_text(record, "session_id"), round_id, fed_json_text(record, "digest"));
	fed_json_number(record, "epsilon", &epsilon);
	fed_json_number(record, "local_noise_multiplier", &local);
	fed_json_number(record, "distributed_noise_multiplier", &distributed);
	if ((epsilon > 0 || local < INFINITY || distributed < INFINITY) && json_object_get(updates, key) == NULL)
	{
		spent->stated += epsilon;
		spent->local += 1 / (local * local);
		spent->distributed += 1 / (distributed * distributed);
		json_object_set_new(updates, key, json_true());
	}
	json_decref(record);
}

/* Goes over the journal; updates, which the caller frees, then has the keys of those that count. */
static bool
read_updates(const char *path, json_t **updates, FedSpent *spent, FedError *err)
{
	FILE	   *file = path == NULL ? NULL : fopen(path, "re");
	char	   *line = NULL;
	size_t		size = 0;
	bool		ok = file != NULL || path == NULL || errno == ENOENT ||
		fed_error_errno(err, "could not read the journal \"%s\"", path);

	memset(spent, 0, sizeof(*spent));
	*updates = json_object();
	while (ok && file != NULL && getline(&line, &size, file) > 0)
		add_line(line, *updates, spent);
	free(line);
	if (file != NULL)
		fclose(file);
	return ok;
}

bool
fed_journal_spent(const char *path, FedSpent *spent, FedError *err)
{
	json_t	   *updates;
	bool		ok = read_updates(path, &updates, spent, err);

	json_decref(updates);
	return ok;
}

bool
fed_journal_has(const char *path, const FedTask *task, const uint8_t digest[FED_SHA256_BYTES], bool *has, FedError *err)
{
	char		hex[FED_SHA256_HEX + 1];
	char		key[KEY_BYTES];
	json_t	   *updates;
	FedSpent	ignored;
	bool		ok = read_updates(path, &updates, &ignored, err);

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	make_key(key, task->session_id, task->round_id, hex);
	*has = json_object_get(updates, key) != NULL;
	json_decref(updates);
	return ok;
}
