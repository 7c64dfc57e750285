/*
 * checks_reveal.c
 *		C15 to C20: before an Island signs, and before it gives shares away.
 */
#include <inttypes.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/secagg/checks.h"
#include "lib/secagg/refuse.h"

bool
fed_check_signed(const FedState *state, const FedSecaggSet *u3, FedError *err)
{
	return state->progress < FED_PROGRESS_AGREED || fed_set_equal(u3, &state->u3) ||
		fed_refuse(err, 15, "this Island has already signed another U3 for this attempt");
}

bool
fed_check_current(const FedState *state, uint32_t round, uint32_t attempt, FedError *err)
{
	if (state->round == 0)
		return fed_refuse(err, 19, "there is no state of this session");
	if (state->round != round || state->attempt != attempt)
		return fed_refuse(err, 16, "round %" PRIu32 ", attempt %" PRIu32 " is not the one in hand, %" PRIu32 ", %" PRIu32, round,
						  attempt, state->round, state->attempt);
	return state->progress >= FED_PROGRESS_ADVERTISED ||
		fed_refuse(err, 19, "the state of round %" PRIu32 ", attempt %" PRIu32 " is lost, or was given up", round, attempt);
}

bool
fed_check_signatures(const FedState *state, const FedAgreements *given, const uint8_t sets[FED_SHA256_BYTES],
					 const FedSecaggSet *u3, const FedIdentity *own, const FedTrust *trust, FedError *err)
{
	FedSecaggSet valid = {{0, 0}};

	for (size_t i = 0; i < given->n; i++)
	{
		int64_t		u = given->signatures[i].u;
		const uint8_t *key;

		if (u < 1 || u > (int64_t) state->n || !fed_set_has(u3, (uint32_t) u))
			continue;
		key = state->identities[u - 1];
		if ((memcmp(key, own->public_key, FED_KEY_BYTES) == 0 || fed_trust_has(trust, key)) &&
			fed_verify_agree(key, sets, given->signatures[i].signature, NULL))
			fed_set_add(&valid, (uint32_t) u);
	}
	return fed_set_size(&valid) >= state->t ||
		fed_refuse(err, 17, "%" PRIu32 " members of U3 have signed these sets; %" PRIu32 " are needed", fed_set_size(&valid),
				   state->t);
}

bool
fed_check_reveal(const char *root, const FedState *state, const uint8_t sets[FED_SHA256_BYTES], const FedSecaggSet *u3,
				 const FedPolicy *policy, FedError *err)
{
	uint32_t	most = fed_policy_secagg(policy)->max_reveals_per_base;
	FedRevealed found;

	if (state->progress >= FED_PROGRESS_REVEALED && !fed_set_equal(u3, &state->u3))
		return fed_refuse(err, 18, "this Island has already revealed for another U3 of this attempt");
	if (!fed_revealed_find(root, state->session_id, state->round, state->base, state->ctx, sets, &found, err))
		return false;
	if (found.other)
		return fed_refuse(err, 18, "this Island has already revealed for this session and round or model");
	/* Another session may have been answered since this one was advertised in. */
	return most == 0 || found.same || found.of_base < most ||
		fed_refuse(err, 5, "this Island has revealed %" PRIu32 " times for this model; the policy allows %" PRIu32,
				   found.of_base, most);
}

bool
fed_check_kinds(const FedState *state, const FedSecaggSet *u3, const uint8_t *reveal, size_t len, FedError *err)
{
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	size_t		count;
	FedSecaggError why;
	bool		ok = fed_reveal_parse(reveal, len, state->u, state->n, entries, &count, &why) &&
		fed_reveal_check(entries, count, &state->u2, u3, &state->closed, &why);

	OPENSSL_cleanse(entries, sizeof(entries));
	return ok || fed_refuse_core(err, 20, &why);
}
