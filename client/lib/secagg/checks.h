/*
 * checks.h
 *		What an Island refuses, whatever a server says.
 *
 * Each check has its number, and refuses with it (refuse.h). None of them sends
 * or writes anything. C2 is plan.h, C13 is in member_upload.c, C19 in state.h
 * and revealed.h; the others are here, in the order in which an attempt meets
 * them.
 */
#ifndef FED_CLIENT_SECAGG_CHECKS_H
#define FED_CLIENT_SECAGG_CHECKS_H

#include "lib/manifest.h"
#include "lib/policy.h"
#include "lib/secagg/kept.h"
#include "lib/secagg/identity.h"
#include "lib/secagg/messages.h"
#include "lib/secagg/offer.h"
#include "lib/secagg/plan.h"
#include "lib/secagg/revealed.h"
#include "lib/secagg/state.h"
#include "lib/secagg/trust.h"

/* Before advertising. */

/* C1: semi_honest though there is an identity or the policy asks for active; active without an identity. */
extern bool fed_check_mode(const FedPlan *plan, bool has_identity, const FedPolicy *policy, FedError *err);

/* C2, of a text that could be read: it differs from that of earlier rounds, or from what the task says beside it. */
extern bool fed_check_text(const FedPlan *plan, const FedState *state, const FedTask *task, FedError *err);

/* C3: what the server offers is not what the text, the model and this program make of it. */
extern bool fed_check_params(const FedPlan *plan, const FedOffer *offer, const FedSecaggParams *own, FedError *err);

/* C3: the model's tensors are not those of the text. */
extern bool fed_check_manifest(const FedPlan *plan, const FedManifest *manifest, FedError *err);

/* C4: a round or attempt that is too high, that is over, or that was seen and cannot be resumed. */
extern bool fed_check_order(const FedPlan *plan, const FedState *state, uint32_t round, uint32_t attempt, bool evaluation,
							FedError *err);

/* C5: it has revealed for this round or base, or for the base in as many sessions as the policy allows. */
extern bool fed_check_not_revealed(const char *root, const FedSecaggParams *params, const char *session_id,
								   const FedPolicy *policy, FedError *err);

/*
 * Integers are made once for a model: C3 if those that are kept were made with
 * another clip norm or other noise, C13 if they are gone, C19 if that cannot be told.
 */
extern bool fed_check_kept(const char *dir, const uint8_t base[FED_SHA256_BYTES], const FedNoiseTerms *terms, FedError *err);

/* C6: what the policy says of cohort, weights, metrics and the round's clip norm. */
extern bool fed_check_policy(const FedPlan *plan, const FedNoiseTerms *terms, const FedPolicy *policy, FedError *err);

/* C6: what the policy says of any task, after all that was spent before; the task's numbers are the text's by C2. */
extern bool fed_check_allowed(const FedTask *task, const char *journal, const FedPolicy *policy, FedError *err);

/* C6 again, before an update: what other sessions have spent meanwhile. */
extern bool fed_check_budget(const FedTask *task, const char *journal, const FedPolicy *policy, FedError *err);

/* On the roster. */

/* C7: too few or too many members. */
extern bool fed_check_size(const FedPlan *plan, const FedRoster *roster, const FedPolicy *policy, FedError *err);

/* C8: form, order, keys; own entry. *u becomes the own index. */
extern bool fed_check_members(const FedPlan *plan, const FedRoster *roster, const uint8_t own[FED_ADV_BYTES], uint32_t *u,
							  FedError *err);

/* C9, in active mode: every member's key is pinned (own or trusted), and signs for the own c0. */
extern bool fed_check_identities(const FedRoster *roster, const uint8_t c0[FED_SHA256_BYTES], const FedIdentity *own,
								 const FedTrust *trust, FedError *err);

/* C10: another ctx than the one that the attempt has. */
extern bool fed_check_ctx(const FedState *state, const uint8_t ctx[FED_CTX_BYTES], FedError *err);

/* On the inbox. */

/* C11: U2 without self, too small, not of the roster, or not the one seen first. */
extern bool fed_check_u2(const FedState *state, const FedIndexList *list, FedSecaggSet *u2, FedError *err);

/* C12: more envelopes that do not open than the attempt can lose. */
extern bool fed_check_closed(const FedState *state, const FedSecaggSet *closed, FedError *err);

/* On the sets. */

/* C14 (check = 14), and again before revealing (16): U2 and U3 as they must be. */
extern bool fed_check_sets(int check, const FedState *state, const FedAgreements *given, FedSecaggSet *u3, FedError *err);

/* C15: other sets were signed for this ctx. */
extern bool fed_check_signed(const FedState *state, const FedSecaggSet *u3, FedError *err);

/* Before revealing. */

/* C16: the attempt is not the one in hand; C19, if none is. */
extern bool fed_check_current(const FedState *state, uint32_t round, uint32_t attempt, FedError *err);

/* C17, in active mode: t valid signatures over the own sets, by distinct members of U3 whose keys are pinned. */
extern bool fed_check_signatures(const FedState *state, const FedAgreements *given, const uint8_t sets[FED_SHA256_BYTES],
								 const FedSecaggSet *u3, const FedIdentity *own, const FedTrust *trust, FedError *err);

/* C18: anything else was revealed for this ctx, round or base. C5 once more: nor may the policy's number be passed. */
extern bool fed_check_reveal(const char *root, const FedState *state, const uint8_t sets[FED_SHA256_BYTES],
							 const FedSecaggSet *u3, const FedPolicy *policy, FedError *err);

/* C20: one kind per owner, by the sets; none for envelopes that do not open. */
extern bool fed_check_kinds(const FedState *state, const FedSecaggSet *u3, const uint8_t *reveal, size_t len, FedError *err);

#endif							/* FED_CLIENT_SECAGG_CHECKS_H */
