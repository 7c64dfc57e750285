/*
 * task.c
 *		What the server asks an Island to do in a round.
 */
#include "lib/task.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

bool
fed_is_session_id(const char *text)
{
	if (strlen(text) != FED_SESSION_ID_LEN)
		return false;
	for (int i = 0; i < FED_SESSION_ID_LEN; i++)
	{
		bool		hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	}
	return true;
}

static bool
need_int(const json_t *object, const char *key, int64_t least, int64_t *out,
		 FedError *err)
{
	if (fed_json_int(object, key, out) && *out >= least)
		return true;
	return fed_error_set(err, FED_ERR_PROTOCOL,
						 "the task's \"%s\" is missing or not a valid number", key);
}

static bool
need_text(const json_t *object, const char *key, char *out, size_t size,
		  FedError *err)
{
	const char *text = fed_json_text(object, key);

	if (text == NULL || strlen(text) >= size)
		return fed_error_set(err, FED_ERR_PROTOCOL,
							 "the task's \"%s\" is missing or too long", key);
	strcpy(out, text);
	return true;
}

static bool
parse_kind(const json_t *object, FedTask *task, FedError *err)
{
	const char *kind = fed_json_text(object, "kind");

	if (kind != NULL && strcmp(kind, "train") == 0)
		task->evaluate_only = false;
	else if (kind != NULL && strcmp(kind, "evaluate") == 0)
		task->evaluate_only = true;
	else
		return fed_error_set(err, FED_ERR_PROTOCOL,
							 "the task's \"kind\" is neither \"train\" nor \"evaluate\"");
	return true;
}

/* One that this program does not know asks for nothing: f32 is taken and given by every server. */
static FedEncoding
asked_encoding(const json_t *config, const char *key)
{
	const char *name = fed_json_text(config, key);
	FedEncoding encoding;

	if (name != NULL && fed_encoding_parse(name, &encoding) && encoding < FED_ENCODINGS)
		return encoding;
	return FED_ENCODING_F32;
}

static void
parse_encodings(const json_t *object, FedTask *task)
{
	const json_t *config = json_object_get(object, "config");

	task->update_encoding = asked_encoding(config, "update_encoding");
	task->download_encoding = asked_encoding(config, "download_encoding");
}

/* A number above 0, or fallback if the key is missing. */
static bool
positive(const json_t *config, const char *key, double fallback, double *out, FedError *err)
{
	*out = fallback;
	return json_object_get(config, key) == NULL || (fed_json_number(config, key, out) && *out > 0) ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the session's \"%s\" is not a number above 0", key);
}

/*
 * What the session promises about privacy, and what of it is for the Island to
 * do. A mode that is not known may be one in which Islands add noise; to send
 * an update without it would be wrong.
 */
static bool
parse_privacy(const json_t *config, FedTask *task, FedError *err)
{
	const char *mode = fed_json_text(config, "dp_mode");

	if (!positive(config, "dp_sigma", 0, &task->noise_multiplier, err) ||
		!positive(config, "dp_clip_norm", 1, &task->clip_norm, err))
		return false;
	task->differential_privacy = task->noise_multiplier > 0;
	task->local_privacy = mode != NULL && strcmp(mode, "local") == 0;
	task->distributed_privacy = mode != NULL && strcmp(mode, "distributed") == 0;
	if (mode != NULL && !task->local_privacy && !task->distributed_privacy && strcmp(mode, "central") != 0)
		return fed_error_set(err, FED_ERR_PROTOCOL, "the session's \"dp_mode\" is \"%s\", which this program does not know",
							 mode);
	/* Nobody would hide an Island's share of the noise, which is not enough for itself. */
	if (task->distributed_privacy && !task->secure_aggregation)
		return fed_error_set(err, FED_ERR_PROTOCOL,
							 "the session's \"dp_mode\" is \"distributed\", and it has no secure aggregation");
	return !(task->local_privacy || task->distributed_privacy) || task->differential_privacy ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the session's \"dp_mode\" is \"%s\", and it has no \"dp_sigma\"", mode);
}

/* What the owner's policy asks for. */
static bool
parse_protection(const json_t *object, FedTask *task, FedError *err)
{
	const json_t *config = json_object_get(object, "config");
	const char *weights = fed_json_text(config, "secagg_weights");

	task->secure_aggregation = json_is_true(json_object_get(config, "secure_aggregation"));
	task->hides_samples = task->secure_aggregation && weights != NULL && strcmp(weights, "declared") != 0;
	if (!fed_json_number(object, "epsilon", &task->epsilon))
		task->epsilon = -1;
	return parse_privacy(config, task, err);
}

static bool
parse_secagg(const json_t *object, FedTask *task, FedError *err)
{
	const json_t *secagg = json_object_get(object, "secagg");

	if (secagg == NULL || json_is_null(secagg))
		return true;
	task->secagg = fed_offer_parse(secagg, err);
	return task->secagg != NULL;
}

static bool
parse_members(const json_t *object, FedTask *task, FedError *err)
{
	const char *digest = fed_json_text(object, "model_digest");
	int64_t		parameters;

	if (!need_int(object, "round_id", 1, &task->round_id, err) ||
		!need_int(object, "round", 0, &task->round, err) ||
		!need_int(object, "total_rounds", 0, &task->total_rounds, err) ||
		!need_int(object, "version_id", 1, &task->version_id, err) ||
		!need_int(object, "parameters", 1, &parameters, err) ||
		!need_int(object, "participants", 0, &task->participants, err) ||
		!need_text(object, "session_id", task->session_id,
				   sizeof(task->session_id), err) ||
		!need_text(object, "workload", task->workload,
				   sizeof(task->workload), err) ||
		!parse_kind(object, task, err))
		return false;
	if (!fed_is_session_id(task->session_id))
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"session_id\" is not a uuid");
	if (digest == NULL || !fed_hex_decode(digest, task->model_digest, FED_SHA256_BYTES))
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"model_digest\" is not a SHA-256");
	if (parameters > INT64_MAX / 8)
		return fed_error_set(err, FED_ERR_PROTOCOL, "the task's \"parameters\" is out of range");
	task->parameters = (uint64_t) parameters;
	fed_json_copy(object, "session", task->session, sizeof(task->session));
	parse_encodings(object, task);
	return parse_protection(object, task, err) && parse_secagg(object, task, err);
}

FedTask *
fed_task_parse(const char *document, FedError *err)
{
	json_t	   *object = fed_json_parse(document, "the task", FED_ERR_PROTOCOL, err);
	FedTask    *task = NULL;

	if (object == NULL)
		return NULL;
	task = calloc(1, sizeof(FedTask));
	if (task == NULL || (task->document = strdup(document)) == NULL)
		fed_error_memory(err);
	if (task == NULL || task->document == NULL ||
		!parse_members(object, task, err))
	{
		fed_task_free(task);
		task = NULL;
	}
	json_decref(object);
	return task;
}

void
fed_task_free(FedTask *task)
{
	if (task == NULL)
		return;
	fed_offer_free(task->secagg);
	free(task->document);
	free(task);
}
