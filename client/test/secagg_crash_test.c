/*
 * secagg_crash_test.c
 *		An Island that is killed before or after everything it makes durable and everything it sends.
 *
 * It is killed once, with SIGKILL, at the k-th place, and another process goes
 * on with its files, for every k that there is. Whatever k is, the round
 * completes, the sum is exact, and the server never saw two different messages
 * of one step: it compares each with the one that it has. Nor is noise drawn
 * twice for what was sent.
 */
#include <signal.h>
#include <sys/wait.h>

#include "check.h"
#include "secagg_sum.h"

/* What the processes have in common. */
static struct Common
{
	int			places;			/* that were passed in this run */
	FedError	err;
}		   *common;

#define MAX_STINTS 32

static int	deadly;				/* 0: no place is */
static int	stint;				/* the time from one of the server's stages to the next, in which the Island works */
static int	passed[MAX_STINTS]; /* places up to the end of each, when nobody dies */
static int	killed;				/* how often */

static bool
die(const char *place, FedError *why)
{
	(void) place;
	(void) why;
	if (++common->places == deadly)
		raise(SIGKILL);
	return true;
}

/* How a process of its own that does this ended: 0 it did, 1 it could not, -1 it was killed. */
static int
in_process(bool (*what) (void *arg), void *arg)
{
	int			status;
	pid_t		child;

	fflush(stdout);
	child = fork();
	if (child == 0)
	{
		fed_fault_hook = die;
		_exit(!what(arg));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Until it waits. */
static bool
live(void *arg)
{
	bool		idle = false;

	while (!idle)
	{
		if (!host_step(arg, &idle, &common->err))
			return false;
	}
	return true;
}

/* In a process of its own where it is to be killed: those are dear. */
static bool
work(Server *server)
{
	int			ended = -1;

	if (killed == 0 && deadly > 0 && passed[stint] >= deadly)
	{
		ended = in_process(live, &server->hosts[0]);
		killed += ended < 0;
		/* The server asks for all of the stage again, as if it had not been heard: it must hear the same. */
		server->hosts[0].doubted = ended < 0;
	}
	fed_fault_hook = die;
	if (ended < 0)
		ended = !live(&server->hosts[0]);
	fed_fault_hook = NULL;
	if (deadly == 0)
		passed[stint] = common->places;
	stint++;
	return ended == 0;
}

static bool
others_work(Server *server)
{
	bool		ok;

	server->hosts[0].alive = false;
	ok = run_stage(server, &common->err);
	server->hosts[0].alive = true;
	return ok;
}

/* What a run is of. */
typedef struct Course
{
	const char *what;
	int			n;
	bool		active;
	bool		retries;		/* the first attempt comes as far as the freeze, and is given up */
	bool		complains;		/* an envelope to the Island that dies does not open */
	bool		evaluates;
	bool		adds_noise;		/* and clips, and retries */
	int			first;			/* stint in which it dies: those before are as in another course */
}			Course;

static void
damage_envelope(Server *server, Host *to, const char *function, json_t *answer)
{
	json_t	   *list = json_object_get(answer, "envelopes");

	(void) server;
	if (to->number == 0 && strcmp(function, "secagg_inbox") == 0)
		json_object_set_new(json_array_get(list, 0), "envelope", json_string("00"));
}

/* Nothing is left of keys once shares were given away, nor a torn copy of them. */
static bool
keys_are_gone(const Host *host)
{
	char		path[160];
	bool		ok = true;

	for (int i = 0; i < 2; i++)
	{
		snprintf(path, sizeof(path), "%s/%s/secrets%s", host->root, host->server->session_id, i == 0 ? "" : ".tmp");
		ok = access(path, F_OK) != 0 && ok;
	}
	return ok;
}

static bool
took_all(Server *server)
{
	bool		ok = true;

	for (int i = 0; i < server->n_hosts; i++)
		ok = server->hosts[i].rejected[0] == '\0' && ok;
	return ok;
}

/* With noise: it was drawn once for both attempts, and the journal has each attempt once. */
static bool
noise_is_right(Server *server, const char *journal, const uint8_t first[FED_SHA256_BYTES])
{
	uint8_t		last[FED_SHA256_BYTES];
	FedSpent	spent;

	hash_kept(&server->hosts[0], last);
	return sum_is_of_kept(server) && memcmp(first, last, sizeof(last)) == 0 && fed_journal_spent(journal, &spent, NULL) &&
		spent.distributed == 2;
}

/* A round with a death at place k. */
static bool
survives(const Course *course, int k)
{
	Server	   *server = course->adds_noise ? private_server(course->n, true, 50) : server_new(course->n, course->active, 50);
	Host	   *host = &server->hosts[0];
	uint8_t		first[FED_SHA256_BYTES] = {0};
	char		journal[96];
	bool		again = course->retries;
	bool		ok = true;

	snprintf(journal, sizeof(journal), "%s/journal", host->root);
	host->member.journal = journal;
	common->places = stint = killed = 0;
	deadly = k;
	server->tamper = course->complains ? damage_envelope : NULL;
	server->evaluation = course->evaluates;
	server->round = course->evaluates ? server->total_rounds + 1 : 1;
	while (ok && server->stage < STAGE_DONE)
	{
		ok = work(server) && others_work(server);
		if (ok)
			next_stage(server);
		if (again && server->stage == STAGE_AGREE)
		{
			ok = ok && took_all(server);
			hash_kept(host, first);
			new_attempt(server);
			again = false;
		}
	}
	ok = ok && (course->adds_noise ? noise_is_right(server, journal, first) : sum_is_exact(server)) && took_all(server) && host->trained <= 2 && keys_are_gone(host) &&
		fed_set_size(&host->complained) == course->complains && killed == (k > 0);
	if (!ok)
		printf("# k = %d: %s, server said %s, trained %d times, killed %d times\n", k, common->err.message, host->rejected,
			   host->trained, killed);
	server_free(server);
	return ok;
}

/* fewest: places that there must be at least. */
static void
test_course(const Course *course, int fewest)
{
	char		what[128];
	bool		ok = survives(course, 0);
	int			before = course->first == 0 ? 0 : passed[course->first - 1];
	int			n = common->places - before;

	for (int k = 1; k <= n; k++)
		ok = survives(course, before + k) && ok;
	printf("# %s: %d places to die at\n", course->what, n);
	snprintf(what, sizeof(what), "%s: an Island that is killed anywhere sends the same again, or what it had not sent", course->what);
	check(ok, what);
	check(n >= fewest, "there are places before and after each thing that is written or sent");
}

/* Keys of people: fed island keygen, fed island trust. */

static char dir[64];

static char *
in_dir(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* What the command prints, and its user enrols, when the key is there to stay. */
static FedIdentity *announced;

static bool
make_identity(void *arg)
{
	FedIdentity made;

	(void) arg;
	if (!fed_identity_create(in_dir("identity"), &made, &common->err))
		return false;
	*announced = made;
	return true;
}

/* Killed anywhere, there is the key that was announced; or there is none, or a file that is refused as one. */
static void
test_identity(void)
{
	bool		ok = true;
	int			whole = 0;
	int			k;

	announced = shared(sizeof(*announced));
	for (k = 1;; k++)
	{
		FedIdentity found;
		FedIdentity again;
		bool		there;
		int			ended;

		common->places = 0;
		deadly = k;
		memset(announced, 0, sizeof(*announced));
		ended = in_process(make_identity, NULL);
		there = fed_identity_load(in_dir("identity"), &found, &common->err);
		whole += there;
		ok = ok && (ended < 0 || (ended == 0 && there && memcmp(&found, announced, sizeof(found)) == 0));
		if (access(in_dir("identity"), F_OK) == 0)
			ok = ok && !fed_identity_create(in_dir("identity"), &again, &common->err) &&
				there == fed_identity_load(in_dir("identity"), &again, &common->err) &&
				(!there || memcmp(&found, &again, sizeof(found)) == 0);
		unlink(in_dir("identity"));
		if (ended >= 0)
			break;
	}
	check(ok && k >= 4 && whole > 0, "45: keygen that is killed leaves a whole key, or none that is taken for one");
}

static const char *const first_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char *const second_key = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static bool
pin(const char *name, const char *key)
{
	FedTrust   *trust = fed_trust_load(in_dir("trust"), true, &common->err);
	bool		ok = trust != NULL && fed_trust_add(trust, name, key, &common->err) &&
		fed_trust_save(trust, in_dir("trust"), &common->err);

	fed_trust_free(trust);
	return ok;
}

static bool
pin_second(void *arg)
{
	(void) arg;
	return pin("second", second_key);
}

/* Killed anywhere, the file is the old one or the new one. */
static void
test_trust(void)
{
	uint8_t		keys[2][FED_KEY_BYTES];
	bool		ok = true;
	int			ended = -1;
	int			k;

	fed_hex_decode(first_key, keys[0], FED_KEY_BYTES);
	fed_hex_decode(second_key, keys[1], FED_KEY_BYTES);
	for (k = 1; ended < 0; k++)
	{
		FedTrust   *trust;

		unlink(in_dir("trust"));
		ok = pin("first", first_key) && ok;
		common->places = 0;
		deadly = k;
		ended = in_process(pin_second, NULL);
		trust = fed_trust_load(in_dir("trust"), false, &common->err);
		ok = ok && trust != NULL && fed_trust_has(trust, keys[0]) && (ended < 0 || fed_trust_has(trust, keys[1]));
		fed_trust_free(trust);
		ok = ok && pin("second", second_key);
	}
	check(ok && k >= 5, "45: a trust file that is being written is the old one or the new one");
}

int
main(void)
{
	static const Course courses[] = {
		{"two attempts", 3, true, .retries = true},
		{"a complaint", 4, true, .complains = true, .first = 2},
		{"semi_honest", 3, false, .first = 2},
		{"an evaluation", 3, true, .evaluates = true, .first = 1},
		{"noise", 3, true, .retries = true, .adds_noise = true, .first = 2},
	};

	common = shared(sizeof(*common));
	for (size_t i = 0; i < sizeof(courses) / sizeof(*courses); i++)
		test_course(&courses[i], i == 0 ? 100 : 25);
	strcpy(dir, "/tmp/fed-secagg-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	test_identity();
	test_trust();
	fed_remove_tree(dir);
	return checks_done();
}
