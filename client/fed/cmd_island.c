/*
 * cmd_island.c
 *		fed island run: take tasks until told to stop.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "island.h"
#include "lib/file.h"
#include "lib/journal.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "options.h"
#include "server.h"

static const char usage[] =
"usage: fed island run --host-id H --train CMD [OPTION]...\n"
"  Takes this Island's tasks: receives the model, runs the trainer, sends the update.\n"
"  --host-id H           name under which the Island is registered\n"
"  --train CMD           shell command; finds FED_MODEL, FED_TASK, FED_UPDATE, FED_RESULT\n"
"  --state-dir DIR       what must survive a crash (default: ./fed-H)\n"
"  --train-timeout S     a trainer that takes longer is ended and the task declined\n"
"  --accept W[:SAMPLES]  agree to train workload W, with so many samples; repeatable\n"
"  --capabilities JSON   what the Island says of itself\n"
"  --update-encoding E   how updates are sent: f32, f16 or bf16 (default: as the session asks)\n"
"  --download-encoding E how models are fetched, likewise\n"
"  --policy FILE         the data owner's rules, see README\n"
"  --identity FILE       this Island's key for secure aggregation, made by fed island keygen\n"
"  --trust FILE          the other Islands' keys, kept by fed island trust\n"
"  --journal FILE        JSON lines of everything that is sent\n"
"  --heartbeat S         seconds between signs of life (default 10)\n"
"  --poll S              with --url, seconds between two looks for a task (default 2)\n"
"  --once SESSION        end when this session has ended\n"
"  --exit-when-done      end when the session of the first task has ended\n"
FED_COMMON_USAGE;

#define MAX_ACCEPTS 64

typedef struct Accepts
{
	const char *values[MAX_ACCEPTS];
	int			n;
} Accepts;

static void
add_accept(void *arg, const char *value)
{
	Accepts    *accepts = arg;

	if (accepts->n == MAX_ACCEPTS)
	{
		fprintf(stderr, "fed: at most %d times --accept\n", MAX_ACCEPTS);
		exit(FED_EXIT_USAGE);
	}
	accepts->values[accepts->n++] = value;
}

/* "name" or "name:samples" */
static bool
accept_one(FedTransport *t, const char *value, FedError *err)
{
	const char *colon = strrchr(value, ':');
	char	   *name = colon == NULL ? strdup(value) : strndup(value, (size_t) (colon - value));
	int64_t		samples = colon == NULL ? -1 : fed_option_int("the number of samples of --accept", colon + 1, 1, -1);
	int64_t		id;
	bool		ok = name == NULL ? fed_error_memory(err) : fed_find_workload(t, name, &id, err);

	if (ok && id == 0)
		ok = fed_error_set(err, FED_ERR_SERVER, "there is no workload \"%s\"", name);
	ok = ok && fed_accept_workload(t, id, samples, err);
	free(name);
	return ok;
}

static bool
introduce(FedIsland *island, const char *capabilities, const Accepts *accepts, FedError *err)
{
	FedHello	hello;

	if (!fed_heartbeat(island->t, capabilities, &hello, err))
		return false;
	if (strcmp(hello.host_id, island->host_id) != 0)
	{
		fed_error_set(err, FED_ERR_POLICY, "the server takes us for Island \"%s\", not \"%s\"", hello.host_id, island->host_id);
		return fed_error_hint(err, "log in as the database role that \"%s\" is registered with, or use its token", island->host_id);
	}
	for (int i = 0; i < accepts->n; i++)
	{
		if (!accept_one(island->t, accepts->values[i], err))
			return false;
	}
	fed_log_event("ready", NULL, "Island \"%s\" is ready, server has federated %s", hello.host_id, hello.extension_version);
	return true;
}

/* Whether the session has ended; *code is then what to exit with. */
static bool
is_over(FedTransport *t, const char *session_id, int *code)
{
	FedError	err;
	char	   *document = NULL;
	FedSession *session = fed_session(t, session_id, &document, &err) ? fed_session_parse(document, &err) : NULL;
	bool		over = session != NULL && fed_session_is_over(session);

	if (over)
		*code = strcmp(session->status, "failed") == 0 ? FED_EXIT_FAILED : FED_EXIT_OK;
	fed_session_free(session);
	free(document);
	return over;
}

static int
work(FedIsland *island, bool exit_when_done)
{
	char		watched[FED_SESSION_ID_LEN + 1] = "";
	FedError	err = {0};
	int			code = FED_EXIT_OK;

	if (island->once != NULL)
		snprintf(watched, sizeof(watched), "%s", island->once);
	for (;;)
	{
		FedTask    *task = NULL;
		bool		announced;
		bool		ok;

		fed_keep_token(island->t);
		ok = fed_next_task(island->t, island->once, &task, &err);
		if (ok && task != NULL)
		{
			if (exit_when_done)
				snprintf(watched, sizeof(watched), "%s", task->session_id);
			ok = fed_island_do(island, task, &err);
		}
		else if (ok)
		{
			fed_member_tidy(&island->member);
			if (watched[0] != '\0' && is_over(island->t, watched, &code))
				return code;
			ok = fed_transport_wait(island->t, island->heartbeat, &announced, &err);
		}
		fed_task_free(task);
		if (!ok)
			return fed_fail(NULL, &err);
	}
}

static char *
state_directory(const char *given, const char *host_id, FedError *err)
{
	char		name[4096];
	char		cwd[4096];
	char	   *encoded = fed_path_encode(host_id);
	char	   *dir;

	snprintf(name, sizeof(name), "fed-%s", encoded == NULL ? "" : encoded);
	free(encoded);
	if (given == NULL)
		given = name;
	/* The trainer may change its directory. */
	if (given[0] == '/')
		dir = strdup(given);
	else
		dir = getcwd(cwd, sizeof(cwd)) == NULL ? NULL : fed_path_join(cwd, given);
	if (dir == NULL)
		fed_error_memory(err);
	else if (!fed_make_directory(dir, err))
	{
		free(dir);
		dir = NULL;
	}
	return dir;
}

static int
read_encoding(const char *option, const char *name)
{
	FedEncoding encoding;

	if (name == NULL)
		return FED_AS_ASKED;
	if (fed_encoding_parse(name, &encoding) && encoding < FED_ENCODINGS)
		return (int) encoding;
	fprintf(stderr, "fed: %s must be one of", option);
	for (int e = 0; e < FED_ENCODINGS; e++)
		fprintf(stderr, " %s", fed_encoding_name((FedEncoding) e));
	fprintf(stderr, ", not \"%s\"\n", name);
	exit(FED_EXIT_USAGE);
}

/* What is wrong with this side, before anything is sent. */
static int
prepare(FedIsland *island, const char *state, const char *policy, FedError *err)
{
	if (island->host_id == NULL || island->command == NULL)
	{
		fprintf(stderr, "fed: --host-id and --train are needed\n%s", usage);
		return FED_EXIT_USAGE;
	}
	if (policy != NULL && (island->policy = fed_policy_load(policy, err)) == NULL)
	{
		fed_fail(policy, err);
		return FED_EXIT_USAGE;
	}
	if (island->journal == NULL && fed_policy_has_budget(island->policy))
	{
		fprintf(stderr, "fed: a policy with lifetime_epsilon needs --journal: it is the record of what was spent\n");
		return FED_EXIT_USAGE;
	}
	if (fed_policy_has_budget(island->policy) && !fed_journal_hold(island->journal, err))
		return fed_fail(NULL, err);
	island->state_dir = state_directory(state, island->host_id, err);
	if (island->state_dir == NULL)
		return fed_fail(NULL, err);
	island->member = (FedMember) {.host_id = island->host_id, .root = fed_path_join(island->state_dir, "secagg"),
	.journal = island->journal, .policy = island->policy};
	return island->member.root == NULL ? fed_fail(NULL, err) : FED_EXIT_OK;
}

/* The files that say who this Island is and whom it believes. */
static int
introduce_keys(FedIsland *island, const char *identity_file, FedIdentity *identity, const char *trust_file, FedError *err)
{
	FedTrust   *trust = NULL;

	if (identity_file != NULL && trust_file == NULL)
	{
		fprintf(stderr, "fed: --identity needs --trust: without the keys of others no session with secure aggregation can be joined\n");
		return FED_EXIT_USAGE;
	}
	if (identity_file != NULL && !fed_identity_load(identity_file, identity, err))
		return fed_fail(identity_file, err);
	if (trust_file != NULL && (trust = fed_trust_load(trust_file, false, err)) == NULL)
		return fed_fail(trust_file, err);
	island->member.identity = identity_file == NULL ? NULL : identity;
	island->member.trust = trust;
	return FED_EXIT_OK;
}

int
fed_cmd_island_run(int argc, char **argv)
{
	FedCommon	common = {0};
	FedIsland	island = {.lock = -1};
	Accepts		accepts = {0};
	const char *state = NULL;
	const char *timeout = NULL;
	const char *heartbeat = NULL;
	const char *capabilities = NULL;
	const char *policy = NULL;
	const char *update_encoding = NULL;
	const char *download_encoding = NULL;
	const char *poll = NULL;
	const char *identity_file = NULL;
	const char *trust_file = NULL;
	FedIdentity identity = {{0}, {0}, {0}};
	bool		exit_when_done = false;
	const FedOption options[] = {
		{"--host-id", &island.host_id, NULL, NULL, NULL}, {"--train", &island.command, NULL, NULL, NULL},
		{"--state-dir", &state, NULL, NULL, NULL}, {"--train-timeout", &timeout, NULL, NULL, NULL},
		{"--accept", NULL, NULL, add_accept, &accepts}, {"--capabilities", &capabilities, NULL, NULL, NULL},
		{"--update-encoding", &update_encoding, NULL, NULL, NULL}, {"--download-encoding", &download_encoding, NULL, NULL, NULL},
		{"--identity", &identity_file, NULL, NULL, NULL}, {"--trust", &trust_file, NULL, NULL, NULL},
		{"--policy", &policy, NULL, NULL, NULL}, {"--journal", &island.journal, NULL, NULL, NULL},
		{"--heartbeat", &heartbeat, NULL, NULL, NULL}, {"--poll", &poll, NULL, NULL, NULL},
		{"--once", &island.once, NULL, NULL, NULL}, {"--exit-when-done", NULL, &exit_when_done, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}
	};
	FedError	err = {0};
	int			code;

	fed_options_parse(argc, argv, usage, options, &common, NULL, 0);
	fed_log_configure(true, common.json);
	island.train_timeout = fed_option_seconds("--train-timeout", timeout, 0);
	island.heartbeat = fed_option_seconds("--heartbeat", heartbeat, 10);
	island.update_encoding = read_encoding("--update-encoding", update_encoding);
	island.download_encoding = read_encoding("--download-encoding", download_encoding);
	code = prepare(&island, state, policy, &err);
	if (code == FED_EXIT_OK)
		code = introduce_keys(&island, identity_file, &identity, trust_file, &err);
	if (code == FED_EXIT_OK && (island.t = fed_open_transport(&common, fed_option_seconds("--poll", poll, 2), &code)) != NULL)
	{
		island.t->patience = FED_FOREVER;
		island.member.t = island.t;
		code = introduce(&island, capabilities, &accepts, &err) ? work(&island, exit_when_done)
			: fed_fail(NULL, &err);
	}
	fed_transport_free(island.t);
	fed_policy_free(island.policy);
	fed_trust_free((FedTrust *) island.member.trust);
	fed_identity_wipe(&identity);
	free((char *) island.member.root);
	free((char *) island.state_dir);
	return code;
}
