/*
 * policy_test.c
 *		Each rule of a policy forbids what it says, and nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "lib/file.h"
#include "lib/journal.h"
#include "lib/policy.h"
#include "lib/secagg/fault.h"

static FedPolicy *
load(const char *text, FedError *err)
{
	char		path[] = "/tmp/fed-policy-XXXXXX";
	int			fd = mkstemp(path);
	FedPolicy  *policy;

	if (write(fd, text, strlen(text)) != (ssize_t) strlen(text))
		return NULL;
	close(fd);
	policy = fed_policy_load(path, err);
	unlink(path);
	return policy;
}

static bool
allows(const char *text, const FedTask *task, double stated, FedError *err)
{
	FedPolicy  *policy = load(text, err);
	FedSpent	spent = {.stated = stated};
	bool		ok = policy != NULL && fed_policy_allows(policy, task, &spent, err);

	fed_policy_free(policy);
	return ok;
}

static bool
refused(const char *text)
{
	FedError	err = {0};
	FedPolicy  *policy = load(text, &err);

	fed_policy_free(policy);
	return policy == NULL && err.kind == FED_ERR_USAGE;
}

/* Noise of its own an Island accounts for itself: for z = 1 and delta 1e-5, 4.3772 in one round, 6.5730 in two. */
static void
test_local(void)
{
	FedTask		local = {.participants = 3, .epsilon = 0, .workload = "digits", .differential_privacy = true,
	.local_privacy = true, .noise_multiplier = 1};
	FedTask		evaluation = local;
	FedPolicy  *policy = load("{\"lifetime_epsilon\":6.574, \"require\":[\"local_differential_privacy\"]}", NULL);
	FedPolicy  *tight = load("{\"lifetime_epsilon\":6.572}", NULL);
	FedPolicy  *careful = load("{\"lifetime_epsilon\":6.574, \"lifetime_delta\":1e-9}", NULL);
	FedSpent	spent = {.local = 1};
	FedError	err = {0};

	check(fed_policy_allows(policy, &local, &spent, &err), "a second round of local noise within the budget");
	check(!fed_policy_allows(tight, &local, &spent, &err) && err.kind == FED_ERR_POLICY &&
		  strstr(err.message, "4.37") != NULL, "and one that is not, whatever epsilon the server states");
	check(!fed_policy_allows(careful, &local, &spent, &err), "at a smaller delta it costs more");
	evaluation.evaluate_only = true;
	check(fed_policy_allows(tight, &evaluation, &spent, &err), "an evaluation spends nothing");
	spent.stated = 0.02;
	check(!fed_policy_allows(policy, &local, &spent, &err), "what was stated by servers counts beside it");
	fed_policy_free(policy);
	fed_policy_free(tight);
	fed_policy_free(careful);
}

/*
 * Noise that is added together with others goes by the Renyi divergence: for
 * delta 1e-5, the least over the orders of a S / 2 + log(1 - 1/a) - log(delta a) / (a - 1)
 * with S the sum of 1 / noise multiplier^2 is 2.16572 for S = 1/4, 3.18899 for 1/2,
 * 5.37773 for 1.25.
 */
static void
test_distributed(void)
{
	FedTask		task = {.participants = 3, .epsilon = 0, .workload = "digits", .differential_privacy = true,
	.secure_aggregation = true, .distributed_privacy = true, .noise_multiplier = 2};
	FedTask		evaluation = task;
	FedSpent	spent = {0};
	FedError	err = {0};
	FedPolicy  *one = load("{\"lifetime_epsilon\":2.1658}", &err);
	FedPolicy  *less = load("{\"lifetime_epsilon\":2.1656}", &err);
	FedPolicy  *two = load("{\"lifetime_epsilon\":3.1891}", &err);
	FedPolicy  *mixed = load("{\"lifetime_epsilon\":5.3778}", &err);
	FedPolicy  *scarce = load("{\"lifetime_epsilon\":5.3776}", &err);

	evaluation.evaluate_only = true;
	check(fed_policy_allows(one, &task, &spent, &err), "a round of distributed noise within the budget");
	check(!fed_policy_allows(less, &task, &spent, &err) && strstr(err.message, "2.16572 in this round") != NULL,
		  "and one that is not, whatever epsilon the server states");
	check(fed_policy_allows(less, &evaluation, &spent, &err), "an evaluation spends nothing");
	spent.distributed = 0.25;
	check(fed_policy_allows(two, &task, &spent, &err) && !fed_policy_allows(one, &task, &spent, &err), "a second round");
	spent.distributed = 0;
	spent.local = 1;
	check(fed_policy_allows(mixed, &task, &spent, &err) && !fed_policy_allows(scarce, &task, &spent, &err),
		  "beside noise of its own: all of it by the same figure");
	check(!allows("{\"require\":[\"local_differential_privacy\"]}", &task, 0, &err), "it is no local noise");
	check(allows("{\"require\":[\"differential_privacy\", \"secure_aggregation\"], \"min_noise_multiplier\": 2}", &task, 0, &err) &&
		  !allows("{\"min_noise_multiplier\": 2.1}", &task, 0, &err), "but noise, of its size");
	fed_policy_free(one);
	fed_policy_free(less);
	fed_policy_free(two);
	fed_policy_free(mixed);
	fed_policy_free(scarce);
}

/* How far an Island clips itself. */
static void
test_clip_norm(void)
{
	FedTask		local = {.participants = 3, .workload = "digits", .differential_privacy = true, .local_privacy = true,
	.noise_multiplier = 1, .clip_norm = 2};
	FedTask		central = {.participants = 3, .workload = "digits", .differential_privacy = true, .noise_multiplier = 1, .clip_norm = 2};
	FedTask		evaluation = local;
	FedError	err = {0};
	FedPolicy  *policy = load("{\"max_clip_norm\":1.5}", &err);

	evaluation.evaluate_only = true;
	check(allows("{\"max_clip_norm\":2}", &local, 0, &err), "a clip norm that is small enough");
	check(!allows("{\"max_clip_norm\":1.9}", &local, 0, &err) && err.kind == FED_ERR_POLICY, "and one that is not");
	check(allows("{\"max_clip_norm\":1.9}", &central, 0, &err) && allows("{\"max_clip_norm\":1.9}", &evaluation, 0, &err),
		  "where the Island clips nothing, it says nothing");
	check(fed_policy_secagg(policy)->max_clip_norm == 1.5 && fed_policy_secagg(NULL)->max_clip_norm == 0, "of masked rounds, too");
	check(refused("{\"max_clip_norm\":0}") && refused("{\"max_clip_norm\":\"1\"}"), "a clip norm must be a number above 0");
	fed_policy_free(policy);
}

/* What is in the journal is what was sent, each update once. */
static void
test_journal(void)
{
	char		path[] = "/tmp/fed-journal-XXXXXX";
	FedTask		central = {.session_id = "a", .round_id = 1, .epsilon = 0.5, .workload = "digits"};
	FedTask		local = {.session_id = "b", .round_id = 1, .epsilon = 9, .workload = "digits", .local_privacy = true, .noise_multiplier = 2};
	FedTask		distributed = {.session_id = "c", .round_id = 3, .epsilon = -1, .workload = "digits", .distributed_privacy = true,
	.noise_multiplier = 4};
	FedTask		evaluation = local;
	FedSpool	spool = {.metrics = "{}", .digest = {1}};
	FedSpent	spent;
	FedError	err = {0};
	bool		has;
	bool		ok;

	close(mkstemp(path));
	evaluation.evaluate_only = true;
	evaluation.round_id = 9;
	evaluation.epsilon = -1;
	ok = fed_journal_sending(path, "x", &central, &spool, &err) && fed_journal_sending(path, "x", &local, &spool, &err) &&
		fed_journal_sending(path, "x", &local, &spool, &err) && fed_journal_sending(path, "x", &evaluation, &spool, &err) &&
		fed_journal_spent(path, &spent, &err);
	check(ok && spent.stated == 0.5 && spent.local == 0.25 && spent.distributed == 0, "central and local noise, and an update that was sent twice");
	local.round_id = 2;
	ok = fed_journal_sending(path, "x", &local, &spool, &err) && fed_journal_spent(path, &spent, &err);
	check(ok && spent.stated == 0.5 && spent.local == 0.5, "the next round's is another");
	ok = fed_journal_sending(path, "x", &distributed, &spool, &err) && fed_journal_sending(path, "x", &distributed, &spool, &err) &&
		fed_journal_has(path, &distributed, spool.digest, &has, &err) && has && fed_journal_spent(path, &spent, &err);
	check(ok && spent.stated == 0.5 && spent.local == 0.5 && spent.distributed == 0.0625, "distributed noise, sent twice");
	spool.digest[0] = 2;
	ok = fed_journal_has(path, &distributed, spool.digest, &has, &err) && !has &&
		fed_journal_sending(path, "x", &distributed, &spool, &err) && fed_journal_spent(path, &spent, &err);
	check(ok && spent.distributed == 0.125, "another attempt of the same round costs as much again");
	distributed.evaluate_only = true;
	spool.digest[0] = 3;
	ok = fed_journal_sending(path, "x", &distributed, &spool, &err) && fed_journal_spent(path, &spent, &err);
	check(ok && spent.distributed == 0.125, "an evaluation nothing");
	unlink(path);
}

static int	directories;

static bool
count_directories(const char *place, FedError *why)
{
	(void) why;
	directories += strcmp(place, "sync directory") == 0;
	return true;
}

/* A name that is not durable takes the lines with it, and with them what was spent. */
static void
test_new_journal(void)
{
	char		dir[] = "/tmp/fed-journal-XXXXXX";
	char		path[64];
	FedTask		task = {.session_id = "a", .round_id = 1, .epsilon = 0.5, .workload = "digits"};
	FedSpool	spool = {.metrics = "{}", .digest = {1}};
	FedError	err = {0};

	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/journal", dir);
	fed_fault_hook = count_directories;
	check(fed_journal_sending(path, "x", &task, &spool, &err) && directories == 1, "a new journal's directory is synced with its first line");
	check(fed_journal_sending(path, "x", &task, &spool, &err) && directories == 1, "and then no more");
	fed_fault_hook = NULL;
	fed_remove_tree(dir);
}

/* One budget, one process that spends it. */
static void
test_hold(void)
{
	char		path[] = "/tmp/fed-journal-XXXXXX";
	FedTask		task = {.session_id = "a", .round_id = 1, .epsilon = 0.5, .workload = "digits"};
	FedSpool	spool = {.metrics = "{}", .digest = {1}};
	FedSpent	spent;
	FedError	err = {0};
	int			held;
	pid_t		child;

	close(mkstemp(path));
	child = fork();
	if (child == 0)
		_exit(fed_journal_hold(path, &err) ? 0 : 1);
	check(waitpid(child, &held, 0) == child && held == 0 && fed_journal_hold(path, &err), "a journal is free when who held it has ended");
	child = fork();
	if (child == 0)
		_exit(!fed_journal_hold(path, &err) && err.kind == FED_ERR_POLICY && strstr(err.message, path) != NULL ? 0 : 1);
	check(waitpid(child, &held, 0) == child && held == 0, "a second Island is kept from it");
	check(fed_journal_sending(path, "x", &task, &spool, &err) && fed_journal_spent(path, &spent, &err) && spent.stated == 0.5,
		  "whoever holds it writes and reads");
	unlink(path);
	check(!fed_journal_hold("/nonexistent/journal", &err) && err.kind != FED_ERR_POLICY, "one that cannot be written is not held");
}

int
main(void)
{
	FedTask		task = {.participants = 3, .epsilon = -1, .workload = "digits"};
	FedTask		private = {.participants = 3, .epsilon = 0.5, .workload = "digits", .differential_privacy = true, .noise_multiplier = 2};
	FedError	err = {0};
	FedPolicy  *policy;

	check(fed_policy_allows(NULL, &task, NULL, &err), "no policy allows everything");
	check(allows("{}", &task, 0, &err), "an empty policy allows everything");
	check(allows("{\"workloads\":[\"digits\"]}", &task, 0, &err), "a listed workload");
	check(!allows("{\"workloads\":[\"other\"]}", &task, 0, &err) && err.kind == FED_ERR_POLICY, "a workload that is not listed");
	check(allows("{\"min_cohort\":3}", &task, 0, &err), "a cohort that is large enough");
	check(!allows("{\"min_cohort\":4}", &task, 0, &err), "a cohort that is too small");
	check(!allows("{\"require\":[\"secure_aggregation\"]}", &private, 0, &err), "a protection that is missing");
	check(allows("{\"require\":[\"differential_privacy\"]}", &private, 0, &err), "a protection that is there");
	check(!allows("{\"lifetime_epsilon\":1}", &task, 0, &err), "a budget, and a task that states no epsilon");
	check(allows("{\"lifetime_epsilon\":1}", &private, 0.5, &err), "the last of the budget");
	check(!allows("{\"lifetime_epsilon\":1}", &private, 0.51, &err), "more than the budget");
	check(refused("{\"workload\":[]}") && refused("[]") && refused("{\"min_cohort\":0}") && refused("{\"require\":[\"tls\"]}"),
		  "a rule that is not understood is refused");
	check(!allows("{\"lifetime_epsilon\":1}", &private, 0.5 + 1e-9, &err), "the budget has no slack");
	check(allows("{\"min_noise_multiplier\":2}", &private, 0, &err), "as much noise as is asked for");
	check(!allows("{\"min_noise_multiplier\":2.1}", &private, 0, &err) && err.kind == FED_ERR_POLICY, "less noise than that");
	check(!allows("{\"min_noise_multiplier\":0.1}", &task, 0, &err), "no noise at all");
	check(!allows("{\"require\":[\"local_differential_privacy\"]}", &private, 0, &err), "central noise is no local noise");
	check(refused("{\"lifetime_delta\":1}") && refused("{\"lifetime_delta\":0}") && refused("{\"min_noise_multiplier\":0}") &&
		  refused("{\"min_noise_multiplier\":\"1\"}"), "numbers out of range are refused");
	test_local();
	test_distributed();
	test_new_journal();
	test_hold();
	test_clip_norm();
	test_journal();
	check(refused("{\"secagg_mode\":\"none\"}") && refused("{\"secagg_weights\":1}") && refused("{\"secagg_metrics\":\"all\"}") &&
		  refused("{\"max_reveals_per_base\":0}"), "and one of secure aggregation");
	check(!fed_policy_secagg(NULL)->active_only && !fed_policy_secagg(NULL)->hidden_weights &&
		  fed_policy_secagg(NULL)->metrics == 2 && fed_policy_secagg(NULL)->max_reveals_per_base == 0,
		  "no policy leaves secure aggregation as the session has it");
	policy = load("{\"secagg_mode\":\"active\",\"secagg_weights\":\"hidden\",\"secagg_metrics\":\"masked\",\"max_reveals_per_base\":2,"
				  "\"min_cohort\":5}", &err);
	check(policy != NULL && fed_policy_secagg(policy)->active_only && fed_policy_secagg(policy)->hidden_weights &&
		  fed_policy_secagg(policy)->metrics == 1 && fed_policy_secagg(policy)->max_reveals_per_base == 2 &&
		  fed_policy_secagg(policy)->min_cohort == 5, "a policy says how much of it is enough");
	fed_policy_free(policy);
	policy = load("{\"metrics\":[\"loss\"]}", &err);
	check(fed_policy_lets_out(policy, "loss") && !fed_policy_lets_out(policy, "names"), "only listed metrics leave");
	fed_policy_free(policy);
	return checks_done();
}
