/*
 * transport_http.c
 *		The calls as requests to PostgREST, over HTTPS.
 *
 * Functions of schema federated_api are at /rpc/NAME, its views at /NAME. A
 * POST has its arguments in a JSON object; what only reads is a GET with
 * arguments in the query. Slices travel as they are, their arguments in headers.
 *
 * "Connected" means that the token has been read: a file that is written anew
 * while the server is away, or has refused the token, is taken in.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/http_error.h"
#include "lib/http_transport.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "lib/token.h"
#include "lib/token_call.h"
#include "lib/url.h"

#define MAX_DOCUMENT ((size_t) 64 << 20)
#define MAX_SLICE ((size_t) 2 << 20)

/* Seconds between two attempts to renew a token. */
#define RENEWAL_PAUSE 60.0

typedef struct FedHttpTransport
{
	FedTransport base;
	FedHttp    *http;
	char	   *token_file;
	char	   *token;			/* NULL: to be read */
	double		poll;
	double		next_renewal;	/* fed_now() */
} FedHttpTransport;

/* requests */

/* Whether the file holds another token by now; it is taken over. */
static bool
take_other_token(FedHttpTransport *t)
{
	char	   *token = fed_token_read(t->token_file, NULL);
	bool		other = token != NULL && strcmp(token, t->token) != 0;

	if (other)
	{
		free(t->token);
		t->token = token;
	}
	else
		free(token);
	return other;
}

/* Any answer, whatever its status. */
static bool
exchange(FedTransport *base, FedHttpRequest *request, FedHttpAnswer *out, FedError *err)
{
	FedHttpTransport *t = (FedHttpTransport *) base;

	request->token = t->token;
	if (!fed_http_call(t->http, request, out, err))
		return false;
	if (out->status != 401 || !take_other_token(t))
		return true;
	free(out->body);
	request->token = t->token;
	return fed_http_call(t->http, request, out, err);
}

/* A good answer, or, if verdicts are expected, a rejection, which is one too. */
static bool
call(FedTransport *base, FedHttpRequest *request, bool verdict, FedHttpAnswer *out, FedError *err)
{
	if (!exchange(base, request, out, err))
		return false;
	if (out->status / 100 == 2 || (verdict && fed_http_is_rejection(out)))
		return true;
	fed_http_error(out, err);
	free(out->body);
	return false;
}

/* The arguments of a POST, as json_pack(3) has them; malloc'd text. */
static char *
arguments(FedError *err, const char *format,...)
{
	va_list		args;
	json_error_t why;
	json_t	   *object;
	char	   *text;

	va_start(args, format);
	object = json_vpack_ex(&why, 0, format, args);
	va_end(args);
	text = json_dumps(object, JSON_COMPACT);
	if (text == NULL)
		fed_error_set(err, FED_ERR_USAGE, "an argument cannot be sent: %s", why.text);
	json_decref(object);
	return text;
}

/* A GET, or a POST if there are arguments. */
static FedHttpRequest
json_request(const char *path, const char *body)
{
	return (FedHttpRequest) {.path = path, .type = body == NULL ? NULL : FED_HTTP_JSON, .body = body,
		.len = body == NULL ? 0 : strlen(body), .accept = FED_HTTP_JSON, .max_bytes = MAX_DOCUMENT};
}

/* POST of arguments, which are freed; NULL has failed already. */
static bool
post(FedTransport *base, const char *path, char *body, bool once, bool verdict, char **document, FedError *err)
{
	FedHttpRequest request = json_request(path, body);
	FedHttpAnswer answer;
	bool		ok;

	request.once = once;
	ok = body != NULL && call(base, &request, verdict, &answer, err);
	*document = ok ? answer.body : NULL;
	free(body);
	return ok;
}

static bool
post_document(FedTransport *base, const char *path, char *body, char **document, FedError *err)
{
	return post(base, path, body, false, false, document, err);
}

/* The answer to a part of an update: a rejection is one. */
bool
fed_http_post_verdict(FedTransport *base, const char *path, char *body, char **document, FedError *err)
{
	return post(base, path, body, false, true, document, err);
}

/* Calls whose answer is of no interest. */
static bool
post_void(FedTransport *base, const char *path, char *body, FedError *err)
{
	char	   *document;
	bool		ok = post_document(base, path, body, &document, err);

	free(document);
	return ok;
}

static bool
get_document(FedTransport *base, const char *path, char **document, FedError *err)
{
	FedHttpRequest request = json_request(path, NULL);
	FedHttpAnswer answer;
	bool		ok = call(base, &request, false, &answer, err);

	*document = ok ? answer.body : NULL;
	return ok;
}

static bool
get_bytes(FedTransport *base, const char *path, size_t max_bytes, FedBytes *out, FedError *err)
{
	FedHttpRequest request = {.path = path, .accept = FED_HTTP_BYTES, .max_bytes = max_bytes};
	FedHttpAnswer answer;

	if (!call(base, &request, false, &answer, err))
		return false;
	out->data = (const uint8_t *) answer.body;
	out->len = answer.len;
	out->release = free;
	out->owner = answer.body;
	return true;
}

/* A slice. Its arguments are headers; those that say of what, and perhaps of which section, are the caller's. */
static bool
put_bytes(FedTransport *base, const char *path, const char *owner, const char *section, uint64_t slice,
		  const uint8_t *hash, const void *data, size_t len, bool verdict, char **document, FedError *err)
{
	char		slice_header[64];
	char		digest_header[FED_SHA256_HEX + 32] = "X-Federated-Digest: ";
	FedHttpRequest request = {.path = path, .headers = {owner, slice_header, digest_header, section}, .type = FED_HTTP_BYTES,
	.body = data, .len = len, .accept = FED_HTTP_JSON, .max_bytes = MAX_DOCUMENT};
	FedHttpAnswer answer;

	snprintf(slice_header, sizeof(slice_header), "X-Federated-Slice: %" PRIu64, slice);
	fed_hex_encode(hash, FED_SHA256_BYTES, digest_header + strlen(digest_header));
	if (!call(base, &request, verdict, &answer, err))
		return false;
	*document = answer.body;
	return true;
}

/* answers */

/* Any JSON value; the text is freed. NULL, and err filled, if it is none. */
static json_t *
parse_value(char *document, FedError *err)
{
	json_t	   *value = fed_json_value(document, "the server's answer", FED_ERR_PROTOCOL, err);

	free(document);
	return value;
}

/* Whether a parsed value, NULL if that has failed already, is a list. */
static bool
is_list(const json_t *value, FedError *err)
{
	return json_is_array(value) ||
		(value != NULL && fed_error_set(err, FED_ERR_PROTOCOL, "the server's answer is not a list"));
}

/* A whole number: the value itself, or, if key is not NULL, a member of it. */
static bool
take_number(char *document, const char *key, int64_t *out, FedError *err)
{
	json_t	   *value = parse_value(document, err);
	const json_t *number = key == NULL ? value : json_object_get(value, key);
	bool		ok = json_is_integer(number);

	if (ok)
		*out = json_integer_value(number);
	else if (value != NULL)
		fed_error_set(err, FED_ERR_PROTOCOL, "the server's answer is not the number that was asked for");
	json_decref(value);
	return ok;
}

/* connection */

static bool
http_connect(FedTransport *base, FedError *err)
{
	FedHttpTransport *t = (FedHttpTransport *) base;

	t->token = fed_token_read(t->token_file, err);
	return t->token != NULL;
}

static bool
http_is_connected(FedTransport *base)
{
	return ((FedHttpTransport *) base)->token != NULL;
}

static void
http_disconnect(FedTransport *base)
{
	FedHttpTransport *t = (FedHttpTransport *) base;

	fed_http_disconnect(t->http);
	free(t->token);
	t->token = NULL;
}

static void
http_destroy(FedTransport *base)
{
	FedHttpTransport *t = (FedHttpTransport *) base;

	fed_http_close(t->http);
	free(t->token_file);
	free(t->token);
	free(t);
}

static bool
http_wait(FedTransport *base, double seconds, bool *announced, FedError *err)
{
	FedHttpTransport *t = (FedHttpTransport *) base;

	*announced = true;
	return fed_sleep(fmin(seconds, t->poll)) || fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
}

static void
http_keep_token(FedTransport *base)
{
	FedHttpTransport *t = (FedHttpTransport *) base;
	FedError	err;
	json_t	   *answer;

	if (t->token == NULL || fed_now() < t->next_renewal || !fed_token_is_half_over(t->token, time(NULL)))
		return;
	t->next_renewal = fed_now() + RENEWAL_PAUSE;
	/* Somebody else may have done it. */
	if (take_other_token(t) && !fed_token_is_half_over(t->token, time(NULL)))
		return;
	if (fed_token_call(t->http, "/rpc/renew_token", "{}", t->token, t->token_file, &answer, &err))
	{
		char		expires_at[64];

		take_other_token(t);
		fed_json_copy(answer, "expires_at", expires_at, sizeof(expires_at));
		fed_log_event("token_renewed", NULL, "the token in %s is renewed, until %s", t->token_file, expires_at);
		json_decref(answer);
	}
	else if (err.kind != FED_ERR_STOPPED)
		fed_log_error("could not renew the token, trying again later", &err);
}

/* Island */

static bool
http_heartbeat(FedTransport *base, const char *capabilities, char **document, FedError *err)
{
	char	   *body = arguments(err, "{}");

	if (body != NULL && capabilities != NULL)
		body = fed_json_insert(body, "capabilities", capabilities, "capabilities", err);
	return post_document(base, "/rpc/heartbeat", body, document, err);
}

static bool
http_accept_workload(FedTransport *base, int64_t workload_id, int64_t num_samples, FedError *err)
{
	return post_void(base, "/rpc/accept_workload",
					 arguments(err, "{s:I, s:o}", "workload_id", (json_int_t) workload_id, "num_samples",
							   num_samples < 0 ? json_null() : json_integer(num_samples)), err);
}

static bool
http_next_task(FedTransport *base, const char *session_id, char **document, FedError *err)
{
	if (!post_document(base, "/rpc/next_task", arguments(err, "{s:s?}", "session_id", session_id), document, err))
		return false;
	if (strcmp(*document, "null") == 0 || **document == '\0')
	{
		free(*document);
		*document = NULL;
	}
	return true;
}

static bool
http_decline_task(FedTransport *base, int64_t round_id, const char *reason, FedError *err)
{
	return post_void(base, "/rpc/decline_task", arguments(err, "{s:I, s:o}", "round_id", (json_int_t) round_id, "reason",
														  fed_json_message(reason)), err);
}

static bool
http_begin_update(FedTransport *base, int64_t round_id, const uint8_t *digest, FedEncoding encoding, char **document,
				  FedError *err)
{
	char		hex[FED_SHA256_HEX + 1];

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	return fed_http_post_verdict(base, "/rpc/begin_update",
					   arguments(err, "{s:I, s:s, s:s}", "round_id", (json_int_t) round_id, "digest", hex, "encoding",
								 fed_encoding_name(encoding)), document, err);
}

static bool
http_put_slice(FedTransport *base, int64_t update_id, uint64_t slice, const uint8_t *hash, const void *data, size_t len,
			   char **document, FedError *err)
{
	char		owner[64];

	snprintf(owner, sizeof(owner), "X-Federated-Update: %" PRId64, update_id);
	return put_bytes(base, "/rpc/put_slice", owner, NULL, slice, hash, data, len, true, document, err);
}

static bool
http_commit_update(FedTransport *base, int64_t update_id, const uint8_t *digest, int64_t num_samples,
				   const char *metrics, char **document, FedError *err)
{
	char		hex[FED_SHA256_HEX + 1];
	char	   *body;

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	body = arguments(err, "{s:I, s:s, s:I}", "update_id", (json_int_t) update_id, "digest", hex, "num_samples",
					 (json_int_t) num_samples);
	if (body != NULL)
		body = fed_json_insert(body, "metrics", metrics, "metrics", err);
	return fed_http_post_verdict(base, "/rpc/commit_update", body, document, err);
}

static bool
http_submit_evaluation(FedTransport *base, int64_t round_id, int64_t num_samples, const char *metrics, char **document,
					   FedError *err)
{
	char	   *body = arguments(err, "{s:I, s:o}", "round_id", (json_int_t) round_id, "num_samples",
								   num_samples < 0 ? json_null() : json_integer(num_samples));

	if (body != NULL)
		body = fed_json_insert(body, "metrics", metrics, "metrics", err);
	return fed_http_post_verdict(base, "/rpc/submit_evaluation", body, document, err);
}

/* models */

/* The id of the workload whose column has that value; 0 if there is none. */
static bool
look_up_workload(FedTransport *base, const char *column, const char *value, int64_t *out, FedError *err)
{
	char	   *escaped = fed_url_escape(value);
	char	   *path = NULL;
	char	   *document;
	json_t	   *rows;
	bool		ok;

	*out = 0;
	if (escaped == NULL || asprintf(&path, "/workloads?select=id&%s=eq.%s", column, escaped) < 0)
	{
		free(escaped);
		return fed_error_memory(err);
	}
	ok = get_document(base, path, &document, err);
	free(path);
	free(escaped);
	if (!ok)
		return false;
	rows = parse_value(document, err);
	ok = is_list(rows, err);
	if (ok)
		fed_json_int(json_array_get(rows, 0), "id", out);
	json_decref(rows);
	return ok;
}

/* A number that PostgreSQL would write just so, and that bigint can hold. */
static bool
is_id(const char *text)
{
	size_t		digits = strspn(text, "0123456789");

	return digits > 0 && digits <= 18 && text[digits] == '\0' && text[0] != '0';
}

static bool
http_find_workload(FedTransport *base, const char *name, int64_t *out, FedError *err)
{
	return look_up_workload(base, "name", name, out, err) &&
		(*out != 0 || !is_id(name) || look_up_workload(base, "id", name, out, err));
}

static bool
http_create_workload(FedTransport *base, const char *name, const char *trainable, int64_t *out, FedError *err)
{
	char	   *document;

	return post(base, "/rpc/create_workload", arguments(err, "{s:s, s:s?}", "name", name, "trainable", trainable), true,
				false, &document, err) && take_number(document, "id", out, err);
}

static bool
http_find_version(FedTransport *base, int64_t workload_id, int64_t version, int64_t *out, FedError *err)
{
	char		path[128];
	char	   *document;

	if (version < 0)
		snprintf(path, sizeof(path), "/rpc/find_version?workload_id=%" PRId64, workload_id);
	else
		snprintf(path, sizeof(path), "/rpc/find_version?workload_id=%" PRId64 "&version=%" PRId64, workload_id, version);
	return get_document(base, path, &document, err) && take_number(document, NULL, out, err);
}

static bool
http_model(FedTransport *base, int64_t version_id, char **document, FedError *err)
{
	char		path[96];

	snprintf(path, sizeof(path), "/rpc/model?version_id=%" PRId64, version_id);
	return get_document(base, path, document, err);
}

static bool
http_model_header(FedTransport *base, int64_t version_id, FedBytes *out, FedError *err)
{
	char		path[96];

	snprintf(path, sizeof(path), "/rpc/model_header?version_id=%" PRId64, version_id);
	return get_bytes(base, path, FED_MODEL_MAX_HEADER, out, err);
}

static bool
http_model_slice(FedTransport *base, int64_t version_id, FedSection section, uint64_t slice, uint64_t following,
				 FedEncoding encoding, FedBytes *out, FedError *err)
{
	char		path[160];

	(void) following;
	snprintf(path, sizeof(path), "/rpc/model_slice?version_id=%" PRId64 "&slice=%" PRIu64 "&section=%s&encoding=%s",
			 version_id, slice, fed_section_name(section), fed_encoding_name(encoding));
	return get_bytes(base, path, MAX_SLICE, out, err);
}

static bool
http_begin_import(FedTransport *base, int64_t workload_id, const char *header, size_t header_len, uint64_t data_bytes,
				  char **document, FedError *err)
{
	return post_document(base, "/rpc/begin_import",
						 arguments(err, "{s:I, s:s%, s:I}", "workload_id", (json_int_t) workload_id, "header", header,
								   header_len, "data_bytes", (json_int_t) data_bytes), document, err);
}

static bool
http_put_model_slice(FedTransport *base, int64_t version_id, FedSection section, uint64_t slice, const uint8_t *hash,
					 const void *data, size_t len, FedError *err)
{
	char		owner[64];
	char		section_header[64];
	char	   *document = NULL;
	bool		ok;

	snprintf(owner, sizeof(owner), "X-Federated-Version: %" PRId64, version_id);
	snprintf(section_header, sizeof(section_header), "X-Federated-Section: %s", fed_section_name(section));
	ok = put_bytes(base, "/rpc/put_model_slice", owner, section_header, slice, hash, data, len, false, &document, err);
	free(document);
	return ok;
}

static bool
http_commit_import(FedTransport *base, int64_t version_id, int64_t *version, FedError *err)
{
	char	   *document;

	return post_document(base, "/rpc/commit_import", arguments(err, "{s:I}", "version_id", (json_int_t) version_id),
						 &document, err) && take_number(document, "version", version, err);
}

/* sessions */

static bool
http_start_session(FedTransport *base, const char *name, int64_t workload_id, int64_t rounds, const char *config,
				   char **id, FedError *err)
{
	char	   *body = arguments(err, "{s:s, s:I, s:I}", "name", name, "base_workload_id", (json_int_t) workload_id,
								 "total_rounds", (json_int_t) rounds);
	char	   *document;
	json_t	   *session;

	*id = NULL;
	if (body != NULL)
		body = fed_json_insert(body, "config", config, "config", err);
	if (!post(base, "/rpc/create_session", body, true, false, &document, err) ||
		(session = parse_value(document, err)) == NULL)
		return false;
	if (fed_json_text(session, "id") == NULL)
		fed_error_set(err, FED_ERR_PROTOCOL, "the session document has no id");
	else if ((*id = strdup(fed_json_text(session, "id"))) == NULL)
		fed_error_memory(err);
	json_decref(session);
	return *id != NULL;
}

static bool
http_session(FedTransport *base, const char *id, char **document, FedError *err)
{
	char	   *escaped = fed_url_escape(id);
	char	   *path = NULL;
	bool		ok = escaped != NULL && asprintf(&path, "/rpc/session?id=%s", escaped) >= 0;

	ok = (ok || fed_error_memory(err)) && get_document(base, path, document, err);
	free(path);
	free(escaped);
	return ok;
}

static bool
http_list_sessions(FedTransport *base, char **document, FedError *err)
{
	json_t	   *list;
	bool		ok = get_document(base, "/sessions?order=created_at.desc", document, err);

	if (!ok)
		return false;
	list = fed_json_value(*document, "the server's answer", FED_ERR_PROTOCOL, err);
	ok = is_list(list, err);
	json_decref(list);
	if (!ok)
	{
		free(*document);
		*document = NULL;
	}
	return ok;
}

static bool
http_cancel_session(FedTransport *base, const char *id, const char *reason, FedError *err)
{
	return post_void(base, "/rpc/cancel_session", arguments(err, "{s:s, s:s?}", "id", id, "reason", reason), err);
}

static const FedTransportOps http_ops = {
	.connect = http_connect,
	.is_connected = http_is_connected,
	.disconnect = http_disconnect,
	.destroy = http_destroy,
	.wait = http_wait,
	.keep_token = http_keep_token,
	.heartbeat = http_heartbeat,
	.accept_workload = http_accept_workload,
	.next_task = http_next_task,
	.decline_task = http_decline_task,
	.begin_update = http_begin_update,
	.put_slice = http_put_slice,
	.commit_update = http_commit_update,
	.submit_evaluation = http_submit_evaluation,
	.find_workload = http_find_workload,
	.create_workload = http_create_workload,
	.find_version = http_find_version,
	.model = http_model,
	.model_header = http_model_header,
	.model_slice = http_model_slice,
	.begin_import = http_begin_import,
	.put_model_slice = http_put_model_slice,
	.commit_import = http_commit_import,
	.start_session = http_start_session,
	.session = http_session,
	.list_sessions = http_list_sessions,
	.cancel_session = http_cancel_session,
	.named_call = fed_http_named_call,
};

FedTransport *
fed_transport_http(const FedHttpServer *server, const char *token_file, double poll)
{
	FedHttpTransport *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->base.ops = &http_ops;
	t->poll = poll;
	t->http = fed_http_open(server);
	t->token_file = strdup(token_file);
	if (t->http != NULL && t->token_file != NULL)
		return &t->base;
	http_destroy(&t->base);
	return NULL;
}
