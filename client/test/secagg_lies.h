/*
 * secagg_lies.h
 *		What the tests of lying servers share: to tell a lie, and to see that an Island refuses.
 *
 * "Refuses" is: the check is named, nothing is sent, and the Island's files are,
 * byte for byte, what they were.
 */
#ifndef FED_TEST_SECAGG_LIES_H
#define FED_TEST_SECAGG_LIES_H

#include <dirent.h>

#include "check.h"
#include "secagg_islands.h"

static FedError err;

/* Says what went wrong that should not have. */
static inline void
complain(void)
{
	if (err.message[0] != '\0')
		printf("# %s\n", err.message);
	err = (FedError) {0};
}

/* All that an Island keeps, and what it has done. */
typedef struct Snapshot
{
	uint8_t		files[FED_SHA256_BYTES];	/* names and bytes of all below its root */
	int			messages;
	int			trained;
} Snapshot;

static inline void
hash_file(FedSha256 *sum, const char *path)
{
	size_t		len;
	char	   *bytes = fed_read_file(path, 1 << 24, &len, NULL);

	if (bytes == NULL || !fed_sha256_update(sum, path, strlen(path)) || !fed_sha256_update(sum, &len, sizeof(len)) ||
		!fed_sha256_update(sum, bytes, len))
		abort();
	free(bytes);
}

/* An empty directory is nothing: one is made for a session before anything is looked at. */
static inline void
hash_tree(FedSha256 *sum, const char *dir)
{
	struct dirent **entries;
	int			n = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++)
	{
		char		path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_type == DT_DIR && entries[i]->d_name[0] != '.')
			hash_tree(sum, path);
		else if (entries[i]->d_type == DT_REG)
			hash_file(sum, path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static inline Snapshot
snapshot(const Host *host)
{
	Snapshot	out;
	FedSha256  *sum = fed_sha256_new();

	memset(&out, 0, sizeof(out));
	out.messages = host->messages;
	out.trained = host->trained;
	hash_tree(sum, host->root);
	if (!fed_sha256_final(sum, out.files))
		abort();
	fed_sha256_free(sum);
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

/* The state of an Island as it is on the disk. */
static inline FedState
state_of(const Host *host)
{
	char		path[160];
	FedState	state;

	snprintf(path, sizeof(path), "%s/%s", host->root, host->server->session_id);
	if (!fed_state_load(path, host->server->session_id, &state, &err))
		abort();
	return state;
}

static inline void
remove_file(const Host *host, const char *name)
{
	char		path[160];

	snprintf(path, sizeof(path), "%s/%s/%s", host->root, host->server->session_id, name);
	if (unlink(path) != 0)
		abort();
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

static inline void
give_policy(Host *host, const char *text)
{
	fed_policy_free(host->policy);
	host->policy = policy_of(text);
	if (host->policy == NULL)
		abort();
	host->member.policy = host->policy;
}

/* An index of U3 that is not this Island's. */
static inline int
other_index(const Server *server)
{
	return server->hosts[lie.to].u == 1 ? 2 : 1;
}

static inline void
without(json_t *answer, const char *key, int u)
{
	json_t	   *list = json_object_get(answer, key);

	for (size_t i = 0; i < json_array_size(list); i++)
	{
		if (json_integer_value(json_array_get(list, i)) == u)
			json_array_remove(list, i--);
	}
}

static inline void
u3_without_victim(Server *server, json_t *sets)
{
	without(sets, "u3", other_index(server));
}

#endif							/* FED_TEST_SECAGG_LIES_H */
