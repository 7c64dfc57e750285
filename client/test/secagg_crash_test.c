/*
 * secagg_crash_test.c
 *		An Island that dies before or after everything it writes and everything it sends.
 *
 * It dies once, at the k-th place, and another one goes on with its files; k
 * counts up until a run meets no k-th place. Whatever k is, the round completes,
 * the sum is exact, and the server never saw two different messages of one step;
 * nor is noise drawn twice for what was sent.
 */
#include "check.h"
#include "secagg_sum.h"

static int	places;
static int	deadly;
static bool dead;

static bool
die(const char *place, FedError *why)
{
	(void) place;
	if (++places == deadly)
		dead = true;
	return !dead || fed_error_set(why, FED_ERR_STOPPED, "killed at %s", place);
}

/* The first Island works until it waits, with one death on the way. */
static bool
work(Server *server, FedError *err)
{
	Host	   *host = &server->hosts[0];
	bool		idle = false;

	while (!idle)
	{
		bool		ok;

		fed_fault_hook = die;
		ok = host_step(host, &idle, err);
		fed_fault_hook = NULL;
		if (!ok && err->kind != FED_ERR_STOPPED)
			return false;
		if (!ok)
			idle = false;
		dead = false;
	}
	return true;
}

static bool
others_work(Server *server, FedError *err)
{
	bool		ok;

	server->hosts[0].alive = false;
	ok = run_stage(server, err);
	server->hosts[0].alive = true;
	return ok;
}

/* The integers that the first Island keeps, in a hash; none: zeroes. */
static void
hash_kept(const Server *server, uint8_t out[FED_SHA256_BYTES])
{
	FedKept		kept;

	memset(out, 0, FED_SHA256_BYTES);
	if (!load_kept(&server->hosts[0], &kept))
		return;
	fed_hash_vector(kept.q.data, kept.q.len, out, NULL, NULL);
	fed_kept_close(&kept);
}

/* With noise: it was drawn once for both attempts, and the journal has each attempt once. */
static bool
noise_is_right(Server *server, const char *journal, const uint8_t first[FED_SHA256_BYTES])
{
	uint8_t		last[FED_SHA256_BYTES];
	FedSpent	spent;

	hash_kept(server, last);
	return sum_is_of_kept(server) && memcmp(first, last, sizeof(last)) == 0 && fed_journal_spent(journal, &spent, NULL) &&
		spent.distributed == 2;
}

/* A round with a death at place k, after an attempt that came as far as the freeze; whether it met one is in *died. */
static bool
survives(int k, bool private, bool *died, FedError *err)
{
	Server	   *server = private ? private_server(3, true, 50) : server_new(3, true, 50);
	Host	   *host = &server->hosts[0];
	uint8_t		first[FED_SHA256_BYTES] = {0};
	char		journal[96];
	bool		ok = true;
	bool		two;

	snprintf(journal, sizeof(journal), "%s/journal", host->root);
	host->member.journal = journal;
	places = 0;
	deadly = k;
	for (two = false; ok && server->stage < STAGE_DONE;)
	{
		ok = work(server, err) && others_work(server, err);
		if (ok)
			next_stage(server);
		if (!two && server->stage == STAGE_AGREE)
		{
			hash_kept(server, first);
			new_attempt(server);
			two = true;
		}
	}
	ok = ok && (private ? noise_is_right(server, journal, first) : sum_is_exact(server)) && host->rejected[0] == '\0' &&
		host->trained <= 2;
	if (!ok)
		printf("# k = %d: %s, server said %s, trained %d times\n", k, err->message, host->rejected, host->trained);
	*died = places >= k;
	server_free(server);
	return ok;
}

static void
test_round(bool private, const char *what)
{
	FedError	err = {0};
	bool		died = true;
	bool		ok = true;
	int			k;

	for (k = 1; died; k++)
		ok = survives(k, private, &died, &err) && ok;
	printf("# %d places to die at\n", k - 2);
	check(ok, what);
	check(k > 30, "there are places before and after each thing that is written or sent");
}

int
main(void)
{
	test_round(false, "an Island that dies anywhere goes on where it was, or sends the same again");
	test_round(true, "with noise of its own it draws that once, and pays for each attempt once");
	return checks_done();
}
