/*
 * settings.c
 *		The federated.* configuration parameters, in alphabetical order.
 *
 * All are defined at load, preloaded or not, and none is PGC_POSTMASTER: the
 * library must load harmlessly into a session of a server that does not
 * preload it. README documents each; the regression test "settings" holds
 * name, unit, default and range to what is written there.
 */
#include "postgres.h"

#include <limits.h>

#include "base/compat.h"
#include "base/settings.h"
#include "core/kernels/kernels.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

int			fed_setting_aggregation_chunk = 64;
int			fed_setting_aggregator_workers = 0;
int			fed_setting_credit_limit = -1;
char	   *fed_setting_databases = NULL;
bool		fed_setting_failover_keeps_books = false;
char	   *fed_setting_dp_test_seed = NULL;
int			fed_setting_island_timeout = 60;
int			fed_setting_max_storage = 0;
int			fed_setting_request_timeout = 60;
char	   *fed_setting_tablespace = NULL;
int			fed_setting_update_durability = FED_UPDATES_LOGGED;
bool		fed_setting_webhook_allow_http = false;
bool		fed_setting_webhook_allow_private = false;
char	   *fed_setting_webhook_ca_file = NULL;
int			fed_setting_webhook_connections = 64;
int			fed_setting_webhook_limit = 100;
int			fed_setting_webhook_max_attempts = 12;
int			fed_setting_webhook_receiver_connections = 8;
int			fed_setting_webhook_retention = 7 * 86400;
int			fed_setting_webhook_retry_delay = 10000;
int			fed_setting_webhook_timeout = 10000;
bool		fed_setting_webhooks = true;
bool		fed_setting_worker = true;
int			fed_setting_worker_interval = 5000;

static int	setting_simd = -1;

#define SIMD_AUTO (-1)

static const struct config_enum_entry simd_options[] = {
	{"auto", SIMD_AUTO, false},
	{"scalar", FED_SIMD_SCALAR, false},
	{"avx2", FED_SIMD_AVX2, false},
	{"avx512", FED_SIMD_AVX512, false},
	{"neon", FED_SIMD_NEON, false},
	{NULL, 0, false}
};

static const struct config_enum_entry durability_options[] = {
	{"logged", FED_UPDATES_LOGGED, false},
	{"unlogged", FED_UPDATES_UNLOGGED, false},
	{NULL, 0, false}
};

PG_FUNCTION_INFO_V1(federated_setting);

/* Refuse a level that this build or this processor does not have. */
static bool
check_simd(int *newval, void **extra, GucSource source)
{
	if (*newval == SIMD_AUTO || fed_kernels_supported((FedSimdLevel) *newval))
		return true;

	GUC_check_errdetail("This processor or build does not support \"%s\".",
						fed_simd_level_name((FedSimdLevel) *newval));
	return false;
}

static void
assign_simd(int newval, void *extra)
{
	if (newval == SIMD_AUTO)
		fed_kernels_select_best();
	else
		(void) fed_kernels_select((FedSimdLevel) newval);
}

/* Settings that say how numbers are computed, where they are stored and how they are asked for. */
static void
define_data_settings(void)
{
	DefineCustomIntVariable("federated.aggregation_chunk",
							"Slices that one aggregation transaction writes.",
							"A slice is 262,080 parameters. Smaller chunks commit progress more often.",
							&fed_setting_aggregation_chunk,
							64, 1, 4096,
							PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.credit_limit",
							"Credits by which an account may be below zero when a session is started.",
							"-1 means no limit.",
							&fed_setting_credit_limit,
							-1, -1, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("federated.failover_keeps_books",
							 "Private sessions go on after a failover or a recovery.",
							 "The operator's word that nothing committed is ever lost: standbys are synchronous, restores complete. When off, they wait until an administrator has charged what may have been lost.",
							 &fed_setting_failover_keeps_books,
							 false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("federated.dp_test_seed",
							   "Seed that makes the noise of differential privacy reproducible, for tests.",
							   "Whoever knows it can subtract the noise: with it, nobody's privacy is protected.",
							   &fed_setting_dp_test_seed,
							   "",
							   PGC_SUSET, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.max_storage",
							"Most disk space that model versions and updates may take in a database.",
							"Zero means no limit.",
							&fed_setting_max_storage,
							0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.request_timeout",
							"Longest time that the database works on one HTTP request.",
							"Zero means no limit.",
							&fed_setting_request_timeout,
							60, 0, 86400,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomEnumVariable("federated.simd",
							 "Instruction set of the numeric kernels.",
							 "Every level computes the same bits; a fixed one is for tests.",
							 &setting_simd,
							 SIMD_AUTO, simd_options,
							 PGC_SUSET, 0, check_simd, assign_simd, NULL);

	DefineCustomStringVariable("federated.tablespace",
							   "Tablespace of the tables that hold parameters.",
							   "Empty means the database's default.",
							   &fed_setting_tablespace,
							   "",
							   PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable("federated.update_durability",
							 "Whether updates of an open round are written to the WAL.",
							 "After a crash, unlogged updates are marked lost and collected again.",
							 &fed_setting_update_durability,
							 FED_UPDATES_LOGGED, durability_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

/* Settings of the processes that drive sessions. */
static void
define_worker_settings(void)
{
	DefineCustomIntVariable("federated.aggregator_workers",
							"Processes that aggregate a large model together, the worker among them.",
							"Zero means as many as there are cores, within a quarter of max_worker_processes.",
							&fed_setting_aggregator_workers,
							0, 0, 64,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("federated.databases",
							   "Databases whose sessions are driven.",
							   "A comma-separated list; empty means every database that has the extension.",
							   &fed_setting_databases,
							   "",
							   PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.island_timeout",
							"How long an Island counts as reachable after it was last heard from.",
							NULL,
							&fed_setting_island_timeout,
							60, 1, 86400,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomBoolVariable("federated.worker",
							 "Drive sessions automatically.",
							 "When off, sessions move only by calls of federated.advance().",
							 &fed_setting_worker,
							 true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.worker_interval",
							"Longest sleep of the worker while a session is active.",
							NULL,
							&fed_setting_worker_interval,
							5000, 100, 60000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* Settings of webhooks: to whom requests may go. */
static void
define_receiver_settings(void)
{
	DefineCustomBoolVariable("federated.webhook_allow_http",
							 "Let webhooks go over HTTP without TLS.",
							 NULL,
							 &fed_setting_webhook_allow_http,
							 false,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomBoolVariable("federated.webhook_allow_private",
							 "Let webhooks go to addresses that are not public.",
							 "Loopback, private, link-local and the like; users could reach what only this machine may.",
							 &fed_setting_webhook_allow_private,
							 false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("federated.webhook_ca_file",
							   "File with the certificates of authorities that receivers' certificates must come from.",
							   "Empty means those of the system.",
							   &fed_setting_webhook_ca_file,
							   "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_limit",
							"Subscriptions to events that one owner may have.",
							NULL,
							&fed_setting_webhook_limit,
							100, 0, 10000,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

/* Settings of webhooks: how requests are made. */
static void
define_delivery_settings(void)
{
	DefineCustomBoolVariable("federated.webhooks",
							 "Send events to their subscribers.",
							 "When off, they wait.",
							 &fed_setting_webhooks,
							 true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_connections",
							"Webhook requests of a database that are under way at a time.",
							NULL,
							&fed_setting_webhook_connections,
							64, 1, 256,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_max_attempts",
							"Attempts after which a delivery is given up.",
							NULL,
							&fed_setting_webhook_max_attempts,
							12, 1, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_receiver_connections",
							"Webhook requests to one receiver that are under way at a time.",
							NULL,
							&fed_setting_webhook_receiver_connections,
							8, 1, 100,
							PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_retention",
							"How long deliveries that have arrived are kept.",
							NULL,
							&fed_setting_webhook_retention,
							7 * 86400, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_retry_delay",
							"Delay before the second attempt; it doubles with each further one.",
							NULL,
							&fed_setting_webhook_retry_delay,
							10000, 10, 3600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("federated.webhook_timeout",
							"Longest time that one webhook request may take.",
							NULL,
							&fed_setting_webhook_timeout,
							10000, 100, 300000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* fed_settings_define registers every parameter; called once, from _PG_init. */
void
fed_settings_define(void)
{
	define_data_settings();
	define_worker_settings();
	define_receiver_settings();
	define_delivery_settings();
	MarkGUCPrefixReserved("federated");
}

/*
 * federated.setting(name text) returns text
 *
 * The value in the parameter's base unit. Unlike current_setting() it works in
 * a session that has not loaded the library yet, since calling it does so.
 */
Datum
federated_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *value = GetConfigOption(psprintf("federated.%s", name), false, false);

	PG_RETURN_TEXT_P(cstring_to_text(value ? value : ""));
}
