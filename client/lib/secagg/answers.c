/*
 * answers.c
 *		The calls of secure aggregation that ask for something.
 *
 * Lists may be longer than any honest server's: twice as long as can be right is
 * read, so that a check can say what is wrong; more is refused here.
 */
#include "lib/secagg/answers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

#define MAX_LIST ((size_t) 2 * FED_SECAGG_MAX_COHORT)

static json_t *
ask(FedTransport *t, const char *function, const FedAttemptId *id, FedError *err)
{
	FedNamedCall call = fed_attempt_call(function, id);
	char	   *document;
	json_t	   *answer;

	if (!fed_named_call(t, &call, &document, err))
		return NULL;
	answer = fed_json_parse(document, "the server's answer", FED_ERR_PROTOCOL, err);
	free(document);
	return answer;
}

static bool
broken(const char *what, FedError *err)
{
	return fed_error_set(err, FED_ERR_PROTOCOL, "\"%s\" in the server's answer is missing, too long or not of its form", what);
}

static const json_t *
list_of(const json_t *answer, const char *key, FedError *err)
{
	const json_t *list = json_object_get(answer, key);

	if (json_is_array(list) && json_array_size(list) <= MAX_LIST)
		return list;
	broken(key, err);
	return NULL;
}

static bool
read_indices(const json_t *answer, const char *key, FedIndexList *out, FedError *err)
{
	const json_t *list = list_of(answer, key, err);

	if (list == NULL)
		return false;
	out->n = json_array_size(list);
	for (size_t i = 0; i < out->n; i++)
	{
		const json_t *value = json_array_get(list, i);

		if (!json_is_integer(value))
			return broken(key, err);
		out->values[i] = json_integer_value(value);
	}
	return true;
}

static bool
read_hex(const json_t *object, const char *key, uint8_t *out, size_t len)
{
	const char *hex = fed_json_text(object, key);

	return hex != NULL && fed_hex_decode(hex, out, len);
}

/* An adv of another length is for a check to refuse. */
static bool
read_member(const json_t *from, FedRosterMember *out)
{
	const char *adv = fed_json_text(from, "adv");

	if (!fed_json_int(from, "u", &out->u) || adv == NULL)
		return false;
	out->adv_len = strlen(adv) / 2;
	out->has_identity = read_hex(from, "identity_pk", out->identity, FED_KEY_BYTES) &&
		read_hex(from, "signature", out->signature, FED_SIGNATURE_BYTES);
	return out->adv_len != FED_ADV_BYTES || fed_hex_decode(adv, out->adv, FED_ADV_BYTES);
}

bool
fed_ask_roster(FedTransport *t, const FedAttemptId *id, FedRoster *out, FedError *err)
{
	json_t	   *answer = ask(t, "secagg_roster", id, err);
	const json_t *list = answer == NULL ? NULL : list_of(answer, "members", err);
	bool		ok = list != NULL;

	memset(out, 0, sizeof(*out));
	out->n = ok ? json_array_size(list) : 0;
	for (size_t i = 0; ok && i < out->n; i++)
		ok = read_member(json_array_get(list, i), &out->members[i]) || broken("members", err);
	json_decref(answer);
	return ok;
}

bool
fed_ask_inbox(FedTransport *t, const FedAttemptId *id, FedInbox *out, FedError *err)
{
	json_t	   *answer = ask(t, "secagg_inbox", id, err);
	const json_t *list = answer == NULL ? NULL : list_of(answer, "envelopes", err);
	bool		ok;

	memset(out, 0, sizeof(*out));
	ok = list != NULL && read_indices(answer, "u2", &out->u2, err);
	out->n = ok ? json_array_size(list) : 0;
	for (size_t i = 0; ok && i < out->n; i++)
	{
		const json_t *from = json_array_get(list, i);

		out->envelopes[i].whole = read_hex(from, "envelope", out->envelopes[i].envelope, FED_ENVELOPE_BYTES);
		ok = fed_json_int(from, "owner", &out->envelopes[i].owner) || broken("envelopes", err);
	}
	json_decref(answer);
	return ok;
}

static bool
read_sets(const json_t *answer, FedAgreements *out, FedError *err)
{
	memset(out, 0, sizeof(*out));
	return answer != NULL && read_indices(answer, "u2", &out->u2, err) && read_indices(answer, "u3", &out->u3, err);
}

bool
fed_ask_sets(FedTransport *t, const FedAttemptId *id, FedAgreements *out, FedError *err)
{
	json_t	   *answer = ask(t, "secagg_sets", id, err);
	bool		ok = read_sets(answer, out, err);

	json_decref(answer);
	return ok;
}

bool
fed_ask_agreements(FedTransport *t, const FedAttemptId *id, FedAgreements *out, FedError *err)
{
	json_t	   *answer = ask(t, "secagg_agreements", id, err);
	bool		ok = read_sets(answer, out, err);
	const json_t *list = ok ? list_of(answer, "signatures", err) : NULL;

	ok = list != NULL;
	out->n = ok ? json_array_size(list) : 0;
	for (size_t i = 0; ok && i < out->n; i++)
	{
		const json_t *from = json_array_get(list, i);

		ok = (fed_json_int(from, "u", &out->signatures[i].u) &&
			  read_hex(from, "signature", out->signatures[i].signature, FED_SIGNATURE_BYTES)) || broken("signatures", err);
	}
	json_decref(answer);
	return ok;
}
