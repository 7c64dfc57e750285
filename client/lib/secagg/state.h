/*
 * state.h
 *		What an Island must not forget of a session with secure aggregation.
 *
 * One directory per session below the Island's state directory, with
 *
 *	state	the session's memory and the attempt in hand: keys' public halves,
 *			roster, sets, envelopes (sealed), the reveal. Written whole, by way of
 *			a temporary file and fsync, before the message that depends on it is
 *			sent.
 *	secrets	the attempt's keys, coefficients and nonces, written once. Overwritten
 *			in place, synced and removed when the attempt is superseded or over.
 *	masked	the update as it is sent; the same bytes whenever they are asked for.
 *	kept	the plain integers (kept.h).
 *	made	for which models there were any (made.h).
 *
 * A state that cannot be read is never replaced by a new one: check C19 refuses
 * the session until a person removes it.
 */
#ifndef FED_CLIENT_SECAGG_STATE_H
#define FED_CLIENT_SECAGG_STATE_H

#include "core/secagg/envelope.h"
#include "core/secagg/reveal.h"
#include "core/secagg/transcript.h"
#include "lib/error.h"
#include "lib/secagg/plan.h"
#include "lib/task.h"

/* How far the attempt has come; each includes those before. */
typedef enum FedProgress
{
	FED_PROGRESS_NONE,			/* none in hand, or it was given up */
	FED_PROGRESS_ADVERTISED,	/* keys are made */
	FED_PROGRESS_ROSTER,		/* ctx is known */
	FED_PROGRESS_INBOX,			/* U2 is known */
	FED_PROGRESS_MASKED,		/* the manifest is known */
	FED_PROGRESS_AGREED,		/* the sets are known, and signed if the mode is active */
	FED_PROGRESS_REVEALED		/* the reveal is made */
} FedProgress;

typedef struct FedState
{
	/* of the session */
	char		session_id[FED_SESSION_ID_LEN + 1];
	bool		has_task;
	uint8_t		task[FED_SHA256_BYTES]; /* of the task text seen first */
	uint32_t	round;			/* the last one seen, with its attempt; 0: none */
	uint32_t	attempt;
	FedMetricsMode metrics;

	/* of the attempt */
	FedProgress progress;
	FedSecaggMode mode;
	uint32_t	min_updates;
	FedNoiseTerms terms;		/* of integers that are made while it is in hand */
	uint8_t		base[FED_SHA256_BYTES];
	uint8_t		c0[FED_SHA256_BYTES];
	uint8_t		own[FED_ADV_BYTES];
	uint32_t	n;
	uint32_t	t;
	uint32_t	u;
	uint8_t		ctx[FED_CTX_BYTES];
	uint8_t		advs[FED_SECAGG_MAX_COHORT][FED_ADV_BYTES]; /* of u at [u - 1], as all of these */
	uint8_t		identities[FED_SECAGG_MAX_COHORT][FED_KEY_BYTES];
	FedSecaggSet u2;
	FedSecaggSet closed;		/* owners whose envelopes do not open */
	uint8_t		envelopes[FED_SECAGG_MAX_COHORT][FED_ENVELOPE_BYTES];
	uint8_t		manifest[FED_SHA256_BYTES];
	uint32_t	aux_len;		/* bytes of masked aux values */
	uint8_t		aux[4 * FED_MAX_AUX];
	FedSecaggSet u3;
	uint32_t	reveal_len;
	uint8_t		reveal[FED_SECAGG_MAX_COHORT * FED_REVEAL_BYTES];
} FedState;

/* What must never leave, of one attempt. */
typedef struct FedSecrets
{
	uint8_t		c_sk[FED_KEY_BYTES];
	uint8_t		m_sk[FED_KEY_BYTES];
	uint8_t		b[FED_KEY_BYTES];
	FedShare	sk_coefficients[FED_SECAGG_MAX_COHORT - 1];
	FedShare	b_coefficients[FED_SECAGG_MAX_COHORT - 1];
	uint8_t		nonces[FED_SECAGG_MAX_COHORT][FED_NONCE_BYTES]; /* of the envelope to v at [v - 1] */
} FedSecrets;

/* root/SESSION, created if it is not there; malloc'd. */
extern char *fed_state_dir(const char *root, const char *session_id, FedError *err);

/* Reads the state, or gives an empty one if there is none. C19 if it is there and cannot be read. */
extern bool fed_state_load(const char *dir, const char *session_id, FedState *out, FedError *err);
extern bool fed_state_save(const char *dir, const FedState *state, FedError *err);

/* Fresh secrets; then, synced, on the disk. */
extern bool fed_secrets_make(FedSecrets *out, FedError *err);
extern bool fed_secrets_save(const char *dir, const FedSecrets *secrets, FedError *err);

/* C19 if they are lost, or not whole. The caller wipes them. */
extern bool fed_secrets_load(const char *dir, FedSecrets *out, FedError *err);
extern void fed_secrets_wipe(FedSecrets *secrets);

/* Durably no more. Missing is fine. */
extern bool fed_secrets_erase(const char *dir, FedError *err);

/* Gives the attempt up: secrets and masked update erased, then the state saved without it. The session's memory stays. */
extern bool fed_state_drop_attempt(const char *dir, FedState *state, FedError *err);

/* Where the masked update is. malloc'd. */
extern char *fed_masked_path(const char *dir);

#endif							/* FED_CLIENT_SECAGG_STATE_H */
