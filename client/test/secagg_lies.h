/*
 * secagg_lies.h
 *		A server that lies, and how to see that an Island refuses without a trace.
 */
#ifndef FED_TEST_SECAGG_LIES_H
#define FED_TEST_SECAGG_LIES_H

#include "secagg_islands.h"

static FedError err;

/* Of an Island's files: the state, what was revealed, and whether there are keys. */
typedef struct Snapshot
{
	uint8_t		state[FED_SHA256_BYTES];
	uint8_t		revealed[FED_SHA256_BYTES];
	bool		secrets;
	int			messages;
} Snapshot;

static inline void
hash_file(const char *path, uint8_t out[FED_SHA256_BYTES])
{
	size_t		len;
	char	   *text = fed_read_file(path, 1 << 24, &len, NULL);

	memset(out, 0, FED_SHA256_BYTES);
	if (text != NULL)
		fed_sha256(text, len, out);
	free(text);
}

static inline Snapshot
snapshot(const Host *host)
{
	Snapshot	out = {.messages = host->messages};
	char		path[160];

	snprintf(path, sizeof(path), "%s/%s/state", host->root, host->server->session_id);
	hash_file(path, out.state);
	snprintf(path, sizeof(path), "%s/revealed", host->root);
	hash_file(path, out.revealed);
	snprintf(path, sizeof(path), "%s/%s/secrets", host->root, host->server->session_id);
	out.secrets = access(path, F_OK) == 0;
	return out;
}

/* Whether one Island's next step is refused by check C`number`, without any trace. */
static inline bool
refuses(Host *host, int number)
{
	Snapshot	before = snapshot(host);
	Snapshot	after;
	char		prefix[40];
	bool		idle;
	bool		ok;

	snprintf(prefix, sizeof(prefix), "secure aggregation C%d: ", number);
	ok = !host_step(host, &idle, &err) && err.kind == FED_ERR_POLICY && strncmp(err.message, prefix, strlen(prefix)) == 0;
	after = snapshot(host);
	if (!ok || memcmp(&before, &after, sizeof(before)) != 0)
		printf("# kind %d, \"%s\"%s\n", err.kind, err.message, memcmp(&before, &after, sizeof(before)) != 0 ? ", traces" : "");
	err = (FedError) {0};
	return ok && memcmp(&before, &after, sizeof(before)) == 0;
}

static inline FedPolicy *
policy_of(const char *text)
{
	char		path[] = "/tmp/fed-policy-XXXXXX";
	int			fd = mkstemp(path);
	FedPolicy  *policy;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
	policy = fed_policy_load(path, &err);
	unlink(path);
	return policy;
}

/* A server with everything as far as a stage. */
static inline Server *
at(Stage stage, int n)
{
	Server	   *server = server_new(n, true, 50);

	if (!run_until(server, stage, &err))
		printf("# %s\n", err.message);
	return server;
}

static inline bool
idle_step(Host *host)
{
	bool		idle;

	return host_step(host, &idle, &err);
}

static inline json_t *
secagg_of(json_t *task)
{
	return json_object_get(task, "secagg");
}

/* One change of what is answered, to all or to one. */
static struct
{
	const char *function;
	int			to;				/* -1: all */
	void		(*change) (Server *server, json_t *answer);
}			lie;

static inline void
tell_lie(Server *server, Host *to, const char *function, json_t *answer)
{
	if (strcmp(function, lie.function) == 0 && (lie.to < 0 || to->number == lie.to))
		lie.change(server, answer);
}

static inline void
lies(Server *server, const char *function, int to, void (*change) (Server *server, json_t *answer))
{
	lie.function = function;
	lie.to = to;
	lie.change = change;
	server->tamper = tell_lie;
}

/* Another text in the task. */
static inline void
put_text(json_t *task, const char *text)
{
	char	   *encoded = base64(text);

	json_object_set_new(secagg_of(task), "task_text", json_string(encoded));
	free(encoded);
}

static inline void
replace(Server *server, json_t *task, const char *old, const char *new)
{
	char		text[4096];
	char	   *at = strstr(server->text, old);

	if (at == NULL)
		abort();
	snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - server->text), server->text, new, at + strlen(old));
	put_text(task, text);
}

#endif							/* FED_TEST_SECAGG_LIES_H */
