/*
 * spool.c
 *		The result of a round, kept on disk until nobody can ask for it again.
 */
#include "lib/spool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"

#define DELTA_NAME "spool.delta"
#define JSON_NAME "spool.json"
#define MAX_JSON 1048576

char *
fed_spool_delta_path(const char *dir)
{
	return fed_path_join(dir, DELTA_NAME);
}

bool
fed_spool_save(const char *dir, const FedTask *task, FedEncoding encoding, const uint8_t *digest, int64_t num_samples,
			   const char *metrics, FedError *err)
{
	char		hex[2 * FED_SHA256_BYTES + 1];
	char	   *path = fed_path_join(dir, JSON_NAME);
	json_t	   *record;
	char	   *text;
	bool		ok;

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	record = json_pack("{s:I, s:s, s:b, s:s, s:s, s:I, s:s}", "round_id", (json_int_t) task->round_id,
					   "session_id", task->session_id, "evaluation", task->evaluate_only, "encoding",
					   fed_encoding_name(encoding), "digest", hex,
					   "num_samples", (json_int_t) num_samples, "metrics", metrics);
	text = record == NULL ? NULL : json_dumps(record, JSON_INDENT(1));
	ok = (path != NULL && text != NULL) || fed_error_memory(err);
	ok = ok && fed_write_file(path, text, strlen(text), err);
	free(text);
	free(path);
	json_decref(record);
	return ok;
}

static bool
read_record(const json_t *record, FedSpool *out, bool *evaluation)
{
	const char *digest = fed_json_text(record, "digest");
	const char *metrics = fed_json_text(record, "metrics");
	const char *encoding = fed_json_text(record, "encoding");

	*evaluation = json_is_true(json_object_get(record, "evaluation"));
	fed_json_copy(record, "session_id", out->session_id, sizeof(out->session_id));
	/* Before there were others, it was not said. */
	if (!fed_encoding_parse(encoding == NULL ? "f32" : encoding, &out->encoding) ||
		!fed_json_int(record, "round_id", &out->round_id) || !fed_json_int(record, "num_samples", &out->num_samples) ||
		digest == NULL || !fed_hex_decode(digest, out->digest, FED_SHA256_BYTES) || metrics == NULL)
		return false;
	out->metrics = strdup(metrics);
	return out->metrics != NULL;
}

/* A delta that is not the one that was recorded must not be sent. */
static bool
map_delta(const char *dir, FedSpool *out)
{
	char	   *path = fed_spool_delta_path(dir);
	uint8_t		digest[FED_SHA256_BYTES];
	bool		ok = path != NULL && fed_map_file(path, &out->delta, NULL) &&
		fed_hash_vector(out->delta.data, out->delta.len, digest, NULL, NULL) &&
		memcmp(digest, out->digest, sizeof(digest)) == 0;

	free(path);
	return ok;
}

bool
fed_spool_load(const char *dir, FedSpool *out)
{
	char	   *path = fed_path_join(dir, JSON_NAME);
	char	   *text = path == NULL || access(path, R_OK) != 0 ? NULL : fed_read_file(path, MAX_JSON, NULL, NULL);
	json_t	   *record = text == NULL ? NULL : fed_json_parse(text, "the kept update", FED_ERR_LOCAL, NULL);
	bool		evaluation = false;
	bool		ok;

	memset(out, 0, sizeof(*out));
	ok = record != NULL && read_record(record, out, &evaluation) && (evaluation || map_delta(dir, out));
	if (!ok)
		fed_spool_close(out);
	json_decref(record);
	free(text);
	free(path);
	return ok;
}

bool
fed_spool_is_for(const FedSpool *spool, const FedTask *task)
{
	return spool->round_id == task->round_id && strcmp(spool->session_id, task->session_id) == 0;
}

void
fed_spool_close(FedSpool *spool)
{
	free(spool->metrics);
	if (spool->delta.data != NULL)
		fed_unmap(&spool->delta);
	memset(spool, 0, sizeof(*spool));
}

static void
remove_in(const char *dir, const char *name)
{
	char	   *path = fed_path_join(dir, name);

	if (path != NULL)
		(void) unlink(path);
	free(path);
}

void
fed_spool_drop(const char *dir)
{
	remove_in(dir, JSON_NAME);
	remove_in(dir, DELTA_NAME);
}
