/*
 * transport.c
 *		Calls that survive the loss of the server.
 */
#include "lib/transport.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/log.h"
#include "lib/stop.h"

/* The longest that a server may ask us to stay away, in seconds. */
#define MAX_RETRY_AFTER 60.0

void
fed_bytes_free(FedBytes *bytes)
{
	if (bytes->release != NULL)
		bytes->release(bytes->owner);
	memset(bytes, 0, sizeof(*bytes));
}

const char *
fed_section_name(FedSection section)
{
	return section == FED_SECTION_VECTOR ? "vector" : "frozen";
}

void
fed_transport_free(FedTransport *t)
{
	if (t != NULL)
		t->ops->destroy(t);
}

static void
note_contact(FedTransport *t)
{
	if (t->failing_since > 0)
	{
		if (t->last_complaint[0] != '\0')
			fed_log_info("the server is there again after %.1f s",
						 fed_now() - t->failing_since);
		t->failing_since = 0;
		t->last_complaint[0] = '\0';
		fed_backoff_reset(&t->backoff);
	}
}

static bool
ready(FedTransport *t, FedError *err)
{
	if (fed_stop_requested())
		return fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
	return t->ops->is_connected(t) || t->ops->connect(t, err);
}

/*
 * After a failure: whether to call again, once the time for that has come. What
 * the server says is logged when it changes, not at every attempt.
 */
static bool
try_again(FedTransport *t, FedError *err)
{
	double		now = fed_now();

	if (!fed_error_is_transient(err))
		return false;
	if (err->kind == FED_ERR_CONNECTION)
		t->ops->disconnect(t);
	if (t->failing_since <= 0)
		t->failing_since = now;
	if (t->patience >= 0 && now - t->failing_since >= t->patience)
		return false;
	if (strcmp(t->last_complaint, err->message) != 0)
	{
		memcpy(t->last_complaint, err->message, sizeof(t->last_complaint));
		fed_log_warning("%s; trying again", err->message);
	}
	return fed_sleep(fmin(err->retry_after, MAX_RETRY_AFTER) + fed_backoff_next(&t->backoff)) ||
		fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
}

#define CALL(call) \
	do \
	{ \
		FedError	local_err; \
		FedError   *why = err != NULL ? err : &local_err; \
		do \
		{ \
			if (ready(t, why) && (call)) \
			{ \
				note_contact(t); \
				return true; \
			} \
		} while (try_again(t, why)); \
		return false; \
	} while (0)

bool
fed_transport_wait(FedTransport *t, double seconds, bool *announced,
				   FedError *err)
{
	*announced = false;
	if (t->ops->is_connected(t))
	{
		if (t->ops->wait(t, seconds, announced, err))
			return true;
		if (err->kind == FED_ERR_STOPPED)
			return false;
		t->ops->disconnect(t);
		return true;
	}
	return fed_sleep(seconds) ||
		fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
}

void
fed_keep_token(FedTransport *t)
{
	if (t->ops->keep_token != NULL)
		t->ops->keep_token(t);
}

void
fed_transport_take_in(FedTransport *t)
{
	if (t->ops->take_in != NULL)
		t->ops->take_in(t);
}

/* What documents say. Each of these frees its document. */

static bool
take_hello(char *document, FedHello *out, FedError *err)
{
	json_t	   *object = fed_json_parse(document, "the server's answer", FED_ERR_PROTOCOL, err);

	free(document);
	if (object == NULL)
		return false;
	if (out != NULL)
	{
		fed_json_copy(object, "host_id", out->host_id, sizeof(out->host_id));
		fed_json_copy(object, "extension_version", out->extension_version, sizeof(out->extension_version));
	}
	json_decref(object);
	return true;
}

static bool
take_task(char *document, FedTask **out, FedError *err)
{
	bool		none = document == NULL;

	*out = none ? NULL : fed_task_parse(document, err);
	free(document);
	return none || *out != NULL;
}

static bool
take_reply(char *document, FedReply *out, FedSliceSet *present, FedError *err)
{
	bool		ok = fed_reply_parse(document, out, present, err);

	free(document);
	return ok;
}

static bool
take_manifest(char *document, FedManifest **out, FedError *err)
{
	*out = fed_manifest_parse(document, err);
	free(document);
	return *out != NULL;
}

bool
fed_heartbeat(FedTransport *t, const char *capabilities, FedHello *out,
			  FedError *err)
{
	char	   *document;

	CALL(t->ops->heartbeat(t, capabilities, &document, why) && take_hello(document, out, why));
}

bool
fed_accept_workload(FedTransport *t, int64_t workload_id, int64_t num_samples,
					FedError *err)
{
	CALL(t->ops->accept_workload(t, workload_id, num_samples, why));
}

bool
fed_next_task(FedTransport *t, const char *session_id, FedTask **out,
			  FedError *err)
{
	char	   *document;

	CALL(t->ops->next_task(t, session_id, &document, why) && take_task(document, out, why));
}

bool
fed_decline_task(FedTransport *t, int64_t round_id, const char *reason,
				 FedError *err)
{
	CALL(t->ops->decline_task(t, round_id, reason, why));
}

bool
fed_begin_update(FedTransport *t, int64_t round_id, const uint8_t *digest,
				 FedEncoding encoding, FedReply *out, FedSliceSet *present,
				 FedError *err)
{
	char	   *document;

	CALL(t->ops->begin_update(t, round_id, digest, encoding, &document, why) && take_reply(document, out, present, why));
}

bool
fed_put_slice(FedTransport *t, int64_t update_id, uint64_t slice,
			  const uint8_t *hash, const void *data, size_t len, FedReply *out,
			  FedError *err)
{
	char	   *document;

	CALL(t->ops->put_slice(t, update_id, slice, hash, data, len, &document, why) && take_reply(document, out, NULL, why));
}

bool
fed_commit_update(FedTransport *t, int64_t update_id, const uint8_t *digest,
				  int64_t num_samples, const char *metrics, FedReply *out,
				  FedError *err)
{
	char	   *document;

	CALL(t->ops->commit_update(t, update_id, digest, num_samples, metrics, &document, why) &&
		 take_reply(document, out, NULL, why));
}

bool
fed_submit_evaluation(FedTransport *t, int64_t round_id, int64_t num_samples,
					  const char *metrics, FedReply *out, FedError *err)
{
	char	   *document;

	CALL(t->ops->submit_evaluation(t, round_id, num_samples, metrics, &document, why) &&
		 take_reply(document, out, NULL, why));
}

bool
fed_find_workload(FedTransport *t, const char *name, int64_t *out,
				  FedError *err)
{
	CALL(t->ops->find_workload(t, name, out, why));
}

bool
fed_create_workload(FedTransport *t, const char *name, const char *trainable,
					int64_t *out, FedError *err)
{
	return ready(t, err) && t->ops->create_workload(t, name, trainable, out, err);
}

bool
fed_find_version(FedTransport *t, int64_t workload_id, int64_t version,
				 int64_t *out, FedError *err)
{
	CALL(t->ops->find_version(t, workload_id, version, out, why));
}

bool
fed_model(FedTransport *t, int64_t version_id, FedManifest **out, FedError *err)
{
	char	   *document;

	CALL(t->ops->model(t, version_id, &document, why) && take_manifest(document, out, why));
}

bool
fed_model_header(FedTransport *t, int64_t version_id, FedBytes *out,
				 FedError *err)
{
	CALL(t->ops->model_header(t, version_id, out, why));
}

bool
fed_model_slice(FedTransport *t, int64_t version_id, FedSection section,
				uint64_t slice, uint64_t following, FedEncoding encoding,
				FedBytes *out, FedError *err)
{
	CALL(t->ops->model_slice(t, version_id, section, slice, following, encoding, out, why));
}

bool
fed_begin_import(FedTransport *t, int64_t workload_id, const char *header,
				 size_t header_len, uint64_t data_bytes, FedManifest **out,
				 FedError *err)
{
	char	   *document;

	CALL(t->ops->begin_import(t, workload_id, header, header_len, data_bytes, &document, why) &&
		 take_manifest(document, out, why));
}

bool
fed_put_model_slice(FedTransport *t, int64_t version_id, FedSection section,
					uint64_t slice, const uint8_t *hash, const void *data,
					size_t len, FedError *err)
{
	CALL(t->ops->put_model_slice(t, version_id, section, slice, hash, data, len, why));
}

bool
fed_commit_import(FedTransport *t, int64_t version_id, int64_t *version,
				  FedError *err)
{
	CALL(t->ops->commit_import(t, version_id, version, why));
}

bool
fed_start_session(FedTransport *t, const char *name, int64_t workload_id,
				  int64_t rounds, const char *config, char **id, FedError *err)
{
	return ready(t, err) &&
		t->ops->start_session(t, name, workload_id, rounds, config, id, err);
}

bool
fed_session(FedTransport *t, const char *id, char **document, FedError *err)
{
	CALL(t->ops->session(t, id, document, why));
}

bool
fed_list_sessions(FedTransport *t, char **document, FedError *err)
{
	CALL(t->ops->list_sessions(t, document, why));
}

bool
fed_cancel_session(FedTransport *t, const char *id, const char *reason,
				   FedError *err)
{
	CALL(t->ops->cancel_session(t, id, reason, why));
}

bool
fed_named_call(FedTransport *t, const FedNamedCall *call, char **document,
			   FedError *err)
{
	CALL(t->ops->named_call(t, call, document, why));
}
