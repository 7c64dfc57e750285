/*
 * messages.c
 *		The calls of secure aggregation that send something.
 */
#include "lib/secagg/messages.h"

#include <stdlib.h>
#include <string.h>

#include "lib/secagg/answers.h"
#include "lib/secagg/fault.h"

#define BYTES(name, data, length) ((FedArgument) {(name), FED_ARGUMENT_BYTES, .value = (data), .len = (length)})
#define NUMBER(name, n) ((FedArgument) {(name), FED_ARGUMENT_NUMBER, .number = (n)})

FedNamedCall
fed_attempt_call(const char *function, const FedAttemptId *id)
{
	return (FedNamedCall) {function, 3, {
			{"session_id", FED_ARGUMENT_UUID, .value = id->session_id},
			{"round", FED_ARGUMENT_INTEGER, .number = id->round},
			{"attempt", FED_ARGUMENT_INTEGER, .number = id->attempt},
	}};
}

/* Sends, and reads what the server said to it. */
static bool
send_call(FedTransport *t, const FedNamedCall *call, FedReply *out, FedSliceSet *present, FedError *err)
{
	char	   *document;
	bool		ok = fed_alive(call->function, err) && fed_named_call(t, call, &document, err);

	if (!ok)
		return false;
	ok = fed_reply_parse(document, out, present, err);
	free(document);
	return ok && fed_alive(call->function, err);
}

bool
fed_send_advertise(FedTransport *t, const FedAttemptId *id, const uint8_t adv[FED_ADV_BYTES], const uint8_t *identity,
				   const uint8_t *signature, FedReply *out, FedError *err)
{
	FedNamedCall call = fed_attempt_call("secagg_advertise", id);

	call.arguments[call.n++] = BYTES("adv", adv, FED_ADV_BYTES);
	call.arguments[call.n++] = BYTES("identity_pk", identity, FED_KEY_BYTES);
	call.arguments[call.n++] = BYTES("signature", signature, FED_SIGNATURE_BYTES);
	return send_call(t, &call, out, NULL, err);
}

static bool
send_bytes(FedTransport *t, const char *function, const FedAttemptId *id, const char *name, const uint8_t *data, size_t len,
		   FedReply *out, FedError *err)
{
	FedNamedCall call = fed_attempt_call(function, id);

	call.arguments[call.n++] = BYTES(name, data, len);
	return send_call(t, &call, out, NULL, err);
}

bool
fed_send_share(FedTransport *t, const FedAttemptId *id, const uint8_t *envelopes, size_t len, FedReply *out, FedError *err)
{
	return send_bytes(t, "secagg_share", id, "envelopes", envelopes, len, out, err);
}

bool
fed_send_aux(FedTransport *t, const FedAttemptId *id, const uint8_t *aux, size_t len, FedReply *out, FedError *err)
{
	return send_bytes(t, "secagg_aux", id, "aux", aux, len, out, err);
}

bool
fed_send_agree(FedTransport *t, const FedAttemptId *id, const uint8_t signature[FED_SIGNATURE_BYTES], FedReply *out,
			   FedError *err)
{
	return send_bytes(t, "secagg_agree", id, "signature", signature, FED_SIGNATURE_BYTES, out, err);
}

bool
fed_send_reveal(FedTransport *t, const FedAttemptId *id, const uint8_t *reveal, size_t len, FedReply *out, FedError *err)
{
	return send_bytes(t, "secagg_reveal", id, "reveal", reveal, len, out, err);
}

bool
fed_send_complaint(FedTransport *t, const FedAttemptId *id, const FedSecaggSet *owners, FedReply *out, FedError *err)
{
	FedNamedCall call = fed_attempt_call("secagg_complain", id);
	int32_t		list[FED_SECAGG_MAX_COHORT];
	size_t		n = 0;

	for (uint32_t u = 1; u <= FED_SECAGG_MAX_COHORT; u++)
	{
		if (fed_set_has(owners, u))
			list[n++] = (int32_t) u;
	}
	call.arguments[call.n++] = (FedArgument) {"owners", FED_ARGUMENT_INTEGERS, .value = list, .len = n};
	return send_call(t, &call, out, NULL, err);
}

bool
fed_send_begin(FedTransport *t, int64_t round_id, const uint8_t manifest[FED_SHA256_BYTES], FedReply *out,
			   FedSliceSet *present, FedError *err)
{
	FedNamedCall call = {"begin_update", 3, {
			NUMBER("round_id", round_id),
			{"digest", FED_ARGUMENT_DIGEST, .value = manifest, .len = FED_SHA256_BYTES},
			{"encoding", FED_ARGUMENT_TEXT, .value = fed_encoding_name(FED_ENCODING_UINT32)},
	}};

	return send_call(t, &call, out, present, err);
}

bool
fed_send_slice(FedTransport *t, int64_t update_id, uint64_t slice, const uint8_t hash[FED_SHA256_BYTES], const void *data,
			   size_t len, FedReply *out, FedError *err)
{
	return fed_alive("put_slice", err) && fed_put_slice(t, update_id, slice, hash, data, len, out, err) &&
		fed_alive("put_slice", err);
}

/* What both kinds of commitment end with. */
static void
add_commitment(FedNamedCall *call, const FedCommitment *what)
{
	call->arguments[call->n++] = (FedArgument) {"num_samples", FED_ARGUMENT_NUMBER, .number = what->num_samples,
	.null = what->num_samples < 0};
	call->arguments[call->n++] = (FedArgument) {"metrics", FED_ARGUMENT_JSON, .value = what->metrics};
	call->arguments[call->n++] = (FedArgument) {"digest", FED_ARGUMENT_DIGEST, .value = what->manifest,
	.len = FED_SHA256_BYTES};
	call->arguments[call->n++] = BYTES("signature", what->signature, FED_SIGNATURE_BYTES);
}

bool
fed_send_commit(FedTransport *t, int64_t update_id, const FedCommitment *what, FedReply *out, FedError *err)
{
	FedNamedCall call = {"commit_update", 1, {NUMBER("update_id", update_id)}};

	add_commitment(&call, what);
	return send_call(t, &call, out, NULL, err);
}

bool
fed_send_evaluation(FedTransport *t, int64_t round_id, const FedCommitment *what, FedReply *out, FedError *err)
{
	FedNamedCall call = {"submit_evaluation", 1, {NUMBER("round_id", round_id)}};

	add_commitment(&call, what);
	return send_call(t, &call, out, NULL, err);
}
