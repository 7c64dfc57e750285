/*
 * session.c
 *		The session document, as far as a client acts on it or shows it.
 */
#include "lib/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

/* Appends the numbers of a flat object as "name value", commas between. */
static void
describe_metrics(const json_t *metrics, char *out, size_t size)
{
	const char *name;
	json_t	   *value;

	out[0] = '\0';
	json_object_foreach((json_t *) metrics, name, value)
	{
		size_t		used = strlen(out);

		if (!json_is_number(value) || size - used < 2)
			continue;
		snprintf(out + used, size - used, "%s%s %.4g", used > 0 ? ", " : "",
				 name, json_number_value(value));
	}
}

static void
parse_participant(const json_t *object, FedParticipant *out)
{
	const json_t *metrics = json_object_get(object, "metrics");
	const json_t *evaluation = json_object_get(metrics, "evaluation");

	fed_json_copy(object, "host_id", out->host_id, sizeof(out->host_id));
	fed_json_copy(object, "status", out->status, sizeof(out->status));
	fed_json_int(object, "rounds_completed", &out->rounds_completed);
	fed_json_int(object, "total_samples", &out->total_samples);
	describe_metrics(evaluation != NULL ? evaluation : metrics,
					 out->metrics, sizeof(out->metrics));
}

/* The federated evaluation of the newest round that has one. */
static void
parse_evaluation(const json_t *rounds, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = json_array_size(rounds); i > 0 && out[0] == '\0'; i--)
		describe_metrics(json_object_get(json_array_get(rounds, i - 1), "evaluation"),
						 out, size);
}

/* Appends " WORD number" of a member that has one. */
static void
append_number(const json_t *object, const char *key, const char *word, char *out, size_t size)
{
	size_t		used = strlen(out);
	double		number;

	if (fed_json_number(object, key, &number))
		snprintf(out + used, size - used, "%s %.4g", word, number);
}

/* A dp_mode in words; one that this program does not know is its own. */
static const char *
who_adds(const char *mode)
{
	static const char *const words[][2] = {
		{"central", "the coordinator"}, {"local", "each Island"}, {"distributed", "the Islands together"}
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
	{
		if (strcmp(mode, words[i][0]) == 0)
			return words[i][1];
	}
	return mode;
}

/* What was spent, of how much, with which noise, and who adds it. */
static void
describe_privacy(const json_t *privacy, char *out, size_t size)
{
	const char *mode = fed_json_text(privacy, "mode");
	const json_t *norms = json_object_get(privacy, "clip_norms");
	json_t	   *last = json_array_get(norms, json_array_size(norms) - 1);

	out[0] = '\0';
	if (mode == NULL || strcmp(mode, "none") == 0)
		return;
	append_number(privacy, "epsilon", "epsilon", out, size);
	append_number(privacy, "epsilon_budget", " of", out, size);
	append_number(privacy, "delta", ", delta", out, size);
	append_number(privacy, "noise_multiplier", ", noise multiplier", out, size);
	if (json_is_number(last))
		snprintf(out + strlen(out), size - strlen(out), ", clip norm %.4g", json_number_value(last));
	snprintf(out + strlen(out), size - strlen(out), ", noise added by %s", who_adds(mode));
}

/* Its mode, and how far the newest attempt has come with how many Islands. */
static void
describe_secagg(const json_t *secagg, const json_t *config, char *out, size_t size)
{
	const char *mode = fed_json_text(secagg, "mode");
	const char *state = fed_json_text(secagg, "state");
	int64_t		round;
	int64_t		attempt;
	int64_t		most;
	int64_t		islands;
	int64_t		needed;
	size_t		used;

	out[0] = '\0';
	if (mode == NULL)
		return;
	used = (size_t) snprintf(out, size, "%s", mode);
	if (state == NULL || !fed_json_int(secagg, "round", &round) || !fed_json_int(secagg, "attempt", &attempt) || used >= size)
		return;
	used += (size_t) snprintf(out + used, size - used, ", round %" PRId64 ", attempt %" PRId64, round, attempt);
	if (used < size && fed_json_int(config, "secagg_max_attempts", &most))
		used += (size_t) snprintf(out + used, size - used, " of %" PRId64, most);
	if (used < size)
		used += (size_t) snprintf(out + used, size - used, ": %s", state);
	/* Known when all keys are in. */
	if (used < size && fed_json_int(secagg, "islands", &islands) && fed_json_int(secagg, "threshold", &needed))
		snprintf(out + used, size - used, ", %" PRId64 " Islands, %" PRId64 " needed", islands, needed);
}

static char *
privacy_statement(const json_t *privacy)
{
	const char *statement = fed_json_text(privacy, "statement");
	const char *warning = fed_json_text(privacy, "warning");
	size_t		size = (statement == NULL ? 0 : strlen(statement)) + (warning == NULL ? 0 : strlen(warning)) + 16;
	char	   *text = statement == NULL ? NULL : malloc(size);

	if (text != NULL)
		snprintf(text, size, "%s%s%s", statement, warning == NULL ? "" : "\nwarning: ", warning == NULL ? "" : warning);
	return text;
}

static bool
parse_members(const json_t *object, FedSession *out, FedError *err)
{
	const json_t *participants = json_object_get(object, "participants");

	fed_json_copy(object, "id", out->id, sizeof(out->id));
	fed_json_copy(object, "name", out->name, sizeof(out->name));
	fed_json_copy(object, "status", out->status, sizeof(out->status));
	fed_json_copy(object, "reason", out->reason, sizeof(out->reason));
	fed_json_int(object, "current_round", &out->current_round);
	fed_json_int(object, "total_rounds", &out->total_rounds);
	if (out->status[0] == '\0')
		return fed_error_set(err, FED_ERR_PROTOCOL, "the session document has no status");
	out->n_participants = json_array_size(participants);
	out->participants = calloc(out->n_participants + 1, sizeof(FedParticipant));
	if (out->participants == NULL)
		return fed_error_memory(err);
	for (size_t i = 0; i < out->n_participants; i++)
		parse_participant(json_array_get(participants, i), &out->participants[i]);
	parse_evaluation(json_object_get(object, "rounds"), out->metrics,
					 sizeof(out->metrics));
	describe_privacy(json_object_get(object, "privacy"), out->privacy, sizeof(out->privacy));
	describe_secagg(json_object_get(object, "secure_aggregation"), json_object_get(object, "config"), out->secagg, sizeof(out->secagg));
	if (out->privacy[0] != '\0')
		out->privacy_said = privacy_statement(json_object_get(object, "privacy"));
	return true;
}

FedSession *
fed_session_parse(const char *document, FedError *err)
{
	json_t	   *object = fed_json_parse(document, "the session document",
										FED_ERR_PROTOCOL, err);
	FedSession *session;

	if (object == NULL)
		return NULL;
	session = calloc(1, sizeof(FedSession));
	if (session == NULL)
		fed_error_memory(err);
	else if (!parse_members(object, session, err))
	{
		fed_session_free(session);
		session = NULL;
	}
	json_decref(object);
	return session;
}

void
fed_session_free(FedSession *session)
{
	if (session == NULL)
		return;
	free(session->participants);
	free(session->privacy_said);
	free(session);
}

bool
fed_session_is_over(const FedSession *session)
{
	return strcmp(session->status, "completed") == 0 ||
		strcmp(session->status, "failed") == 0 ||
		strcmp(session->status, "cancelled") == 0;
}
