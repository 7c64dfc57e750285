/*
 * revealed.c
 *		What this Island has helped to open, remembered for ever.
 *
 * A line: session, round, base, ctx, sets, in text, with a space between.
 */
#include "lib/secagg/revealed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/lines.h"

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

/* A line that is looked for, and what was found. */
typedef struct Search
{
	const Line *wanted;
	FedRevealed *out;
} Search;

static bool
look_at(void *arg, const char *text)
{
	const Search *search = arg;
	const Line *wanted = search->wanted;
	Line		line;
	bool		of_base;

	if (!parse_line(text, &line))
		return false;
	of_base = strcmp(line.base, wanted->base) == 0;
	search->out->of_base += of_base;
	if (strcmp(line.session_id, wanted->session_id) != 0 || (!of_base && line.round != wanted->round))
		return true;
	if (line.round == wanted->round && strcmp(line.ctx, wanted->ctx) == 0 && strcmp(line.sets, wanted->sets) == 0)
		search->out->same = true;
	else
		search->out->other = true;
	return true;
}

static bool
find(const char *path, const Line *wanted, FedRevealed *out, FedError *err)
{
	Search		search = {wanted, out};

	memset(out, 0, sizeof(*out));
	return fed_lines_read(path, "what was revealed", look_at, &search, err);
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
	ok = ok && find(path, &line, &there, err) && fed_alive("revealed", err) && fed_lines_append(path, there.same ? NULL : text, err) &&
		fed_alive("revealed", err);
	free(path);
	return ok;
}
