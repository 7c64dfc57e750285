/*
 * session.c
 *		The session document, as far as a client acts on it or shows it.
 */
#include "lib/session.h"

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
	free(session);
}

bool
fed_session_is_over(const FedSession *session)
{
	return strcmp(session->status, "completed") == 0 ||
		strcmp(session->status, "failed") == 0 ||
		strcmp(session->status, "cancelled") == 0;
}
