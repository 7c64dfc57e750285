/*
 * member.h
 *		An Island in sessions with secure aggregation: what is due, it does.
 *
 * The protocol is the double masking of Bonawitz et al. (2017) on the complete
 * graph. Every step checks (checks.h), writes what it must not forget (state.h),
 * and only then sends. Each may be repeated, also by another process after a
 * crash: the same bytes are sent again, or nothing.
 */
#ifndef FED_CLIENT_SECAGG_MEMBER_H
#define FED_CLIENT_SECAGG_MEMBER_H

#include "lib/manifest.h"
#include "lib/policy.h"
#include "lib/secagg/identity.h"
#include "lib/secagg/kept.h"
#include "lib/secagg/trust.h"
#include "lib/transport.h"

typedef struct FedMember
{
	FedTransport *t;
	const char *host_id;
	const char *root;			/* what it must not forget */
	const char *journal;		/* or NULL */
	const FedIdentity *identity;	/* or NULL: it has none */
	const FedTrust *trust;		/* or NULL: nobody is pinned */
	const FedPolicy *policy;	/* or NULL */
} FedMember;

/* What the program around a member does for it. */
typedef struct FedMemberWork
{
	/*
	 * Has the model of the task ready: gives the hash of the values that will be
	 * trained on (base), and what the server says of its tensors.
	 */
	bool		(*fetch) (void *arg, const FedTask *task, uint8_t base[FED_SHA256_BYTES],
						  FedManifest **manifest, FedError *err);

	/*
	 * Trains, or evaluates, with this task for the trainer. What out points to
	 * must stay until the next call. Meanwhile it may call fed_member_meanwhile.
	 */
	bool		(*train) (void *arg, const FedTask *task, const char *trainer_task, FedOutcome *out, FedError *err);
	void	   *arg;
} FedMemberWork;

/*
 * Does the next thing that a task with secure aggregation (task->secagg) asks
 * for. *idle: there was nothing to do but wait. False, and err filled, if it
 * could not, or, with FED_ERR_POLICY, if a check refuses.
 */
extern bool fed_member_do(FedMember *m, const FedTask *task, const FedMemberWork *work, bool *idle, FedError *err);

/*
 * While the trainer runs, whose model has this base: sends keys and shares when
 * they are due. Nothing else can be.
 */
extern bool fed_member_meanwhile(FedMember *m, const FedTask *task, const FedMemberWork *work, FedError *err);

/* Whether an attempt has not got so far that training could wait: then a look at the task now and then helps all. */
extern bool fed_member_is_early(const FedTask *task);

/*
 * Whether a task that comes without an attempt may be done in the open. In a
 * session with secure aggregation, or one that had it when an earlier task came,
 * only evaluations may, where the task text said that metrics are visible. False,
 * and err filled (FED_ERR_POLICY), if not.
 */
extern bool fed_member_may_be_open(FedMember *m, const FedTask *task, FedError *err);

/*
 * For when there is nothing to do: gives up, durably, keys, shares and integers
 * of attempts whose round or session is over. What cannot be found out now is
 * left for the next time.
 */
extern void fed_member_tidy(FedMember *m);

#endif							/* FED_CLIENT_SECAGG_MEMBER_H */
