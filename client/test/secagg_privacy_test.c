/*
 * secagg_privacy_test.c
 *		Noise that Islands add themselves: how it is made, and that it is made once.
 */
#include "check.h"
#include "lib/secagg/noised.h"
#include "secagg_lies.h"
#include "secagg_sum.h"

#include <math.h>

#define MANY MAX_VALUES

static float x[MANY];
static int32_t q[MANY];
static int64_t noise[MANY];

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
	return checks_done();
}
