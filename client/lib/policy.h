/*
 * policy.h
 *		What the data's owner allows, whatever a server asks.
 */
#ifndef FED_CLIENT_POLICY_H
#define FED_CLIENT_POLICY_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/task.h"

typedef struct FedPolicy FedPolicy;

/*
 * Reads a policy file. NULL, and err filled (FED_ERR_USAGE), if it cannot be
 * read, has an unknown key or a value of a wrong type: a rule that is not
 * understood must not be passed over.
 */
extern FedPolicy *fed_policy_load(const char *path, FedError *err);
extern void fed_policy_free(FedPolicy *policy);

/*
 * Whether a task may be done; spent is the epsilon of all that was sent before.
 * False, and err filled (FED_ERR_POLICY), with the rule that forbids it. A NULL
 * policy allows everything.
 */
extern bool fed_policy_allows(const FedPolicy *policy, const FedTask *task, double spent, FedError *err);

/* Whether a metric of this name may be sent. */
extern bool fed_policy_lets_out(const FedPolicy *policy, const char *metric);

/* Whether it limits what may be spent over all sessions. policy may be NULL. */
extern bool fed_policy_has_budget(const FedPolicy *policy);

#endif							/* FED_CLIENT_POLICY_H */
