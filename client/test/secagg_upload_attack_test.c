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
u2_twice(Server *server, json_t *inbox)
{
	(void) server;
	json_array_insert_new(json_object_get(inbox, "u2"), 0, json_integer(1));
}

static void
u2_backwards(Server *server, json_t *inbox)
{
	(void) server;
	json_object_set_new(inbox, "u2", json_pack("[i, i, i, i, i]", 5, 4, 3, 2, 1));
}

/* One more than the attempt can lose (n - t = 1). */
static void
close_two(Server *server, json_t *inbox)
{
	json_t	   *list = json_object_get(inbox, "envelopes");

	(void) server;
	json_object_set_new(json_array_get(list, 0), "envelope", json_string("00"));
	json_array_remove(list, 3);
}

/* What one owner sent, as that of another, and the other way round. */
static void
swap_owners(Server *server, json_t *inbox)
{
	json_t	   *list = json_object_get(inbox, "envelopes");
	json_t	   *first = json_incref(json_object_get(json_array_get(list, 0), "owner"));

	(void) server;
	json_object_set(json_array_get(list, 0), "owner", json_object_get(json_array_get(list, 1), "owner"));
	json_object_set_new(json_array_get(list, 1), "owner", first);
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
		{u2_twice, 11, "1: an owner twice in U2"},
		{u2_backwards, 11, "a U2 that does not ascend"},
		{close_envelopes, 12, "envelopes that do not come"},
		{close_two, 12, "two envelopes that do not open, where one can be lost"},
		{swap_owners, 12, "two envelopes under each other's name"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = at(STAGE_MASK, 5);

		lies(server, "secagg_inbox", 0, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

/* 11: M is 3 whatever the text has: with min_updates 1 and three Islands, t is 2. */
static void
test_smallest_u2(void)
{
	Server	   *server = server_new(3, false, 50);

	server->min_updates = 1;
	write_text(server);
	check(run_until(server, STAGE_SHARE, &err), "11: three advertise for a text that needs one update");
	server->hosts[2].alive = false;
	check(run_until(server, STAGE_MASK, &err) && fed_set_size(&server->u2) == 2, "11: two share");
	check(refuses(&server->hosts[0], 11) && refuses(&server->hosts[1], 11), "11: nobody masks for a sum of two");
	server_free(server);
}

/* Another U2 than the one that was written down: before the mask is made, and after. */
static void
test_inbox_again(void)
{
	Server	   *server = at(STAGE_MASK, 7);
	Host	   *host = host_of(server, 1);

	check(idle_step(host) && host->committed, "an Island uploads");
	host->committed = false;
	server->u2.bits[0] &= ~(UINT64_C(1) << 6);
	check(refuses(host, 11), "16: it is asked again, with another U2");
	server_free(server);
}

/* Another vector in the place of the integers, and a record that has it so. */
static void
exchange_integers(const Host *host)
{
	static const char digits[] = "\"digest\": \"";
	char		path[160];
	uint8_t		hash[FED_SHA256_BYTES];
	char		hex_hash[FED_SHA256_HEX + 1];
	size_t		len;
	char	   *q;
	char	   *record;
	char	   *at;

	snprintf(path, sizeof(path), "%s/%s/kept", host->root, host->server->session_id);
	q = fed_read_file(path, 1 << 24, &len, NULL);
	q[0] ^= 1;
	if (!fed_write_file(path, q, len, &err) || !fed_hash_vector((const uint8_t *) q, len, hash, NULL, &err))
		abort();
	free(q);
	fed_hex_encode(hash, sizeof(hash), hex_hash);
	snprintf(path, sizeof(path), "%s/%s/kept.json", host->root, host->server->session_id);
	record = fed_read_file(path, 1 << 20, &len, NULL);
	at = strstr(record, digits);
	if (at == NULL)
		abort();
	memcpy(at + strlen(digits), hex_hash, FED_SHA256_HEX);
	if (!fed_write_file(path, record, len, &err))
		abort();
	free(record);
}

/* C13, its other half: the integers are there, but they are others. */
static void
test_integers_exchanged(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];

	server->stage = STAGE_MASK;
	host->committed = false;
	host->has_slice[0] = false;
	remove_file(host, "masked");
	exchange_integers(host);
	check(refuses(host, 13), "20: other integers are not masked with the keys of those that were sent");
	server_free(server);
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
	check(refuses(host, 13) && host->trained == 1, "integers that are lost are not made anew for another attempt");
	check(refuses(host, 13) && host->trained == 1, "nor later");
	server_free(server);
}

/* A model comes again after another one, as after a recovery: its integers are gone, for they were never revealed. */
static void
test_model_comes_again(void)
{
	Server	   *server = at(STAGE_AGREE, 3);
	Host	   *host = &server->hosts[0];

	new_round(server);
	check(run_until(server, STAGE_AGREE, &err) && host->trained == 2, "two models in turn, and no sum of either");
	new_round(server);
	memcpy(server->model, server->other_model, 4 * server->n_values);	/* as it was first */
	check(refuses(host, 13) && host->trained == 2, "integers are not made anew for a model that comes again after another");
	server->model[0] += 1;
	check(idle_step(host), "for a third one they are");
	server_free(server);
}

int
main(void)
{
	test_inbox_lies();
	test_smallest_u2();
	test_inbox_again();
	test_integers_exchanged();
	test_slices_again();
	test_asked_again();
	test_integers_lost();
	test_model_comes_again();
	return checks_done();
}
