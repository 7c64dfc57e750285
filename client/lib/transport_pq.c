/*
 * transport_pq.c
 *		The calls as SQL functions, over a PostgreSQL connection.
 *
 * The public functions live in whatever schema the extension was created in:
 * found out once per connection. In the statements here "@" stands for it.
 * Slices travel as binary parameters and results; those of a model that are
 * asked for in their order are rows of one statement, so that the server makes
 * and sends the next while this one is used. Any other call ends it.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pq_transport.h"
#include "lib/stop.h"

/*
 * Slices of one statement: what comes in about half a second, whatever the line.
 * So little is received for nothing when a heartbeat ends the run, and the
 * server keeps the snapshot for no longer. Between two runs nothing is on its
 * way.
 */
#define MAX_RUN 64
#define RUN_GROWTH 4
#define RUN_SECONDS 0.5

/* Slices that are on their way: next up to before end; none if they are equal. */
typedef struct Run
{
	int64_t		version_id;
	FedSection	section;
	FedEncoding encoding;
	uint64_t	next;
	uint64_t	end;
	double		began;
} Run;

typedef struct FedPq
{
	FedTransport base;
	char	   *conninfo;
	bool		listen;
	PGconn	   *conn;
	char		schema[136];	/* quoted, with the dot */
	Run			run;
	uint64_t	run_length;		/* of the next one: longer while runs are quick, from 1 on */
} FedPq;

/* A number as text, for the length of an expression. */
typedef struct Number
{
	char		text[24];
} Number;

static const char *
number(Number *buffer, int64_t value)
{
	snprintf(buffer->text, sizeof(buffer->text), "%" PRId64, value);
	return buffer->text;
}

static void
expand(const FedPq *t, const char *sql, char *out, size_t size)
{
	size_t		used = 0;

	for (; *sql != '\0' && used + 1 < size; sql++)
	{
		if (*sql == '@')
			used += (size_t) snprintf(out + used, size - used, "%s", t->schema);
		else
			out[used++] = *sql;
	}
	out[used < size ? used : size - 1] = '\0';
}

static void
end_run(FedPq *t)
{
	if (t->run.next < t->run.end)
		fed_pq_end_rows(t->conn);
	t->run = (Run) {0};
}

static bool
send_call(FedPq *t, const char *sql, bool binary, int n, const FedPqParam *params, FedError *err)
{
	char		text[1024];

	end_run(t);
	expand(t, sql, text, sizeof(text));
	return fed_pq_send(t->conn, text, binary, n, params, err);
}

static PGresult *
call(FedTransport *base, const char *sql, bool binary, int n, const FedPqParam *params, FedError *err)
{
	FedPq	   *t = (FedPq *) base;

	return send_call(t, sql, binary, n, params, err) ? fed_pq_collect(t->conn, err) : NULL;
}

/* A call whose answer takes so long that the caller may have something to do meanwhile. */
static PGresult *
long_call(FedTransport *base, const char *sql, int n, const FedPqParam *params, FedError *err)
{
	FedPq	   *t = (FedPq *) base;

	if (!send_call(t, sql, false, n, params, err))
		return NULL;
	if (base->meanwhile != NULL)
		base->meanwhile(base->meanwhile_arg);
	return fed_pq_collect(t->conn, err);
}

/* Calls whose one value is of no interest. */
static bool
call_void(FedTransport *base, const char *sql, int n, const FedPqParam *params, FedError *err)
{
	PGresult   *res = call(base, sql, false, n, params, err);

	PQclear(res);
	return res != NULL;
}

/* The one text value of a result, which it frees; malloc'd; *out is NULL for null or no row. */
static bool
take_text(PGresult *res, char **out, FedError *err)
{
	bool		ok = res != NULL;

	*out = NULL;
	if (ok && PQntuples(res) > 0 && !PQgetisnull(res, 0, 0))
	{
		*out = strdup(PQgetvalue(res, 0, 0));
		ok = *out != NULL || fed_error_memory(err);
	}
	PQclear(res);
	return ok;
}

static bool
call_text(FedTransport *base, const char *sql, int n, const FedPqParam *params, char **out, FedError *err)
{
	return take_text(call(base, sql, false, n, params, err), out, err);
}

/* The same; null is an error. */
static bool
take_document(PGresult *res, char **out, FedError *err)
{
	return take_text(res, out, err) &&
		(*out != NULL || fed_error_set(err, FED_ERR_PROTOCOL, "the server gave no answer"));
}

bool
fed_pq_document(FedTransport *base, const char *sql, int n, const FedPqParam *params, char **out, FedError *err)
{
	return take_document(call(base, sql, false, n, params, err), out, err);
}

/* The one number; 0 for null or no row. */
static bool
call_number(FedTransport *base, const char *sql, int n, const FedPqParam *params, int64_t *out, FedError *err)
{
	char	   *text;

	if (!call_text(base, sql, n, params, &text, err))
		return false;
	*out = text == NULL ? 0 : strtoll(text, NULL, 10);
	free(text);
	return true;
}

static void
release_result(void *res)
{
	PQclear(res);
}

/* The one value of a result, which it takes over; NULL has none. */
static bool
take_bytes(PGresult *res, FedBytes *out)
{
	if (res == NULL)
		return false;
	out->data = (const uint8_t *) PQgetvalue(res, 0, 0);
	out->len = (size_t) PQgetlength(res, 0, 0);
	out->release = release_result;
	out->owner = res;
	return true;
}

/* connection */

static void
pq_disconnect(FedTransport *base)
{
	FedPq	   *t = (FedPq *) base;

	PQfinish(t->conn);
	t->conn = NULL;
	t->run = (Run) {0};
}

static bool
pq_is_connected(FedTransport *base)
{
	FedPq	   *t = (FedPq *) base;

	return t->conn != NULL && PQstatus(t->conn) == CONNECTION_OK;
}

static bool
find_schema(FedPq *t, FedError *err)
{
	PGresult   *res = fed_pq_call(t->conn,
								  "SELECT quote_ident(n.nspname) || '.' FROM pg_catalog.pg_extension e"
								  " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
								  " WHERE e.extname = 'federated'", false, 0, NULL, err);
	bool		found;

	if (res == NULL)
		return false;
	found = PQntuples(res) == 1;
	if (found)
		snprintf(t->schema, sizeof(t->schema), "%s", PQgetvalue(res, 0, 0));
	else
	{
		fed_error_set(err, FED_ERR_SERVER, "database \"%s\" does not have the extension federated", PQdb(t->conn));
		fed_error_hint(err, "connect to the coordinator's database, or CREATE EXTENSION federated CASCADE there");
	}
	PQclear(res);
	return found;
}

static bool
run(FedPq *t, const char *sql, FedError *err)
{
	PGresult   *res = PQexec(t->conn, sql);
	bool		ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	if (!ok)
		fed_error_set(err, FED_ERR_CONNECTION, "%s", PQerrorMessage(t->conn));
	PQclear(res);
	return ok;
}

static void
hear_notice(void *arg, const PGresult *res)
{
	const FedTransport *base = arg;

	if (base->heard != NULL)
		base->heard(PQresultErrorMessage(res));
}

static bool
pq_connect(FedTransport *base, FedError *err)
{
	FedPq	   *t = (FedPq *) base;

	pq_disconnect(base);
	t->conn = fed_pq_connect(t->conninfo, err);
	if (t->conn == NULL)
		return false;
	PQsetNoticeReceiver(t->conn, hear_notice, base);
	if (run(t, "SET default_transaction_isolation = 'read committed'", err) &&
		(!t->listen || run(t, "LISTEN federated_task", err)) && find_schema(t, err))
		return true;
	pq_disconnect(base);
	return false;
}

static void
pq_destroy(FedTransport *base)
{
	FedPq	   *t = (FedPq *) base;

	PQfinish(t->conn);
	free(t->conninfo);
	free(t);
}

/* Whether announcements have been read; forgets them. */
static bool
take_announcements(FedPq *t)
{
	PGnotify   *notice;
	bool		any = false;

	while ((notice = PQnotifies(t->conn)) != NULL)
	{
		any = true;
		PQfreemem(notice);
	}
	return any;
}

static bool
pq_wait(FedTransport *base, double seconds, bool *announced, FedError *err)
{
	FedPq	   *t = (FedPq *) base;
	short		revents = 0;

	end_run(t);
	/* One may have come along with the last answer: the socket will not tell of it. */
	*announced = take_announcements(t);
	if (*announced)
		return true;
	if (!fed_poll(PQsocket(t->conn), POLLIN, seconds, &revents))
		return fed_error_set(err, FED_ERR_STOPPED, "asked to stop");
	if (!PQconsumeInput(t->conn))
		return fed_error_set(err, FED_ERR_CONNECTION, "%s", PQerrorMessage(t->conn));
	*announced = take_announcements(t);
	return true;
}

/* Island */

static bool
pq_heartbeat(FedTransport *base, const char *capabilities, char **document, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(capabilities)};

	return fed_pq_document(base, "SELECT @federated_heartbeat($1::jsonb)", 1, params, document, err);
}

static bool
pq_accept_workload(FedTransport *base, int64_t workload_id, int64_t num_samples, FedError *err)
{
	Number		id;
	Number		samples;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, workload_id)),
	FED_PQ_TEXT(num_samples < 0 ? NULL : number(&samples, num_samples))};

	return call_void(base, "SELECT @federated_accept_workload($1::bigint, $2::bigint)", 2, params, err);
}

static bool
pq_next_task(FedTransport *base, const char *session_id, char **document, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(session_id)};

	return call_text(base, "SELECT @federated_next_task($1::uuid)", 1, params, document, err);
}

static bool
pq_decline_task(FedTransport *base, int64_t round_id, const char *reason, FedError *err)
{
	Number		id;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, round_id)), FED_PQ_TEXT(reason)};

	return call_void(base, "SELECT @federated_decline_task($1::bigint, $2::text)", 2, params, err);
}

static bool
pq_begin_update(FedTransport *base, int64_t round_id, const uint8_t *digest, FedEncoding encoding, char **document,
				FedError *err)
{
	Number		id;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, round_id)), FED_PQ_BYTES(digest, FED_SHA256_BYTES),
	FED_PQ_TEXT(fed_encoding_name(encoding))};

	return fed_pq_document(base, "SELECT @federated_begin_update($1::bigint, $2::bytea, $3::text)", 3, params, document, err);
}

static bool
pq_put_slice(FedTransport *base, int64_t update_id, uint64_t slice, const uint8_t *hash, const void *data, size_t len,
			 char **document, FedError *err)
{
	Number		id;
	Number		slice_no;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, update_id)), FED_PQ_TEXT(number(&slice_no, (int64_t) slice)),
	FED_PQ_BYTES(hash, FED_SHA256_BYTES), FED_PQ_BYTES(data, len)};

	return take_document(long_call(base, "SELECT @federated_put_slice($1::bigint, $2::integer, $3::bytea, $4::bytea)", 4,
								   params, err), document, err);
}

static bool
pq_commit_update(FedTransport *base, int64_t update_id, const uint8_t *digest, int64_t num_samples, const char *metrics,
				 char **document, FedError *err)
{
	Number		id;
	Number		samples;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, update_id)), FED_PQ_BYTES(digest, FED_SHA256_BYTES),
	FED_PQ_TEXT(number(&samples, num_samples)), FED_PQ_TEXT(metrics)};

	return fed_pq_document(base, "SELECT @federated_commit_update($1::bigint, $2::bytea, $3::bigint, $4::jsonb)", 4, params,
						 document, err);
}

static bool
pq_submit_evaluation(FedTransport *base, int64_t round_id, int64_t num_samples, const char *metrics, char **document,
					 FedError *err)
{
	Number		id;
	Number		samples;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, round_id)),
	FED_PQ_TEXT(num_samples < 0 ? NULL : number(&samples, num_samples)), FED_PQ_TEXT(metrics)};

	return fed_pq_document(base, "SELECT @federated_submit_evaluation($1::bigint, $2::bigint, $3::jsonb)", 3, params,
						 document, err);
}

/* models */

static bool
pq_find_workload(FedTransport *base, const char *name, int64_t *out, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(name)};

	return call_number(base, "SELECT id FROM federated.workloads WHERE name = $1 OR id::text = $1"
					   " ORDER BY name = $1 DESC LIMIT 1", 1, params, out, err);
}

static bool
pq_create_workload(FedTransport *base, const char *name, const char *trainable, int64_t *out, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(name), FED_PQ_TEXT(trainable)};

	return call_number(base, "SELECT @federated_create_workload($1::text, trainable => $2::text)", 2, params, out, err);
}

static bool
pq_find_version(FedTransport *base, int64_t workload_id, int64_t version, int64_t *out, FedError *err)
{
	Number		id;
	Number		number_text;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, workload_id)),
	FED_PQ_TEXT(version < 0 ? NULL : number(&number_text, version))};

	return call_number(base, "SELECT @federated_find_version($1::bigint, $2::integer)", 2, params, out, err);
}

static bool
pq_model(FedTransport *base, int64_t version_id, char **document, FedError *err)
{
	Number		id;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, version_id))};

	return fed_pq_document(base, "SELECT @federated_model($1::bigint)", 1, params, document, err);
}

static bool
pq_model_header(FedTransport *base, int64_t version_id, FedBytes *out, FedError *err)
{
	Number		id;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, version_id))};

	return take_bytes(call(base, "SELECT @federated_model_header($1::bigint)", true, 1, params, err), out);
}

static bool
begin_run(FedPq *t, const Run *run, FedError *err)
{
	Number		id;
	Number		first;
	Number		last;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, run->version_id)), FED_PQ_TEXT(number(&first, (int64_t) run->next)),
		FED_PQ_TEXT(fed_section_name(run->section)), FED_PQ_TEXT(fed_encoding_name(run->encoding)),
	FED_PQ_TEXT(number(&last, (int64_t) run->end - 1))};
	char		text[1024];

	end_run(t);
	expand(t, "SELECT @federated_model_slice($1::bigint, s, $3::text, $4::text)"
		   " FROM pg_catalog.generate_series($2::integer, $5::integer) s", text, sizeof(text));
	if (!fed_pq_begin_rows(t->conn, text, 5, params, err))
		return false;
	t->run = *run;
	return true;
}

/* After the last slice of a run. */
static void
complete_run(FedPq *t)
{
	double		seconds = fed_now() - t->run.began;

	fed_pq_end_rows(t->conn);
	if (seconds * RUN_GROWTH < RUN_SECONDS && t->run_length < MAX_RUN)
		t->run_length *= RUN_GROWTH;
	else if (seconds > RUN_SECONDS && t->run_length > 1)
		t->run_length /= RUN_GROWTH;
}

static bool
is_next(const Run *run, const Run *wanted)
{
	return run->next < run->end && run->next == wanted->next && run->version_id == wanted->version_id &&
		run->section == wanted->section && run->encoding == wanted->encoding;
}

static bool
pq_model_slice(FedTransport *base, int64_t version_id, FedSection section, uint64_t slice, uint64_t following,
			   FedEncoding encoding, FedBytes *out, FedError *err)
{
	FedPq	   *t = (FedPq *) base;
	Run			wanted = {version_id, section, encoding, slice, slice + (following < t->run_length ? following + 1 : t->run_length), fed_now()};
	PGresult   *res;

	if (!is_next(&t->run, &wanted) && !begin_run(t, &wanted, err))
		return false;
	res = fed_pq_next_row(t->conn, err);
	if (res == NULL)
		t->run = (Run) {0};
	else if (++t->run.next == t->run.end)
		complete_run(t);
	return take_bytes(res, out);
}

static void
pq_take_in(FedTransport *base)
{
	FedPq	   *t = (FedPq *) base;

	if (t->run.next < t->run.end)
		(void) PQconsumeInput(t->conn);
}

static bool
pq_begin_import(FedTransport *base, int64_t workload_id, const char *header, size_t header_len, uint64_t data_bytes,
				char **document, FedError *err)
{
	Number		id;
	Number		bytes;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, workload_id)), FED_PQ_BYTES(header, header_len),
	FED_PQ_TEXT(number(&bytes, (int64_t) data_bytes))};

	return fed_pq_document(base, "SELECT @federated_begin_import($1::bigint, $2::bytea, $3::bigint)", 3, params, document,
						 err);
}

static bool
pq_put_model_slice(FedTransport *base, int64_t version_id, FedSection section, uint64_t slice, const uint8_t *hash,
				   const void *data, size_t len, FedError *err)
{
	Number		id;
	Number		slice_no;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, version_id)), FED_PQ_TEXT(fed_section_name(section)),
	FED_PQ_TEXT(number(&slice_no, (int64_t) slice)), FED_PQ_BYTES(hash, FED_SHA256_BYTES), FED_PQ_BYTES(data, len)};

	return call_void(base, "SELECT @federated_put_model_slice($1::bigint, $2::text, $3::integer, $4::bytea, $5::bytea)",
					 5, params, err);
}

static bool
pq_commit_import(FedTransport *base, int64_t version_id, int64_t *version, FedError *err)
{
	Number		id;
	FedPqParam	params[] = {FED_PQ_TEXT(number(&id, version_id))};

	return call_number(base, "SELECT @federated_commit_import($1::bigint)", 1, params, version, err);
}

/* sessions */

static bool
pq_start_session(FedTransport *base, const char *name, int64_t workload_id, int64_t rounds, const char *config, char **id,
				 FedError *err)
{
	Number		workload;
	Number		round_count;
	FedPqParam	params[] = {FED_PQ_TEXT(name), FED_PQ_TEXT(number(&workload, workload_id)),
	FED_PQ_TEXT(number(&round_count, rounds)), FED_PQ_TEXT(config)};

	return fed_pq_document(base, "SELECT @federated_start_session($1::text, $2::bigint, $3::integer, $4::jsonb)", 4, params,
						 id, err);
}

static bool
pq_session(FedTransport *base, const char *id, char **document, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(id)};

	return fed_pq_document(base, "SELECT @federated_session($1::uuid)", 1, params, document, err);
}

static bool
pq_list_sessions(FedTransport *base, char **document, FedError *err)
{
	return fed_pq_document(base, "SELECT coalesce(json_agg(to_json(s) ORDER BY s.created_at DESC), '[]')"
						 " FROM federated.session_list s", 0, NULL, document, err);
}

static bool
pq_cancel_session(FedTransport *base, const char *id, const char *reason, FedError *err)
{
	FedPqParam	params[] = {FED_PQ_TEXT(id), FED_PQ_TEXT(reason)};

	return call_void(base, "SELECT @federated_cancel_session($1::uuid, $2::text)", 2, params, err);
}

static const FedTransportOps pq_ops = {
	.connect = pq_connect,
	.is_connected = pq_is_connected,
	.disconnect = pq_disconnect,
	.destroy = pq_destroy,
	.wait = pq_wait,
	.take_in = pq_take_in,
	.heartbeat = pq_heartbeat,
	.accept_workload = pq_accept_workload,
	.next_task = pq_next_task,
	.decline_task = pq_decline_task,
	.begin_update = pq_begin_update,
	.put_slice = pq_put_slice,
	.commit_update = pq_commit_update,
	.submit_evaluation = pq_submit_evaluation,
	.find_workload = pq_find_workload,
	.create_workload = pq_create_workload,
	.find_version = pq_find_version,
	.model = pq_model,
	.model_header = pq_model_header,
	.model_slice = pq_model_slice,
	.begin_import = pq_begin_import,
	.put_model_slice = pq_put_model_slice,
	.commit_import = pq_commit_import,
	.start_session = pq_start_session,
	.session = pq_session,
	.list_sessions = pq_list_sessions,
	.cancel_session = pq_cancel_session,
	.named_call = fed_pq_named_call,
};

FedTransport *
fed_transport_pq(const char *conninfo, bool listen)
{
	FedPq	   *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->base.ops = &pq_ops;
	t->run_length = 1;
	t->listen = listen;
	if (conninfo != NULL && (t->conninfo = strdup(conninfo)) == NULL)
	{
		free(t);
		return NULL;
	}
	return &t->base;
}
