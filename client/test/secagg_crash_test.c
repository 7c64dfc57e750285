/*
 * secagg_crash_test.c
 *		An Island that dies before or after everything it writes and everything it sends.
 *
 * It dies once, at the k-th place, and another one goes on with its files; k
 * counts up until a run meets no k-th place. Whatever k is, the round completes,
 * the sum is exact, and the server never saw two different messages of one step.
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

/* A round with a death at place k, after an attempt that came as far as the freeze; whether it met one is in *died. */
static bool
survives(int k, bool *died, FedError *err)
{
	Server	   *server = server_new(3, true, 50);
	bool		ok = true;
	bool		two;

	places = 0;
	deadly = k;
	for (two = false; ok && server->stage < STAGE_DONE;)
	{
		ok = work(server, err) && others_work(server, err);
		if (ok)
			next_stage(server);
		if (!two && server->stage == STAGE_AGREE)
		{
			new_attempt(server);
			two = true;
		}
	}
	ok = ok && sum_is_exact(server) && server->hosts[0].rejected[0] == '\0' && server->hosts[0].trained <= 2;
	if (!ok)
		printf("# k = %d: %s, server said %s, trained %d times\n", k, err->message, server->hosts[0].rejected, server->hosts[0].trained);
	*died = places >= k;
	server_free(server);
	return ok;
}

int
main(void)
{
	FedError	err = {0};
	bool		died = true;
	bool		ok = true;
	int			k;

	for (k = 1; died; k++)
		ok = survives(k, &died, &err) && ok;
	printf("# %d places to die at\n", k - 2);
	check(ok, "an Island that dies anywhere goes on where it was, or sends the same again");
	check(k > 30, "there are places before and after each thing that is written or sent");
	return checks_done();
}
