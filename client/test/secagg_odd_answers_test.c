/*
 * secagg_odd_answers_test.c
 *		Islands that are given answers with one thing in them that is not as it should be.
 *
 * Whatever stands in whatever place, an Island goes on as it would have, or
 * refuses by name and leaves no trace.
 */
#include "odd_json.h"
#include "secagg_lies.h"

static struct
{
	const char *function;
	int			at;				/* which thing */
	size_t		which;			/* odd value */
	bool		more;			/* there was such a thing */
}			odd;

static void
make_odd(Server *server, Host *to, const char *function, json_t *answer)
{
	int			k = odd.at;
	bool		of_task = strcmp(odd.function, "next_task") == 0;

	(void) server;
	if (to->number == 0 && strcmp(function, odd.function) == 0)
		odd.more = put_odd(of_task ? secagg_of(answer) : answer, &k, odd.which);
}

/* What an Island may say: the check that refuses, or the part of a document that cannot be read. */
static bool
is_named(void)
{
	return (err.kind == FED_ERR_POLICY && strncmp(err.message, "secure aggregation C", 20) == 0) ||
		(err.kind == FED_ERR_PROTOCOL && err.message[0] != '\0');
}

/*
 * Whether the Island refused; *ok, whether it did as it should. A refusal leaves
 * it where it was. Without identities, a list that is well formed and shorter is
 * another truth, which this server refuses in its turn.
 */
static bool
step(Host *host, bool *ok)
{
	Snapshot	before = snapshot(host);
	Snapshot	after;
	bool		went = idle_step(host);

	after = snapshot(host);
	if (!went && err.kind == FED_ERR_SERVER && !host->server->active)
	{
		host->rejected[0] = '\0';
		went = true;
	}
	*ok = went ? host->rejected[0] == '\0' : is_named() && memcmp(&before, &after, sizeof(before)) == 0;
	if (!*ok)
		printf("# %s, thing %d, %s: %s, %s\n", odd.function, odd.at, odd_values[odd.which] == NULL ? "nothing" : odd_values[odd.which],
			   err.message, host->rejected);
	err = (FedError) {0};
	return !went;
}

static void
test_answer(Stage stage, const char *function, bool active)
{
	Server	   *server = NULL;
	char		what[128];
	bool		all = true;
	int			refused = 0;
	int			tried = 0;

	odd.function = function;
	odd.more = true;
	for (odd.at = 0; odd.more; odd.at++)
	{
		for (odd.which = 0; odd.which < N_ODD; odd.which++)
		{
			bool		ok;

			if (server == NULL)
			{
				server = server_new(active ? 3 : 4, active, 50);
				if (!run_until(server, stage, &err))
					printf("# %s\n", err.message);
			}
			server->tamper = make_odd;
			odd.more = false;
			tried++;
			if (step(&server->hosts[0], &ok))
				refused++;
			else
			{
				server_free(server);
				server = NULL;
			}
			all = all && ok;
			if (!odd.more)
				break;
		}
	}
	if (server != NULL)
		server_free(server);
	printf("# %s: %d of %d refused\n", function, refused, tried);
	snprintf(what, sizeof(what), "%s, %s: anything odd is refused without a trace, or does not matter", function,
			 active ? "active" : "semi_honest");
	check(all && refused > tried / 2, what);
}

int
main(void)
{
	test_answer(STAGE_ADVERTISE, "next_task", true);
	test_answer(STAGE_SHARE, "secagg_roster", true);
	test_answer(STAGE_MASK, "secagg_inbox", true);
	test_answer(STAGE_AGREE, "secagg_sets", true);
	test_answer(STAGE_REVEAL, "secagg_agreements", true);
	test_answer(STAGE_REVEAL, "secagg_agreements", false);
	return checks_done();
}
