/*
 * secagg_privacy_test.c
 *		Noise that Islands add themselves: how it is made, that it is made once,
 *		what it costs, and a server that lies about it.
 */
#include "check.h"
#include "lib/secagg/noised.h"
#include "secagg_lies.h"
#include "secagg_sum.h"

#include <fcntl.h>
#include <math.h>

#define MANY MAX_VALUES

static float x[MANY];
static int32_t q[MANY];
static int64_t noise[MANY];

static void
complain(void)
{
	if (err.message[0] != '\0')
		printf("# %s\n", err.message);
	err = (FedError) {0};
}

/* making integers */

/* The integers of x as a file has them, with noise of this key (NULL: as in production); within as in the count. */
static bool
make_integers(size_t n, const FedNoiseTerms *terms, const uint8_t *key, bool *within)
{
	char		path[] = "/tmp/fed-noised-XXXXXX";
	int			fd = mkstemp(path);
	FedMapping	delta = {.data = (void *) x, .len = 4 * n};
	FedNoised	noised;
	bool		ok = fed_noised_begin(&noised, terms, &err);

	if (ok && key != NULL)
	{
		fed_noise_free(noised.noise);
		noised.noise = fed_noise_new(key);
	}
	ok = ok && fed_noised_write(&noised, &delta, fd, path, &err);
	ok = ok && pread(fd, q, 4 * n, 0) == (ssize_t) (4 * n);
	*within = noised.scale.within;
	fed_noised_end(&noised);
	close(fd);
	unlink(path);
	return ok;
}

/* The same without the noise, which a known key gives again. */
static bool
bare_integers(size_t n, const FedNoiseTerms *terms, bool *within)
{
	static const uint8_t key[FED_STREAM_KEY_BYTES] = {7};
	FedNoise   *again = fed_noise_new(key);
	bool		ok = make_integers(n, terms, key, within);

	for (size_t first = 0; ok && first < n; first += FED_SLICE_VALUES)
		ok = fed_noise_fill(again, noise + first, n - first < FED_SLICE_VALUES ? n - first : FED_SLICE_VALUES, terms->noise_var);
	fed_noise_free(again);
	for (size_t i = 0; ok && i < n; i++)
		q[i] = (int32_t) ((uint32_t) q[i] - (uint32_t) noise[i]);
	return ok;
}

static const FedNoiseTerms fine = {.clip = 0.5, .Q = 1 << 24, .noise_var = UINT64_C(1) << 46, .aux_noise_var = 1 << 30};

static void
test_clipping(void)
{
	bool		within;
	bool		ok = true;
	double		norm = 0;
	uint64_t	squares = 0;

	x[0] = 0.3f;
	x[1] = -0.2f;
	check(bare_integers(2, &fine, &within) && within && q[0] == 10066330 && q[1] == -6710886,
		  "an update within the clip norm is put on the grid, each value towards zero");
	x[0] = 3;
	x[1] = -4;
	check(bare_integers(2, &fine, &within) && !within && q[0] == 10066329 && q[1] == -13421772, "a longer one is as long as that");
	for (size_t i = 0; i < MANY; i++)
	{
		x[i] = (float) ((double) (i * 2654435761u % 20011) / 10005 - 1);
		norm += (double) x[i] * x[i];
	}
	norm = sqrt(norm);
	ok = bare_integers(MANY, &fine, &within) && !within;
	for (size_t i = 0; ok && i < MANY; i++)
	{
		double		exact = x[i] / norm * 0x1p24;

		squares += (uint64_t) ((int64_t) q[i] * q[i]);
		ok = abs(q[i]) <= fabs(exact) * (1 + 1e-12) && fabs(exact - q[i]) < 1 + fabs(exact) * 1e-5;
	}
	check(ok, "over slices, too");
	check(squares <= UINT64_C(1) << 48 && squares > (UINT64_C(1) << 48) * 0.9999, "the integers' norm is at most the steps, exactly");
	x[1000] = NAN;
	check(!bare_integers(MANY, &fine, &within) && err.kind == FED_ERR_TRAINER, "NaN is the trainer's fault");
	x[1000] = -INFINITY;
	check(!bare_integers(MANY, &fine, &within) && err.kind == FED_ERR_TRAINER, "and infinity");
	err = (FedError) {0};
}

/* Under keys that nobody knows, within eight standard errors: one run in 10^14 is beyond them. */
static void
test_noise(void)
{
	static int32_t before[MANY];
	double		sigma = sqrt((double) fine.noise_var);
	double		sum = 0;
	double		squares = 0;
	double		products = 0;
	bool		within;

	memset(x, 0, sizeof(x));
	check(make_integers(MANY, &fine, NULL, &within) && within, "noise alone");
	memcpy(before, q, sizeof(q));
	for (size_t i = 0; i < MANY; i++)
	{
		sum += q[i] / sigma;
		squares += q[i] / sigma * (q[i] / sigma);
	}
	check(fabs(sum) < 8 * sqrt(MANY) && fabs(squares - MANY) < 8 * sqrt(2.0 * MANY), "its mean and variance are what they should be");
	check(make_integers(MANY, &fine, NULL, &within), "again");
	for (size_t i = 0; i < MANY; i++)
		products += q[i] / sigma * (before[i] / sigma);
	check(fabs(products) < 8 * sqrt(MANY), "it has nothing to do with the noise before");
	products = 0;
	for (size_t i = 1; i < MANY; i++)
		products += q[i] / sigma * (q[i - 1] / sigma);
	check(fabs(products) < 8 * sqrt(MANY), "nor a value's with the next one's");
}

/* Mean and variance of the count's noise, over many makings of it. */
static void
test_count(void)
{
	double		sigma = sqrt((double) fine.aux_noise_var);

	for (int within = 0; within <= 1; within++)
	{
		FedNoised	noised;
		double		sum = 0;
		double		squares = 0;
		bool		ok = fed_noised_begin(&noised, &fine, &err);

		noised.scale.within = within;
		for (int i = 0; ok && i < 10000; i++)
		{
			uint32_t	aux = 0;

			ok = fed_noised_aux(&noised, &aux, &err);
			sum += ((int32_t) aux - (within ? 65536 : -65536)) / sigma;
			squares += pow(((int32_t) aux - (within ? 65536 : -65536)) / sigma, 2);
		}
		fed_noised_end(&noised);
		check(ok && fabs(sum) < 8 * sqrt(10000) && fabs(squares - 10000) < 8 * sqrt(20000),
			  within ? "a norm within the clip norm counts 2^16, noised" : "one above it -2^16");
	}
}

/* whole rounds */

/* The mean that comes out is the one of clipped updates, with the noise of all. */
static bool
mean_is_right(Server *server)
{
	FedDpGrid	grid = grid_of(server);
	double		C = server->clip;
	double		deviation = sqrt(server->n_hosts * (double) grid.noise_var) * C / (double) grid.Q / server->divisor;
	uint32_t   *sum = malloc(4 * server->n_values);
	double	   *mean = malloc(8 * server->n_values);
	uint32_t	aux[FED_MAX_AUX];
	double		expected[50] = {0};
	bool		ok = server_sum(server, sum, aux);

	for (int h = 0; h < server->n_hosts; h++)
	{
		double		norm = 0;

		for (uint64_t i = 0; i < 50; i++)
			norm += pow(update_value(&server->hosts[h], i), 2);
		for (uint64_t i = 0; i < 50; i++)
			expected[i] += update_value(&server->hosts[h], i) * fmin(1, C / sqrt(norm)) / server->divisor;
	}
	fed_dp_mean(sum, 50, C, grid.Q, server->divisor, mean);
	for (uint64_t i = 0; ok && i < 50; i++)
		ok = fabs(mean[i] - expected[i]) < 8 * deviation;
	free(sum);
	free(mean);
	return ok;
}

/* Whether each Island's count is that of its own norm: not the server's to see, but on the Islands' disks. */
static bool
counts_are_right(Server *server)
{
	double		sigma = sqrt((double) grid_of(server).aux_noise_var);
	bool		ok = true;

	for (int h = 0; ok && h < server->n_hosts; h++)
	{
		int32_t		expected = server->hosts[h].scale < 0.1 ? 65536 : -65536;
		FedKept		kept;

		ok = load_kept(&server->hosts[h], &kept) && kept.aux_len == 1 && (int32_t) kept.aux[0] != expected &&
			fabs((double) (int32_t) kept.aux[0] - expected) < 8 * sigma;
		fed_kept_close(&kept);
	}
	return ok && 8 * sigma < 65536;
}

static void
test_rounds(void)
{
	for (int adaptive = 0; adaptive <= 1; adaptive++)
	{
		Server	   *server = private_server(3, adaptive, 50);

		/* With little noise, the mean can be seen. */
		server->sigma = 0.01;
		server->divisor = 1;
		server->hosts[1].scale = 0.01;
		write_text(server);
		check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server),
			  adaptive ? "a round with adaptive clipping: the sum is that of the noised integers"
			  : "a round with a fixed clip norm: the sum is that of the noised integers");
		check(mean_is_right(server), "which is the mean of clipped updates, with noise");
		check(!adaptive || counts_are_right(server), "each with its count, noised, where one is needed");
		check(server->hosts[1].num_samples == -1 && strcmp(server->hosts[1].metrics, "{}") == 0 &&
			  server->hosts[1].aux_len == (adaptive ? 4 : 0), "nothing else is sent but the noised count, if that is needed");
		complain();
		server_free(server);
	}
}

static void
test_slices_and_metrics(void)
{
	Server	   *server = private_server(3, false, MAX_VALUES);

	server->metrics = "visible";
	write_text(server);
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "a round over two slices");
	check(strstr(server->hosts[1].metrics, "0.5") != NULL && server->hosts[1].num_samples == -1, "metrics are sent if the text says so");
	complain();
	server_free(server);
}

static void
test_retry(void)
{
	Server	   *server = private_server(3, true, 50);
	Host	   *host = &server->hosts[0];
	uint8_t		first[FED_SHA256_BYTES];
	uint8_t		second[FED_SHA256_BYTES];
	uint8_t		update[200];

	check(run_until(server, STAGE_AGREE, &err), "an attempt comes as far as the freeze");
	hash_kept(host, first);
	memcpy(update, host->update, sizeof(update));
	new_attempt(server);
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "it is given up, and the next one completes");
	hash_kept(host, second);
	check(host->trained == 1 && memcmp(first, second, sizeof(first)) == 0 && memcmp(update, host->update, sizeof(update)) != 0,
		  "with the same noised integers under other masks");
	complain();
	new_round(server);
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "and another round");
	hash_kept(host, second);
	check(host->trained == 2 && memcmp(first, second, sizeof(first)) != 0, "which has noise of its own");
	complain();
	server_free(server);
}

static int	records;

/* Dies once, when the record of what is kept is on the disk, and the state does not speak of it yet. */
static bool
die_after_record(const char *place, FedError *why)
{
	return strcmp(place, "kept.json") != 0 || ++records != 2 || fed_error_set(why, FED_ERR_STOPPED, "killed at %s", place);
}

static void
test_death_after_keeping(void)
{
	Server	   *server = private_server(3, true, 50);
	Host	   *host = &server->hosts[0];
	uint8_t		before[FED_SHA256_BYTES];
	uint8_t		after[FED_SHA256_BYTES];
	bool		idle;

	check(host_step(host, &idle, &err), "an Island has advertised");
	records = 0;
	fed_fault_hook = die_after_record;
	check(!host_step(host, &idle, &err) && err.kind == FED_ERR_STOPPED, "and dies when its integers are kept");
	fed_fault_hook = NULL;
	hash_kept(host, before);
	server->clip = 0.75;
	new_attempt(server);
	check(refuses(host, 3), "no other clip norm is then good for this model");
	server->clip = 0.5;
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "it goes on");
	hash_kept(host, after);
	check(host->trained == 1 && memcmp(before, after, sizeof(before)) == 0, "with the noise that it had drawn");
	complain();
	server_free(server);
}

static void
test_other_terms(void)
{
	Server	   *server = private_server(3, true, 50);
	Host	   *host = &server->hosts[0];
	uint8_t		before[FED_SHA256_BYTES];
	uint8_t		after[FED_SHA256_BYTES];

	check(run_until(server, STAGE_AGREE, &err), "integers are made with a clip norm");
	hash_kept(host, before);
	new_attempt(server);
	server->clip = 0.75;
	check(refuses(host, 3), "20: an attempt at the same model with another clip norm");
	hash_kept(host, after);
	check(host->trained == 1 && memcmp(before, after, sizeof(before)) == 0, "for which no other noise is drawn");
	server->clip = 0.5;
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "with the same one it completes");
	complain();
	server_free(server);
}

/* While it trains for one attempt, the next is advertised, with another clip norm. */
static void
change_attempt(Host *host)
{
	FedMemberWork work = {fetch, train, host};
	FedTask    *task = NULL;

	host->during = NULL;
	new_attempt(host->server);
	host->server->clip = 0.75;
	if (!fed_next_task(&host->t, NULL, &task, &err) || !fed_member_meanwhile(&host->member, task, &work, &err))
		complain();
	fed_task_free(task);
}

static void
test_terms_meanwhile(void)
{
	Server	   *server = private_server(3, true, 50);
	Host	   *host = &server->hosts[0];
	FedKept		kept = {0};

	host->during = change_attempt;
	check(run_stage(server, &err) && host->advertised && load_kept(host, &kept) && kept.terms.clip == 0.75,
		  "integers are made with the clip norm of the attempt in hand");
	fed_kept_close(&kept);
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server) && host->trained == 1, "and summed in it");
	complain();
	server_free(server);
}

/* a server that lies */

static void
set_number(json_t *task, const char *key, json_t *value)
{
	json_object_set_new(secagg_of(task), key, value);
}

static void
little_noise(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "noise_var", json_integer(1));
}

static void
no_noise_of_count(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "aux_noise_var", json_integer(0));
}

static void
larger_grid(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "Q", json_integer(1 << 25));
}

static void
other_range(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_array_get(json_object_get(secagg_of(task), "vectors"), 0), "R", json_real(0.75));
}

static void
other_clip(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "clip", json_real(0.75));
}

static void
no_clip(Server *server, json_t *task)
{
	other_clip(server, task);
	json_object_set_new(json_array_get(json_object_get(secagg_of(task), "vectors"), 0), "R", json_real(-1));
	set_number(task, "clip", json_real(-1));
}

static void
declared_weights(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "weights", json_string("declared"));
}

static void
count_of_updates(Server *server, json_t *task)
{
	(void) server;
	set_number(task, "aux_len", json_integer(3));
}

static void
promise_more(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_sigma", json_real(100));
}

static void
promise_none(Server *server, json_t *task)
{
	(void) server;
	json_object_del(json_object_get(task, "config"), "dp_sigma");
	json_object_del(json_object_get(task, "config"), "dp_mode");
}

static void
promise_central(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_mode", json_string("central"));
}

static void
promise_other_norm(Server *server, json_t *task)
{
	(void) server;
	json_object_set_new(json_object_get(task, "config"), "dp_clip_norm", json_real(0.25));
}

static void
promise_noise(Server *server, json_t *task)
{
	json_object_set_new(json_object_get(task, "config"), "dp_sigma", json_real(1));
	json_object_set_new(json_object_get(task, "config"), "dp_mode", json_string("distributed"));
	(void) server;
}

static void
less_divisor(Server *server, json_t *task)
{
	replace(server, task, "dp_divisor=f:4008000000000000", "dp_divisor=f:4000000000000000");
}

static void
evaluate(Server *server, json_t *task)
{
	json_object_set_new(task, "kind", json_string("evaluate"));
	json_object_set_new(task, "round", json_integer(server->total_rounds));
	set_number(task, "round", json_integer(server->total_rounds + 1));
	set_number(task, "vectors", json_array());
}

static void
test_lies(void)
{
	static const struct
	{
		void		(*change) (Server *server, json_t *task);
		bool		adaptive;
		int			number;
		const char *what;
	}			cases[] = {
		{little_noise, false, 3, "21: noise of variance 1"},
		{little_noise, true, 3, "21: the same, with adaptive clipping"},
		{no_noise_of_count, true, 3, "21: no noise in the count"},
		{larger_grid, false, 3, "21: more steps"},
		{other_range, true, 3, "21: a range that is not the clip norm"},
		{other_clip, false, 3, "21: a clip norm that is not the text's"},
		{other_clip, true, 3, "21: and one without the range"},
		{no_clip, true, 3, "21: a clip norm below 0"},
		{declared_weights, false, 3, "weights"},
		{count_of_updates, false, 3, "counts beside the sum"},
		{promise_more, false, 2, "21: a promise of more noise than the text has"},
		{promise_none, false, 2, "a task without privacy and a text with it"},
		{promise_central, false, 2, "another mode than the text's"},
		{promise_other_norm, false, 2, "another clip norm than the text's"},
		{evaluate, false, 3, "an evaluation under masks"},
		{evaluate, true, 3, "which would give the count away once more"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
	{
		Server	   *server = private_server(3, cases[i].adaptive, 50);

		lies(server, "next_task", -1, cases[i].change);
		check(refuses(&server->hosts[0], cases[i].number), cases[i].what);
		server_free(server);
	}
}

static void
test_other_lies(void)
{
	Server	   *server = server_new(3, true, 50);

	lies(server, "next_task", -1, promise_noise);
	check(refuses(&server->hosts[0], 2), "21: a promise of noise, and a text without it");
	server_free(server);
	server = private_server(3, true, 50);
	check(run_until(server, STAGE_DONE, &err), "a round completes");
	new_round(server);
	server->clip = 0.6;
	lies(server, "next_task", 0, less_divisor);
	check(refuses(&server->hosts[0], 2), "21: another divisor in the next");
	lies(server, "next_task", 1, other_clip);
	server->clip = 0.75;
	check(run_until(server, STAGE_DONE, &err) && sum_is_of_kept(server), "and another clip norm is what adaptive clipping is for");
	complain();
	server_free(server);
}

/* A victim that is told another clip norm is alone with it: nobody's signature is for its c0. */
static void
victim_clip(Server *server, json_t *task)
{
	other_clip(server, task);
	other_range(server, task);
}

static void
test_victim(void)
{
	Server	   *server = private_server(3, true, 50);

	lies(server, "next_task", 0, victim_clip);
	check(run_stage(server, &err), "10: one Island is told another clip norm");
	next_stage(server);
	check(refuses(&server->hosts[0], 9), "and finds no signature for it");
	server_free(server);
}

static void
hold_to(Host *host, FedPolicy *policy)
{
	fed_policy_free(host->policy);
	host->policy = policy;
	host->member.policy = policy;
}

static void
test_policy(void)
{
	static const struct
	{
		const char *policy;
		bool		private;
		bool		allowed;
	}			cases[] = {
		{"{\"max_clip_norm\": 0.49}", true, false},
		{"{\"max_clip_norm\": 0.5}", true, true},
		{"{\"max_clip_norm\": 0.1}", false, true},
		{"{\"min_noise_multiplier\": 1.1}", true, false},
		{"{\"min_noise_multiplier\": 1}", true, true},
		{"{\"require\": [\"local_differential_privacy\"]}", true, false},
		{"{\"require\": [\"differential_privacy\", \"secure_aggregation\"]}", true, true},
		{"{\"require\": [\"differential_privacy\"]}", false, false},
		{"{\"secagg_weights\": \"hidden\", \"secagg_metrics\": \"none\"}", true, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int adaptive = 0; adaptive <= cases[i].private; adaptive++)
		{
			Server	   *server = cases[i].private ? private_server(3, adaptive, 50) : server_new(3, true, 50);

			hold_to(&server->hosts[0], policy_of(cases[i].policy));
			check(server->hosts[0].policy != NULL &&
				  (cases[i].allowed ? idle_step(&server->hosts[0]) : refuses(&server->hosts[0], 6)), cases[i].policy);
			complain();
			server_free(server);
		}
}

/* what it costs: with noise multiplier 1 one update costs 4.72851, two 7.07739 and three 9.00996 */

static void
keep_journal(Host *host, char *path, const char *policy)
{
	snprintf(path, 96, "%s/journal", host->root);
	host->member.journal = path;
	hold_to(host, policy_of(policy));
}

static void
test_budget_of_rounds(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;

	keep_journal(host, path, "{\"lifetime_epsilon\": 7.0774}");
	check(run_until(server, STAGE_DONE, &err) && host->committed, "22: a round within the lifetime budget");
	new_round(server);
	check(run_until(server, STAGE_DONE, &err) && host->committed, "and another");
	complain();
	new_round(server);
	check(refuses(host, 6) && !host->advertised, "and one that would be too much: it does not advertise");
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 2 && spent.local == 0 && spent.stated == 0,
		  "the journal has both");
	server_free(server);
}

static void
test_budget_of_attempts(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;

	keep_journal(host, path, "{\"lifetime_epsilon\": 7.0774}");
	for (int attempt = 1; attempt <= 2; attempt++)
	{
		check(run_until(server, STAGE_AGREE, &err) && host->committed, "24: an attempt comes as far as the freeze, and is given up");
		new_attempt(server);
	}
	complain();
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 2, "each commit costs, though the integers are the same");
	check(refuses(host, 6), "24: a third attempt would be too much");
	hold_to(host, policy_of("{\"lifetime_epsilon\": 9.01}"));
	check(run_until(server, STAGE_DONE, &err) && host->committed && host->trained == 1, "with a larger budget it is done");
	complain();
	server_free(server);
}

/* An update of another session, in the journal. */
static bool
spend_elsewhere(const char *path)
{
	FedTask		other = {.session_id = "other", .round_id = 1, .workload = "digits", .epsilon = -1, .distributed_privacy = true,
	.noise_multiplier = 1};
	FedSpool	spool = {.metrics = "{}", .digest = {1}};

	return fed_journal_sending(path, "x", &other, &spool, &err);
}

static void
test_budget_at_commit(void)
{
	Server	   *server = private_server(3, false, 50);
	Host	   *host = &server->hosts[0];
	char		path[96];
	FedSpent	spent;
	bool		idle;

	keep_journal(host, path, "{\"lifetime_epsilon\": 4.7286}");
	check(run_until(server, STAGE_MASK, &err) && spend_elsewhere(path), "the budget is spent between keys and update");
	complain();
	/* U2 and the manifest are written down first; the refusal leaves the rest. */
	check(!host_step(host, &idle, &err) && strstr(err.message, "C6: ") != NULL, "22: then the update is not sent");
	check(refuses(host, 6) && !host->has_slice[0] && !host->committed, "nor any part of it");
	check(fed_journal_spent(path, &spent, &err) && spent.distributed == 1, "nor is it charged");
	hold_to(host, policy_of("{\"lifetime_epsilon\": 7.0774}"));
	check(host_step(host, &idle, &err) && host->committed, "with a larger budget it is");
	complain();
	host->committed = false;
	host->has_slice[0] = false;
	hold_to(host, policy_of("{\"lifetime_epsilon\": 1}"));
	check(host_step(host, &idle, &err) && host->committed && host->has_slice[0] && fed_journal_spent(path, &spent, &err) &&
		  spent.distributed == 2, "20: asked again for what was sent, it sends that, at no further cost");
	complain();
	server_free(server);
}

/* without masks */

static void
test_open_task(void)
{
	Server	   *server = private_server(3, false, 50);
	FedTask		task = {.secure_aggregation = true, .differential_privacy = true, .distributed_privacy = true, .noise_multiplier = 1};

	snprintf(task.session_id, sizeof(task.session_id), "%s", server->session_id);
	check(run_until(server, STAGE_MASK, &err) && !fed_member_may_be_open(&server->hosts[0].member, &task, &err) &&
		  strstr(err.message, "C1: ") != NULL, "an update without masks is refused");
	task.evaluate_only = true;
	check(!fed_member_may_be_open(&server->hosts[0].member, &task, &err), "and metrics, where there are none");
	server_free(server);
	server = private_server(3, false, 50);
	server->metrics = "visible";
	write_text(server);
	check(run_until(server, STAGE_MASK, &err) && fed_member_may_be_open(&server->hosts[0].member, &task, &err),
		  "but not metrics that are visible by the text");
	server_free(server);
}

int
main(void)
{
	test_clipping();
	test_noise();
	test_count();
	test_rounds();
	test_slices_and_metrics();
	test_retry();
	test_death_after_keeping();
	test_other_terms();
	test_terms_meanwhile();
	test_lies();
	test_other_lies();
	test_victim();
	test_policy();
	test_budget_of_rounds();
	test_budget_of_attempts();
	test_budget_at_commit();
	test_open_task();
	return checks_done();
}
