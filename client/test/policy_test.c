/*
 * policy_test.c
 *		Each rule of a policy forbids what it says, and nothing else.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "lib/file.h"
#include "lib/policy.h"

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
allows(const char *text, const FedTask *task, double spent, FedError *err)
{
	FedPolicy  *policy = load(text, err);
	bool		ok = policy != NULL && fed_policy_allows(policy, task, spent, err);

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

int
main(void)
{
	FedTask		task = {.participants = 3, .epsilon = -1, .workload = "digits"};
	FedTask		private = {.participants = 3, .epsilon = 0.5, .workload = "digits", .differential_privacy = true};
	FedError	err = {0};
	FedPolicy  *policy;

	check(fed_policy_allows(NULL, &task, 0, &err), "no policy allows everything");
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
	policy = load("{\"metrics\":[\"loss\"]}", &err);
	check(fed_policy_lets_out(policy, "loss") && !fed_policy_lets_out(policy, "names"), "only listed metrics leave");
	fed_policy_free(policy);
	return checks_done();
}
