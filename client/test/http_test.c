/*
 * http_test.c
 *		The calls over HTTP, with a server that fails in every way that servers do.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "http_script.h"
#include "lib/download.h"
#include "lib/file.h"
#include "lib/modelfile.h"
#include "lib/stop.h"
#include "lib/token_call.h"
#include "lib/transport.h"

#define STEPS(...) (const Step[]) {__VA_ARGS__}, sizeof((const Step[]) {__VA_ARGS__}) / sizeof(Step)

#define JSON(status, text) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n", text
#define EMPTY(status, headers) "HTTP/1.1 " status "\r\n" headers, ""
#define OK_42 JSON("200 OK", "42")

/* {"iat":1000,"exp":2000}: more than half over for long. */
#define OLD_TOKEN "e30.eyJpYXQiOjEwMDAsImV4cCI6MjAwMH0.c2ln"

static char dir[] = "/tmp/fed-http-XXXXXX";
static char *token_file;
static Script script;
static char url[64];

static void
put_token(const char *token)
{
	if (!fed_write_file(token_file, token, strlen(token), NULL))
		exit(1);
}

static void
put_second_token(void)
{
	put_token("second\n");
}

static bool
file_has(const char *text)
{
	char	   *found = fed_read_file(token_file, 1000, NULL, NULL);
	bool		same = found != NULL && strcmp(found, text) == 0;

	free(found);
	return same;
}

/* A server with that script, and a client that goes on trying for that long. */
static FedTransport *
begin(double patience, const Step *steps, int n)
{
	FedTransport *t;
	FedHttpServer server = {.url = url};

	script_start(&script, steps, n);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/prefix/", script.port);
	put_token("first\n");
	t = fed_transport_http(&server, token_file, 0.05);
	t->patience = patience;
	return t;
}

/* Whether the server was asked so often. */
static bool
end(FedTransport *t, int n_requests)
{
	fed_transport_free(t);
	script_stop(&script);
	return script.n_requests == n_requests;
}

static bool
asked(int request, const char *text)
{
	return strstr(script.requests[request], text) != NULL;
}

/* A call whose answer is 42. */
static bool
finds_version(FedTransport *t, FedError *err)
{
	int64_t		version = 0;

	return fed_find_version(t, 7, -1, &version, err) && version == 42;
}

static void
test_repetition(void)
{
	FedError	err = {0};
	FedTransport *t;
	double		start = fed_now();
	bool		ok;

	t = begin(10, STEPS({EMPTY("503 Busy", "Retry-After: 1\r\n")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 2) && ok && fed_now() - start >= 1, "busy: asked again, when the server says");

	t = begin(10, STEPS({NULL}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 2) && ok, "a connection lost behind the request: asked again");

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n42"}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 2) && ok, "half an answer is none: asked again");

	t = begin(10, STEPS({EMPTY("502 Bad Gateway", "")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 2) && ok, "a proxy without a server: asked again");

	t = begin(10, STEPS({JSON("500 Error", "{\"code\":\"XX000\",\"message\":\"broken\"}")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_SERVER, "a failure that would stay: not asked again");

	t = fed_transport_http(&(FedHttpServer) {.url = url}, token_file, 1);
	check(!finds_version(t, &err) && err.kind == FED_ERR_CONNECTION, "no server is no connection");
	fed_transport_free(t);
}

/* What must not happen twice. */
static void
test_once(void)
{
	FedError	err = {0};
	char	   *id;
	FedTransport *t = begin(10, STEPS({OK_42, .keep = true}, {OK_42}));
	bool		ok = finds_version(t, &err) && finds_version(t, &err);

	check(end(t, 2) && ok && script.n_connections == 1, "a connection is kept");

	t = begin(10, STEPS({OK_42, .keep = true}, {NULL}, {OK_42}));
	ok = finds_version(t, &err) && !fed_start_session(t, "s", 7, 3, "{\"lr\": 0.10}", &id, &err);
	check(end(t, 2) && ok && script.n_connections == 2 && err.kind == FED_ERR_CONNECTION,
		  "a session is started on a new one, and not again when that is lost");
	check(asked(1, "POST /prefix/rpc/create_session ") &&
		  asked(1, "{\"name\":\"s\",\"base_workload_id\":7,\"total_rounds\":3,\"config\":{\"lr\": 0.10}}"),
		  "a config arrives as it was written");

	t = begin(10, STEPS({OK_42}));
	ok = !fed_start_session(t, "s", 7, 3, "{}, \"name\": \"x\"", &id, &err);
	check(end(t, 0) && ok && err.kind == FED_ERR_USAGE, "one that is no JSON object is not sent");
}

static void
test_requests(void)
{
	static const char data[] = "four floats here";
	uint8_t		hash[FED_SHA256_BYTES] = {0xab};
	int64_t		id = -1;
	FedTask    *task;
	FedReply	reply;
	FedError	err = {0};
	FedTransport *t = begin(0, STEPS({JSON("200 OK", "[{\"id\":9}]")}, {JSON("200 OK", "[]")}, {JSON("200 OK", "[]")},
									 {JSON("200 OK", "null")}, {JSON("200 OK", "{\"status\":\"stored\"}")},
									 {JSON("200 OK", "{\"status\":\"uploading\",\"update_id\":5}")}));
	bool		ok = fed_find_workload(t, "a&b=\"c\"", &id, &err) && id == 9 && fed_find_workload(t, "7", &id, &err) && id == 0 &&
		fed_next_task(t, NULL, &task, &err) && task == NULL &&
		fed_put_slice(t, 5, 3, hash, data, sizeof(data) - 1, &reply, &err) && reply.status == FED_REPLY_STORED &&
		fed_begin_update(t, 8, hash, FED_ENCODING_F16, &reply, NULL, &err) && reply.update_id == 5;

	check(end(t, 6) && ok, "calls and their answers");
	check(asked(0, "GET /prefix/workloads?select=id&name=eq.a%26b%3D%22c%22 HTTP/1.1") && asked(0, "\r\nAccept: application/json\r\n") &&
		  asked(0, "\r\nUser-Agent: fed/" FED_VERSION "\r\n") && asked(0, "\r\nAuthorization: Bearer first\r\n"),
		  "a name is escaped; who asks, and for what");
	check(asked(1, "name=eq.7 ") && asked(2, "id=eq.7 "), "a name of digits may be an id");
	check(asked(3, "POST /prefix/rpc/next_task ") && asked(3, "\r\nContent-Type: application/json\r\n") &&
		  asked(3, "\r\n\r\n{\"session_id\":null}"), "arguments are JSON");
	check(asked(4, "POST /prefix/rpc/put_slice ") && asked(4, "\r\nContent-Type: application/octet-stream\r\n") &&
		  asked(4, "\r\nX-Federated-Update: 5\r\n") && asked(4, "\r\nX-Federated-Slice: 3\r\n") &&
		  asked(4, "\r\nX-Federated-Digest: ab00") && asked(4, "\r\n\r\nfour floats here"), "a slice is bytes, its arguments are headers");
	check(asked(5, "POST /prefix/rpc/begin_update ") && asked(5, "{\"round_id\":8,\"digest\":\"ab00") &&
		  asked(5, "\",\"encoding\":\"f16\"}"), "an update is begun with its encoding");
}

/* A model of five parameters, fetched as half of that many bytes. */
static void
test_narrow_model(void)
{
	static const float values[] = {0x1.004p0f, -2.5078125f, 0.5634765625f, 0x1.004p0f, 1023};
	FedError	err = {0};
	FedManifest *manifest = fed_manifest_parse("{\"version_id\": 7, \"parameters\": 5, \"frozen_bytes\": 0, \"digest\": \""
											   "0000000000000000000000000000000000000000000000000000000000000000\", \"tensors\": ["
											   "{\"name\": \"a\", \"dtype\": \"F32\", \"shape\": [5], \"trainable\": true}]}", &err);
	char	   *path = fed_path_join(dir, "model");
	uint8_t		digest[FED_SHA256_BYTES];
	uint8_t		expected[FED_SHA256_BYTES];
	FedModelFile file;
	FedTransport *t = begin(10, STEPS({"HTTP/1.1 200 OK\r\n", "\x01\x3c\x04\xc1\x82\x38\x01\x3c\xfe\x63"}));
	bool		ok = fed_download_vector(t, manifest, FED_ENCODING_F16, path, digest, NULL, &err);

	check(end(t, 1) && ok && asked(0, "/rpc/model_slice?version_id=7&slice=0&section=vector&encoding=f16 "), "a narrow model is fetched");
	ok = fed_model_file_open(path, FED_ERR_LOCAL, &file, &err);
	check(ok && file.parts.data_bytes == sizeof(values) && memcmp(file.parts.data, values, sizeof(values)) == 0, "and kept as float32");
	fed_hash_vector((const uint8_t *) values, sizeof(values), expected, NULL, NULL);
	check(memcmp(digest, expected, sizeof(digest)) == 0, "with the digest of what is kept");
	fed_model_file_close(&file);

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\n", "\x01\x3c\x04\xc1\x82\x38\x01\x3c\xfe\x63\x3c"}));
	ok = fed_download_vector(t, manifest, FED_ENCODING_BF16, path, digest, NULL, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_PROTOCOL && strstr(err.message, "11 bytes, expected 10") != NULL, "of its length, or not");

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\n", "four floats, 20 byte"}));
	ok = fed_download_vector(t, manifest, FED_ENCODING_F32, path, digest, NULL, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_PROTOCOL && strstr(err.message, "digest") != NULL, "as f32 its digest is checked");
	fed_manifest_free(manifest);
	free(path);
}

/* Arguments by name, each as its type travels in JSON. */
static void
test_named(void)
{
	static const uint8_t bytes[] = {0xab, 0x01};
	static const int32_t owners[] = {2, 5};
	FedError	err = {0};
	char	   *document = NULL;
	FedNamedCall call = {"secagg_test", 7, {
			{"session_id", FED_ARGUMENT_UUID, .value = "5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101"},
			{"attempt", FED_ARGUMENT_INTEGER, .number = 2}, {"num_samples", FED_ARGUMENT_NUMBER, .null = true},
			{"adv", FED_ARGUMENT_BYTES, .value = bytes, .len = 2}, {"signature", FED_ARGUMENT_BYTES},
			{"digest", FED_ARGUMENT_DIGEST, .value = bytes, .len = 2}, {"owners", FED_ARGUMENT_INTEGERS, .value = owners, .len = 2},
	}};
	FedTransport *t = begin(10, STEPS({JSON("200 OK", "{\"status\":\"accepted\"}")}));
	bool		ok = fed_named_call(t, &call, &document, &err);

	check(end(t, 1) && ok && strcmp(document, "{\"status\":\"accepted\"}") == 0, "a call by name brings its document");
	check(asked(0, "POST /prefix/rpc/secagg_test ") &&
		  asked(0, "{\"session_id\":\"5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101\",\"attempt\":2,\"num_samples\":null,"
				"\"adv\":\"\\\\xab01\",\"signature\":null,\"digest\":\"ab01\",\"owners\":[2,5]}"), "and takes its arguments along");
	free(document);

	call = (FedNamedCall) {"commit_update", 2, {{"update_id", FED_ARGUMENT_NUMBER, .number = 7},
			{"metrics", FED_ARGUMENT_JSON, .value = "{\"loss\":0.10}"}}};
	t = begin(10, STEPS({JSON("409 Conflict", "{\"status\":\"rejected\",\"reason\":\"secagg_frozen\",\"detail\":\"late\"}")}));
	ok = fed_named_call(t, &call, &document, &err);
	check(end(t, 1) && ok && asked(0, "{\"update_id\":7,\"metrics\":{\"loss\":0.10}}"), "objects go as they are written, and a rejection is an answer");
	free(document);
}

static void
test_answers(void)
{
	FedReply	reply;
	FedBytes	bytes = {0};
	char	   *document;
	FedError	err = {0};
	FedTransport *t;
	bool		ok;

	t = begin(10, STEPS({JSON("409 Conflict", "{\"status\":\"rejected\",\"reason\":\"stale_round\",\"detail\":\"d\"}")}));
	ok = fed_submit_evaluation(t, 1, 10, "{\"loss\": 0.5}", &reply, &err);
	check(end(t, 1) && ok && reply.status == FED_REPLY_REJECTED && strcmp(reply.reason, "stale_round") == 0 &&
		  fed_rejection_meaning(&reply) == FED_REJECTION_OVER, "a rejection is an answer, whatever its status");

	t = begin(10, STEPS({JSON("200 OK", "{\"status\":\"accepted\",\"update_id\":1}")}));
	ok = fed_submit_evaluation(t, 1, -1, "{\"loss\": 0.5}", &reply, &err);
	check(end(t, 1) && ok && asked(0, "{\"round_id\":1,\"num_samples\":null,\"metrics\":{\"loss\": 0.5}}"),
		  "samples that are nobody's business are not sent");

	t = begin(10, STEPS({JSON("409 Conflict", "{\"code\":\"55000\",\"message\":\"it is not open\"}")}));
	ok = fed_submit_evaluation(t, 1, 10, "{}", &reply, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_SERVER && strcmp(err.sqlstate, "55000") == 0, "an error of that status is none");

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n", .more = 4000000}, {OK_42}));
	ok = fed_model_slice(t, 7, FED_SECTION_VECTOR, 0, 0, FED_ENCODING_BF16, &bytes, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_PROTOCOL && bytes.data == NULL && asked(0, "\r\nAccept: application/octet-stream\r\n"),
		  "a slice that is too long is refused");

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", .more = 4000000}));
	ok = fed_model_slice(t, 7, FED_SECTION_VECTOR, 0, 0, FED_ENCODING_BF16, &bytes, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_PROTOCOL, "also if it does not say so");

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .more = 5}));
	ok = fed_model_slice(t, 7, FED_SECTION_FROZEN, 2, 0, FED_ENCODING_F32, &bytes, &err);
	check(end(t, 1) && ok && bytes.len == 5 && asked(0, "/rpc/model_slice?version_id=7&slice=2&section=frozen&encoding=f32 "), "one that is not arrives");
	fed_bytes_free(&bytes);

	t = begin(10, STEPS({"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "<html>"}));
	ok = fed_list_sessions(t, &document, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_PROTOCOL && document == NULL, "a page for people is no list of sessions");

	t = begin(10, STEPS({EMPTY("302 Found", "Location: http://127.0.0.1:1/\r\n")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_SERVER, "a redirect is not followed");
}

static void
test_token(void)
{
	FedError	err = {0};
	FedTransport *t = begin(10, STEPS({EMPTY("401 Unauthorized", ""), .before = put_second_token}, {OK_42}));
	bool		ok = finds_version(t, &err);

	check(end(t, 2) && ok && asked(0, "Bearer first\r\n") && asked(1, "Bearer second\r\n"), "a token that was written anew is taken");

	t = begin(10, STEPS({JSON("401 Unauthorized", "{\"code\":\"28000\",\"message\":\"token is not accepted\"}")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 1) && !ok && err.kind == FED_ERR_SERVER && strcmp(err.message, "token is not accepted") == 0, "the same one is not tried twice");

	t = begin(10, STEPS({EMPTY("401 Unauthorized", ""), .before = put_second_token}, {EMPTY("401 Unauthorized", "")}, {OK_42}));
	ok = finds_version(t, &err);
	check(end(t, 2) && !ok, "nor is a third");

	t = begin(10, STEPS({OK_42}));
	chmod(token_file, 0644);
	ok = finds_version(t, &err);
	check(end(t, 0) && !ok && err.kind == FED_ERR_POLICY, "with a token that all can read nobody is asked");
}

static void
test_renewal(void)
{
	FedError	err = {0};
	struct stat st;
	FedTransport *t = begin(0, STEPS({OK_42}, {JSON("200 OK", "{\"token\":\"renewed\",\"expires_at\":\"2030-01-01\"}")}, {OK_42}));
	bool		ok;

	put_token(OLD_TOKEN "\n");
	ok = finds_version(t, &err);
	fed_keep_token(t);
	ok = ok && finds_version(t, &err) && file_has("renewed\n") && stat(token_file, &st) == 0 && (st.st_mode & 0777) == 0600;
	check(end(t, 3) && ok && asked(1, "POST /prefix/rpc/renew_token ") && asked(1, "Bearer " OLD_TOKEN "\r\n") &&
		  asked(2, "Bearer renewed\r\n"), "a token is renewed, used and kept");

	t = begin(0, STEPS({OK_42}, {EMPTY("503 Busy", "")}, {OK_42}));
	put_token(OLD_TOKEN "\n");
	ok = finds_version(t, &err);
	fed_keep_token(t);
	fed_keep_token(t);
	ok = ok && finds_version(t, &err) && file_has(OLD_TOKEN "\n");
	check(end(t, 3) && ok && asked(2, "Bearer " OLD_TOKEN "\r\n"), "if that fails, the old one goes on, and not every call tries again");

	t = begin(0, STEPS({OK_42}, {OK_42}));
	put_token(OLD_TOKEN "\n");
	ok = finds_version(t, &err);
	put_second_token();
	fed_keep_token(t);
	ok = ok && finds_version(t, &err);
	check(end(t, 2) && ok && asked(1, "Bearer second\r\n"), "one that somebody else has renewed is taken");

	t = begin(0, STEPS({OK_42}, {OK_42}));
	ok = finds_version(t, &err);
	fed_keep_token(t);
	ok = ok && finds_version(t, &err);
	check(end(t, 2) && ok, "one that states no lifetime is left alone");
}

/* What fed island enroll does, but for the options. */
static bool
enrolls(const char *file, json_t **answer, FedError *err)
{
	FedHttp    *http = fed_http_open(&(FedHttpServer) {.url = url});
	bool		ok = fed_token_call(http, "/rpc/enroll", "{}", "invite", file, answer, err);

	fed_http_close(http);
	return ok;
}

static void
test_enrolment(void)
{
	json_t	   *answer;
	struct stat st;
	FedError	err = {0};
	FedTransport *t = begin(0, STEPS({JSON("201 Created", "{\"token\":\"fresh\",\"host_id\":\"island-a\"}")}, {OK_42}));
	bool		ok = enrolls(token_file, &answer, &err) && file_has("fresh\n") && stat(token_file, &st) == 0 && (st.st_mode & 0777) == 0600 &&
		json_object_get(answer, "token") == NULL && json_object_get(answer, "host_id") != NULL;

	check(end(t, 1) && ok && asked(0, "Bearer invite\r\n"), "an invite becomes a token, in a file of our own");
	json_decref(answer);

	t = begin(0, STEPS({OK_42}));
	ok = !enrolls("/nonexistent/token", &answer, &err) && !enrolls(dir, &answer, &err);
	check(end(t, 0) && ok && err.kind == FED_ERR_LOCAL, "a file that cannot be written costs no invite");

	t = begin(0, STEPS({EMPTY("401 Unauthorized", "")}, {JSON("201 Created", "{}")}, {JSON("201 Created", "{\"token\":\"a\\nb\"}")}));
	ok = !enrolls(token_file, &answer, &err) && !enrolls(token_file, &answer, &err) && !enrolls(token_file, &answer, &err);
	check(end(t, 3) && ok && file_has("first\n"), "what is refused, or no token, leaves the file as it was");
}

static pthread_t waiting;

static void
on_signal(int signal_number)
{
	(void) signal_number;
	fed_stop_request();
}

/* While the client waits for the answer. */
static void
interrupt(void)
{
	pthread_kill(waiting, SIGUSR1);
}

static void
test_waiting(void)
{
	FedError	err = {0};
	bool		announced = false;
	FedTransport *t = begin(10, STEPS({OK_42}, {"HTTP/1.1 200 OK\r\n", .keep = true, .before = interrupt}, {OK_42}));
	bool		ok = finds_version(t, &err);
	double		start = fed_now();

	ok = ok && fed_transport_wait(t, 30, &announced, &err) && announced;
	check(ok && fed_now() - start < 10, "a wait is as long as the time between two looks");
	ok = !finds_version(t, &err) && err.kind == FED_ERR_STOPPED;
	check(ok && fed_now() - start < 10, "a signal ends the wait for an answer");
	ok = !fed_transport_wait(t, 30, &announced, &err) && err.kind == FED_ERR_STOPPED;
	check(ok && fed_now() - start < 10, "and every other");
	check(end(t, 2), "nothing is asked after that");
}

int
main(void)
{
	FedError	err;

	if (!fed_stop_init(&err) || mkdtemp(dir) == NULL)
		return 1;
	token_file = fed_path_join(dir, "token");
	test_repetition();
	test_once();
	test_requests();
	test_narrow_model();
	test_named();
	test_answers();
	test_token();
	test_renewal();
	test_enrolment();
	waiting = pthread_self();
	sigaction(SIGUSR1, &(struct sigaction) {.sa_handler = on_signal}, NULL);
	test_waiting();				/* the wish to stop stays */
	free(token_file);
	fed_remove_tree(dir);
	return checks_done();
}
