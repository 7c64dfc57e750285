/*
 * reply.c
 *		The server's answer to a piece of an update.
 */
#include "lib/reply.h"

#include <string.h>

#include "lib/json.h"

static bool
parse_status(const char *name, FedReplyStatus *out)
{
	static const char *const names[] = {
		[FED_REPLY_UPLOADING] = "uploading",
		[FED_REPLY_STORED] = "stored",
		[FED_REPLY_ACCEPTED] = "accepted",
		[FED_REPLY_REJECTED] = "rejected",
	};

	for (int i = 0; name != NULL && i < (int) (sizeof(names) / sizeof(*names)); i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			*out = (FedReplyStatus) i;
			return true;
		}
	}
	return false;
}

bool
fed_reply_parse(const char *document, FedReply *out, FedSliceSet *present,
				FedError *err)
{
	json_t	   *object = fed_json_parse(document, "the server's answer",
										FED_ERR_PROTOCOL, err);
	bool		ok;

	memset(out, 0, sizeof(*out));
	if (object == NULL)
		return false;
	ok = parse_status(fed_json_text(object, "status"), &out->status);
	if (!ok)
		fed_error_set(err, FED_ERR_PROTOCOL, "the server's answer has no known status");
	fed_json_int(object, "update_id", &out->update_id);
	fed_json_copy(object, "reason", out->reason, sizeof(out->reason));
	fed_json_copy(object, "detail", out->detail, sizeof(out->detail));
	if (present != NULL)
		fed_json_slices(json_object_get(object, "present"), present);
	json_decref(object);
	return ok;
}

FedRejection
fed_rejection_meaning(const FedReply *reply)
{
	static const struct
	{
		const char *reason;
		FedRejection meaning;
	}			known[] = {
		{"incomplete", FED_REJECTION_RETRY},
		{"storage_full", FED_REJECTION_WAIT},
		{"stale_round", FED_REJECTION_OVER},
		{"not_participant", FED_REJECTION_OVER},
		{"conflicting_update", FED_REJECTION_OVER},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
	{
		if (strcmp(reply->reason, known[i].reason) == 0)
			return known[i].meaning;
	}
	return FED_REJECTION_BAD;
}
