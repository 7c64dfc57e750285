/*
 * checks_roster.c
 *		C7 to C12: who else takes part, and what they sent.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/secagg/checks.h"
#include "lib/secagg/refuse.h"

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

bool
fed_check_size(const FedPlan *plan, const FedRoster *roster, const FedPolicy *policy, FedError *err)
{
	uint32_t	least = larger(larger(FED_SECAGG_MIN_COHORT, plan->min_updates), fed_policy_secagg(policy)->min_cohort);

	if (roster->n < least)
		return fed_refuse(err, 7, "the roster has %zu Islands; at least %" PRIu32 " are needed", roster->n, least);
	return (roster->n <= plan->n_max && roster->n <= FED_SECAGG_MAX_COHORT) ||
		fed_refuse(err, 7, "the roster has %zu Islands; the session has at most %" PRIu32, roster->n, plan->n_max);
}

bool
fed_check_members(const FedPlan *plan, const FedRoster *roster, const uint8_t own[FED_ADV_BYTES], uint32_t *u, FedError *err)
{
	FedSecaggAdv advs[FED_SECAGG_MAX_COHORT];
	FedSecaggError why;

	*u = 0;
	for (size_t i = 0; i < roster->n; i++)
	{
		const FedRosterMember *member = &roster->members[i];

		if (member->u != (int64_t) i + 1)
			return fed_refuse(err, 8, "the roster's indices are not 1 to n in their order");
		if (member->adv_len != FED_ADV_BYTES)
			return fed_refuse(err, 8, "the message of Island %zu has %zu bytes instead of %d", i + 1, member->adv_len, FED_ADV_BYTES);
		fed_adv_unpack(member->adv, &advs[i]);
		if (memcmp(member->adv, own, FED_ADV_BYTES) == 0)
			*u = (uint32_t) i + 1;
	}
	if (*u == 0)
		return fed_refuse(err, 8, "the roster does not have this Island's message, or has changed it");
	return fed_roster_check(advs, (uint32_t) roster->n, plan->n_max, &why) || fed_refuse_core(err, 8, &why);
}

/* Own, or pinned by the data's owner. */
static bool
is_pinned(const uint8_t *key, const FedIdentity *own, const FedTrust *trust)
{
	return memcmp(key, own->public_key, FED_KEY_BYTES) == 0 || fed_trust_has(trust, key);
}

bool
fed_check_identities(const FedRoster *roster, const uint8_t c0[FED_SHA256_BYTES], const FedIdentity *own,
					 const FedTrust *trust, FedError *err)
{
	FedSecaggError why;
	uint8_t		pid[FED_PID_BYTES];

	for (size_t i = 0; i < roster->n; i++)
	{
		const FedRosterMember *member = &roster->members[i];
		char		key[2 * FED_KEY_BYTES + 1];

		if (!member->has_identity)
			return fed_refuse(err, 9, "Island %zu has no identity or no signature", i + 1);
		if (!fed_pid_of_identity(member->identity, pid, &why))
			return fed_core_failed(err, &why);
		fed_hex_encode(member->identity, FED_KEY_BYTES, key);
		if (memcmp(pid, member->adv, FED_PID_BYTES) != 0)
			return fed_refuse(err, 9, "Island %zu goes by a name that is not that of its identity key", i + 1);
		if (!is_pinned(member->identity, own, trust))
			return fed_refuse(err, 9, "nobody has pinned the identity key of Island %zu, %s", i + 1, key);
		if (!fed_verify_adv(member->identity, c0, member->adv, member->signature, &why))
			return why.code == FED_SECAGG_FAILED ? fed_core_failed(err, &why)
				: fed_refuse(err, 9, "the signature of Island %zu (key %s) is not good for this round, task and model", i + 1, key);
	}
	return true;
}

bool
fed_check_ctx(const FedState *state, const uint8_t ctx[FED_CTX_BYTES], FedError *err)
{
	return state->progress < FED_PROGRESS_ROSTER || memcmp(state->ctx, ctx, FED_CTX_BYTES) == 0 ||
		fed_refuse(err, 10, "the roster is not the one that this attempt had before");
}

/* M: fewer updates than this are not summed. */
static uint32_t
minimum(const FedState *state)
{
	return fed_secagg_minimum(state->t, state->min_updates);
}

bool
fed_check_u2(const FedState *state, const FedIndexList *list, FedSecaggSet *u2, FedError *err)
{
	FedSecaggError why;

	if (!fed_set_from_list(u2, list->values, list->n, state->n, "U2", &why))
		return fed_refuse_core(err, 11, &why);
	if (!fed_set_has(u2, state->u))
		return fed_refuse(err, 11, "U2 does not have this Island");
	if (fed_set_size(u2) < minimum(state))
		return fed_refuse(err, 11, "U2 has %" PRIu32 " Islands; at least %" PRIu32 " are needed", fed_set_size(u2), minimum(state));
	return state->progress < FED_PROGRESS_INBOX || fed_set_equal(u2, &state->u2) ||
		fed_refuse(err, 11, "U2 is not what it was");
}

bool
fed_check_closed(const FedState *state, const FedSecaggSet *closed, FedError *err)
{
	uint32_t	n = fed_set_size(closed);

	return n <= state->n - state->t ||
		fed_refuse(err, 12, "the envelopes of %" PRIu32 " Islands do not open; the attempt can lose %" PRIu32, n,
				   state->n - state->t);
}

bool
fed_check_sets(int check, const FedState *state, const FedAgreements *given, FedSecaggSet *u3, FedError *err)
{
	FedSecaggError why;
	FedSecaggSet u2;

	if (!fed_set_from_list(&u2, given->u2.values, given->u2.n, state->n, "U2", &why) ||
		!fed_set_from_list(u3, given->u3.values, given->u3.n, state->n, "U3", &why))
		return fed_refuse_core(err, check, &why);
	if (!fed_set_equal(&u2, &state->u2))
		return fed_refuse(err, check, "U2 is not the one that was masked with");
	if (!fed_set_within(u3, &u2))
		return fed_refuse(err, check, "U3 has Islands that are not in U2");
	if (fed_set_size(u3) < minimum(state))
		return fed_refuse(err, check, "U3 has %" PRIu32 " Islands; at least %" PRIu32 " are needed", fed_set_size(u3),
						  minimum(state));
	return fed_set_has(u3, state->u) || fed_refuse(err, check, "U3 does not have this Island");
}
