/*
 * secagg_islands.h
 *		Real Islands before the server of secagg_server.h, and the stages that both go through.
 */
#ifndef FED_TEST_SECAGG_ISLANDS_H
#define FED_TEST_SECAGG_ISLANDS_H

#include <sys/mman.h>

#include "secagg_server.h"

/* What an Island trains; another thing each time, so that it shows when it trains twice. */
static float
update_value(const Host *host, uint64_t i)
{
	uint64_t	x = (i + 1) * 2654435761u + (uint64_t) host->number * 40503u;

	return (float) (((double) (x % 20011) / 10005 - 1) * host->scale) + (float) (host->trained - 1) / 8;
}

static int64_t
samples_of(const Host *host)
{
	return 10 + 25 * host->number;
}

static bool
fetch(void *arg, const FedTask *task, uint8_t base[FED_SHA256_BYTES], FedManifest **manifest, FedError *err)
{
	Host	   *host = arg;
	char	   *document = dump(model_document(host->server));
	FedSecaggBase *sum = fed_base_new(1);

	(void) task;
	*manifest = fed_manifest_parse(document, err);
	free(document);
	fed_base_vector(sum, host->server->n_values);
	fed_base_values(sum, host->model, host->server->n_values);
	fed_base_final(sum, base);
	fed_base_free(sum);
	return *manifest != NULL;
}

static bool
train(void *arg, const FedTask *task, const char *document, FedOutcome *out, FedError *err)
{
	Host	   *host = arg;
	uint64_t	n = host->server->n_values;
	float	   *delta = malloc(4 * n);
	bool		ok = true;

	(void) document;
	host->trained++;
	if (host->during != NULL)
		host->during(host);
	for (uint64_t i = 0; i < n; i++)
		delta[i] = update_value(host, i);
	if (!task->evaluate_only)
		ok = fed_write_file(host->delta_path, delta, 4 * n, err);
	free(delta);
	*out = (FedOutcome) {task->evaluate_only ? NULL : host->delta_path, samples_of(host),
	"{\"evaluation\":{\"accuracy\":0.5},\"training\":{\"loss\":2.5,\"other\":1}}"};
	return ok;
}

/* One look of an Island at its task. The refusal, or "" */
static bool
host_step(Host *host, bool *idle, FedError *err)
{
	FedMemberWork work = {fetch, train, host};
	FedTask    *task = NULL;
	bool		ok;

	*idle = true;
	*err = (FedError) {0};
	if (!fed_next_task(&host->t, NULL, &task, err))
		return false;
	if (task == NULL)
	{
		fed_member_tidy(&host->member);
		return true;
	}
	ok = fed_member_do(&host->member, task, &work, idle, err);
	fed_task_free(task);
	return ok;
}

/* The server's side of the stages */

static void
forget_attempt(Server *server)
{
	for (int i = 0; i < server->n_hosts; i++)
	{
		Host	   *host = &server->hosts[i];
		uint8_t    *update = host->update;

		memset((uint8_t *) host + offsetof(Host, advertised), 0, sizeof(*host) - offsetof(Host, advertised));
		host->update = update;
	}
	memset(&server->u2, 0, sizeof(server->u2));
	memset(&server->u3, 0, sizeof(server->u3));
	server->n = 0;
	server->stage = STAGE_ADVERTISE;
}

static inline void
new_attempt(Server *server)
{
	forget_attempt(server);
	server->attempt++;
}

static inline void
new_round(Server *server)
{
	forget_attempt(server);
	server->attempt = 1;
	server->round++;
	for (uint64_t i = 0; i < server->n_values; i++)
		server->model[i] += 0.5f;
}

static void
freeze_roster(Server *server)
{
	for (int i = 0; i < server->n_hosts; i++)
	{
		int			rank = 1;

		if (!server->hosts[i].advertised)
			continue;
		for (int j = 0; j < server->n_hosts; j++)
			rank += server->hosts[j].advertised && memcmp(server->hosts[j].adv, server->hosts[i].adv, FED_PID_BYTES) < 0;
		server->hosts[i].u = (uint32_t) rank;
		server->by_u[rank] = i;
		server->n++;
	}
	server->t = fed_secagg_threshold(server->active ? FED_SECAGG_ACTIVE : FED_SECAGG_SEMI_HONEST, server->n);
}

/* Freezes what the stage collected, and opens the next. */
static void
next_stage(Server *server)
{
	for (int i = 0; i < server->n_hosts; i++)
	{
		if (server->stage == STAGE_SHARE && server->hosts[i].shared)
			fed_set_add(&server->u2, server->hosts[i].u);
		if (server->stage == STAGE_MASK && server->hosts[i].committed)
			fed_set_add(&server->u3, server->hosts[i].u);
	}
	if (server->stage == STAGE_ADVERTISE)
		freeze_roster(server);
	server->stage = server->stage == STAGE_MASK && !server->active ? STAGE_REVEAL : server->stage + 1;
}

/* Has all Islands that live do what they can, until none has anything to do. The first error ends it. */
static bool
run_stage(Server *server, FedError *err)
{
	bool		busy = true;

	while (busy)
	{
		busy = false;
		for (int i = 0; i < server->n_hosts; i++)
		{
			bool		idle;

			if (!server->hosts[i].alive)
				continue;
			if (!host_step(&server->hosts[i], &idle, err))
				return false;
			busy = busy || !idle;
		}
	}
	return true;
}

static inline bool
run_until(Server *server, Stage stage, FedError *err)
{
	while (server->stage < stage)
	{
		if (!run_stage(server, err))
			return false;
		next_stage(server);
	}
	return true;
}

/* Setting up */

/* Memory that Islands in processes of their own share with the server. */
static void *
shared(size_t bytes)
{
	void	   *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

static void
make_host(Server *server, int number)
{
	Host	   *host = &server->hosts[number];
	char		path[96];

	host->t.ops = &server_ops;
	host->server = server;
	host->number = number;
	host->alive = true;
	host->model = server->model;
	host->scale = 0.9;
	host->update = shared(4 * server->n_values);
	/* In memory where that is: there is much to sync, and the tests pull no plug. */
	strcpy(host->root, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fed-secagg-XXXXXX" : "/tmp/fed-secagg-XXXXXX");
	if (mkdtemp(host->root) == NULL)
		abort();
	strcat(strcpy(host->delta_path, host->root), "/delta");
	snprintf(path, sizeof(path), "%s/identity", host->root);
	host->member = (FedMember) {.t = &host->t, .host_id = "island", .root = host->root};
	if (server->active && !fed_identity_create(path, &host->identity, NULL))
		abort();
	if (server->active)
		host->member.identity = &host->identity;
}

/* An Island whose owner has verified everybody's key. */
static void
pin_all(Host *host)
{
	const Server *server = host->server;

	host->trust = fed_trust_load("/nonexistent", true, NULL);
	for (int j = 0; server->active && j < server->n_hosts; j++)
	{
		char		name[24];
		char		key[2 * FED_KEY_BYTES + 1];

		snprintf(name, sizeof(name), "island-%d", j);
		fed_hex_encode(server->hosts[j].identity.public_key, FED_KEY_BYTES, key);
		fed_trust_add(host->trust, name, key, NULL);
	}
	host->member.trust = host->trust;
}

/* Without its Islands. */
static Server *
server_alone(int n_hosts, bool active, uint64_t n_values)
{
	Server	   *server = shared(sizeof(*server));

	strcpy(server->session_id, "5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101");
	server->n_hosts = n_hosts;
	server->active = active;
	server->weights = "declared";
	server->metrics = "masked";
	server->min_updates = 3;
	server->n_max = n_hosts;
	server->n_cap = 100;
	server->total_rounds = 10;
	server->n_values = n_values;
	server->round = 1;
	server->attempt = 1;
	server->model = calloc(n_values, 4);
	server->other_model = calloc(n_values, 4);
	server->text = malloc(FED_TASK_TEXT_BYTES);
	for (uint64_t i = 0; i < n_values; i++)
		server->model[i] = server->other_model[i] = (float) i / 100;
	hash_manifest(server);
	write_text(server);
	return server;
}

static inline Server *
server_new(int n_hosts, bool active, uint64_t n_values)
{
	Server	   *server = server_alone(n_hosts, active, n_values);

	for (int i = 0; i < n_hosts; i++)
		make_host(server, i);
	for (int i = 0; i < n_hosts; i++)
		pin_all(&server->hosts[i]);
	return server;
}

/* One whose Islands add noise. */
static inline Server *
private_server(int n_hosts, bool adaptive, uint64_t n_values)
{
	Server	   *server = server_new(n_hosts, true, n_values);

	server->weights = "unit";
	server->metrics = "none";
	server->sigma = 1;
	server->adaptive = adaptive;
	server->clip = 0.5;
	server->divisor = n_hosts;
	write_text(server);
	return server;
}

static void
server_free(Server *server)
{
	for (int i = 0; i < server->n_hosts; i++)
	{
		Host	   *host = &server->hosts[i];

		fed_remove_tree(host->root);
		fed_trust_free(host->trust);
		fed_policy_free(host->policy);
		munmap(host->update, 4 * server->n_values);
	}
	free(server->model);
	free(server->other_model);
	free(server->text);
	munmap(server, sizeof(*server));
}

#endif							/* FED_TEST_SECAGG_ISLANDS_H */
