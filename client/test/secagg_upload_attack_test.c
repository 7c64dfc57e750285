/*
 * secagg_upload_attack_test.c
 *		Lies of a server about envelopes and uploads: C11 to C13.
 */
#include "secagg_lies.h"

static void
u2_without(Server *server, json_t *inbox)
{
	json_t	   *list = json_object_get(inbox, "u2");

	json_array_remove(list, server->hosts[lie.to].u - 1);
}

static void
u2_small(Server *server, json_t *inbox)
{
	uint32_t	own = server->hosts[lie.to].u;

	json_object_set_new(inbox, "u2", own < 5 ? json_pack("[i, i]", (int) own, 5) : json_pack("[i, i]", 1, 5));
}

static void
u2_stranger(Server *server, json_t *inbox)
{
	(void) server;
	json_array_append_new(json_object_get(inbox, "u2"), json_integer(6));
}

static void
close_envelopes(Server *server, json_t *inbox)
{
	(void) server;
	json_array_clear(json_object_get(inbox, "envelopes"));
}

static void
test_inbox_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *inbox);
		int			number;
		const char *what;
	}			cases[] = {
		{u2_without, 11, "16: a U2 without this Island"},
		{u2_small, 11, "a U2 of two"},
		{u2_stranger, 11, "a U2 that the roster does not have"},
		{close_envelopes, 12, "envelopes that do not come"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(STAGE_MASK, 5);

		lies(server, "secagg_inbox", 0, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

static void
test_slices_again(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];
	uint8_t		before[16];
	bool		idle;

	memcpy(before, host->update, sizeof(before));
	memset(host->update, 0, sizeof(before));
	server->stage = STAGE_MASK;
	host->committed = false;
	host->has_slice[0] = false;
	check(host_step(host, &idle, &err) && memcmp(before, host->update, sizeof(before)) == 0,
		  "20: slices that are lost are sent again as they were");
	remove_file(host, "masked");
	host->committed = false;
	host->has_slice[0] = false;
	check(host_step(host, &idle, &err) && memcmp(before, host->update, sizeof(before)) == 0,
		  "20: also when they must be masked again");
	remove_file(host, "masked");
	remove_file(host, "kept");
	host->committed = false;
	check(refuses(host, 13) && host->trained == 1, "20: but never out of other integers");
	server_free(server);
}

/* A server that lost an acknowledgement asks again. Other bytes it would refuse. */
static void
test_asked_again(void)
{
	Server	   *server = at(STAGE_MASK, 3);
	Host	   *host = &server->hosts[0];
	uint8_t		envelopes[sizeof(host->envelopes)];
	uint8_t		adv[FED_ADV_BYTES];

	memcpy(envelopes, host->envelopes, sizeof(envelopes));
	memcpy(adv, host->adv, sizeof(adv));
	server->stage = STAGE_ADVERTISE;
	host->advertised = false;
	check(idle_step(host) && memcmp(adv, host->adv, sizeof(adv)) == 0, "45: asked again, an Island sends the same keys");
	server->stage = STAGE_SHARE;
	host->shared = false;
	check(idle_step(host) && memcmp(envelopes, host->envelopes, sizeof(envelopes)) == 0, "45: and the same envelopes");
	server_free(server);
}

static void
test_integers_lost(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];

	new_attempt(server);
	remove_file(host, "kept");
	check(run_stage(server, &err), "another attempt is begun");
	next_stage(server);
	check(run_stage(server, &err), "and shared in");
	next_stage(server);
	/* U2 is written down before the integers are asked for; the refusal leaves the rest. */
	check(!idle_step(host) && strstr(err.message, "C13") != NULL, "integers that are lost are not made anew for another attempt");
	check(refuses(host, 13) && host->trained == 1, "nor later");
	server_free(server);
}

int
main(void)
{
	test_inbox_lies();
	test_slices_again();
	test_asked_again();
	test_integers_lost();
	return checks_done();
}
