/*
 * policy.h
 *		What the data's owner allows, whatever a server asks.
 */
#ifndef FED_CLIENT_POLICY_H
#define FED_CLIENT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/task.h"

typedef struct FedPolicy FedPolicy;

/* What all that was sent before has cost in privacy. */
typedef struct FedSpent
{
	double		stated;			/* epsilon, by the server's word: of central noise */
	double		local;			/* of noise of our own: the sum of 1 / noise multiplier^2 */
	double		distributed;	/* the same of noise that was added together with others */
} FedSpent;

/*
 * Reads a policy file. NULL, and err filled (FED_ERR_USAGE), if it cannot be
 * read, has an unknown key or a value of a wrong type: a rule that is not
 * understood must not be passed over.
 */
extern FedPolicy *fed_policy_load(const char *path, FedError *err);
extern void fed_policy_free(FedPolicy *policy);

/*
 * Whether a task may be done after all that was spent before.
 * False, and err filled (FED_ERR_POLICY), with the rule that forbids it. A NULL
 * policy allows everything.
 */
extern bool fed_policy_allows(const FedPolicy *policy, const FedTask *task, const FedSpent *spent, FedError *err);

/* The part of it that other sessions can change meanwhile: whether the lifetime budget is good for the task. */
extern bool fed_policy_affords(const FedPolicy *policy, const FedTask *task, const FedSpent *spent, FedError *err);

/* Whether a metric of this name may be sent. */
extern bool fed_policy_lets_out(const FedPolicy *policy, const char *metric);

/* What it says of sessions with secure aggregation. */
typedef struct FedSecaggPolicy
{
	bool		active_only;	/* "secagg_mode" is active */
	bool		hidden_weights; /* "secagg_weights" is hidden: sample counts are not declared */
	int			metrics;		/* the most open that "secagg_metrics" allows: 0 none, 1 masked, 2 visible */
	uint32_t	min_cohort;		/* 0: none is stated */
	uint32_t	max_reveals_per_base;	/* 0: any number */
	double		max_clip_norm;	/* 0: any */
} FedSecaggPolicy;

/* Never NULL; a NULL policy forbids nothing. */
extern const FedSecaggPolicy *fed_policy_secagg(const FedPolicy *policy);

/* Whether it limits what may be spent over all sessions. policy may be NULL. */
extern bool fed_policy_has_budget(const FedPolicy *policy);

#endif							/* FED_CLIENT_POLICY_H */
