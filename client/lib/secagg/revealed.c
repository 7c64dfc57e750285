/*
 * revealed.c
 *		What this Island has helped to open, remembered for ever.
 *
 * A line: session, round, base, ctx, sets, in text, with a space between.
 */
#include "lib/secagg/revealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/refuse.h"

#define FILE_NAME "revealed"
#define LINE_BYTES 320

typedef struct Line
{
	char		session_id[FED_SESSION_ID_LEN + 1];
	uint32_t	round;
	char		base[FED_SHA256_HEX + 1];
	char		ctx[FED_SHA256_HEX + 1];
	char		sets[FED_SHA256_HEX + 1];
} Line;

static bool
is_hash(const char *hex)
{
	uint8_t		hash[FED_SHA256_BYTES];

	return fed_hex_decode(hex, hash, sizeof(hash));
}

static bool
parse_line(const char *text, Line *out)
{
	int			used = 0;

	return sscanf(text, "%36s %" SCNu32 " %64s %64s %64s%n", out->session_id, &out->round, out->base, out->ctx, out->sets,
				  &used) == 5 && text[used] == '\n' && fed_is_session_id(out->session_id) && is_hash(out->base) &&
		is_hash(out->ctx) && is_hash(out->sets);
}

static void
look_at(const Line *line, const Line *wanted, FedRevealed *out)
{
	bool		of_base = strcmp(line->base, wanted->base) == 0;
	bool		of_session = strcmp(line->session_id, wanted->session_id) == 0;

	out->of_base += of_base;
	if (!of_session || (!of_base && line->round != wanted->round))
		return;
	if (line->round == wanted->round && strcmp(line->ctx, wanted->ctx) == 0 && strcmp(line->sets, wanted->sets) == 0)
		out->same = true;
	else
		out->other = true;
}

/* A line without its end was never synced, so nothing followed it. */
static bool
read_lines(FILE *file, const Line *wanted, FedRevealed *out)
{
	char	   *text = NULL;
	size_t		size = 0;
	Line		line;
	bool		ok = true;
	ssize_t		len;

	while (ok && (len = getline(&text, &size, file)) > 0)
	{
		if (text[len - 1] != '\n')
			break;
		ok = len == 1 || parse_line(text, &line);
		if (ok && len > 1)
			look_at(&line, wanted, out);
	}
	free(text);
	return ok && !ferror(file);
}

static bool
find(const char *path, const Line *wanted, FedRevealed *out, FedError *err)
{
	FILE	   *file = fopen(path, "re");
	bool		ok;

	memset(out, 0, sizeof(*out));
	if (file == NULL && errno == ENOENT)
		return true;
	ok = file != NULL && read_lines(file, wanted, out);
	if (file != NULL)
		fclose(file);
	return ok || fed_refuse(err, 19, "\"%s\", which says what was revealed, cannot be read", path);
}

static void
fill(Line *line, const char *session_id, uint32_t round, const uint8_t *base, const uint8_t *ctx, const uint8_t *sets)
{
	memset(line, 0, sizeof(*line));
	snprintf(line->session_id, sizeof(line->session_id), "%s", session_id);
	line->round = round;
	fed_hex_encode(base, FED_SHA256_BYTES, line->base);
	if (ctx != NULL)
		fed_hex_encode(ctx, FED_SHA256_BYTES, line->ctx);
	if (sets != NULL)
		fed_hex_encode(sets, FED_SHA256_BYTES, line->sets);
}

bool
fed_revealed_find(const char *root, const char *session_id, uint32_t round, const uint8_t base[FED_SHA256_BYTES],
				  const uint8_t *ctx, const uint8_t *sets, FedRevealed *out, FedError *err)
{
	char	   *path = fed_path_join(root, FILE_NAME);
	Line		wanted;
	bool		ok;

	fill(&wanted, session_id, round, base, ctx, sets);
	ok = path == NULL ? fed_error_memory(err) : find(path, &wanted, out, err);
	free(path);
	return ok;
}

/* A crash in the middle of a line leaves it without its end. It was not synced, so nothing was sent. */
static bool
cut_torn_line(int fd)
{
	off_t		size = lseek(fd, 0, SEEK_END);
	char		last;

	while (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n')
		size--;
	return size >= 0 && ftruncate(fd, size) == 0;
}

/* text: a line, or NULL to make durable what is there: whoever wrote it may have been killed before it was. */
static bool
append(const char *path, const char *text, FedError *err)
{
	size_t		len = text == NULL ? 0 : strlen(text);
	int			fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool		ok = fd >= 0 && (text == NULL || (cut_torn_line(fd) && write(fd, text, len) == (ssize_t) len)) &&
		fed_alive("sync", err) && fsync(fd) == 0;

	if (!ok)
		fed_error_errno(err, "could not write \"%s\"", path);
	if (fd >= 0)
		close(fd);
	return ok && fed_alive("sync directory", err) && fed_sync_parent(path, err);
}

bool
fed_revealed_add(const char *root, const FedState *state, const uint8_t sets[FED_SHA256_BYTES], FedError *err)
{
	char	   *path = fed_path_join(root, FILE_NAME);
	char		text[LINE_BYTES];
	FedRevealed there;
	Line		line;
	bool		ok = path != NULL || fed_error_memory(err);

	fill(&line, state->session_id, state->round, state->base, state->ctx, sets);
	snprintf(text, sizeof(text), "%s %" PRIu32 " %s %s %s\n", line.session_id, line.round, line.base, line.ctx, line.sets);
	ok = ok && find(path, &line, &there, err) && fed_alive("revealed", err) && append(path, there.same ? NULL : text, err) &&
		fed_alive("revealed", err);
	free(path);
	return ok;
}
