/*
 * messages.h
 *		The calls of secure aggregation, built and their answers read.
 *
 * Nothing is judged here but the form of an answer (FED_ERR_PROTOCOL).
 */
#ifndef FED_CLIENT_SECAGG_MESSAGES_H
#define FED_CLIENT_SECAGG_MESSAGES_H

#include "lib/secagg/state.h"
#include "lib/transport.h"

/* Which attempt a call speaks of. */
typedef struct FedAttemptId
{
	const char *session_id;
	uint32_t	round;
	uint32_t	attempt;
} FedAttemptId;

/* A list of a server, of indices of Islands. */
typedef struct FedIndexList
{
	size_t		n;
	int64_t		values[2 * FED_SECAGG_MAX_COHORT];
} FedIndexList;

typedef struct FedRosterMember
{
	int64_t		u;
	size_t		adv_len;
	uint8_t		adv[FED_ADV_BYTES];
	bool		has_identity;
	uint8_t		identity[FED_KEY_BYTES];
	uint8_t		signature[FED_SIGNATURE_BYTES];
} FedRosterMember;

typedef struct FedRoster
{
	size_t		n;				/* as many as the server sent; no more than 2 x 128 are read */
	FedRosterMember members[2 * FED_SECAGG_MAX_COHORT];
} FedRoster;

typedef struct FedInbox
{
	FedIndexList u2;
	size_t		n;
	struct
	{
		int64_t		owner;
		bool		whole;		/* has the length of one */
		uint8_t		envelope[FED_ENVELOPE_BYTES];
	}			envelopes[2 * FED_SECAGG_MAX_COHORT];
} FedInbox;

typedef struct FedAgreements
{
	FedIndexList u2;
	FedIndexList u3;
	size_t		n;
	struct
	{
		int64_t		u;
		uint8_t		signature[FED_SIGNATURE_BYTES];
	}			signatures[2 * FED_SECAGG_MAX_COHORT];
} FedAgreements;

/* What an update or an evaluation says of itself when it is committed. */
typedef struct FedCommitment
{
	const uint8_t *manifest;
	const uint8_t *signature;	/* NULL: semi_honest */
	int64_t		num_samples;	/* negative: not said */
	const char *metrics;		/* JSON */
} FedCommitment;

extern bool fed_send_advertise(FedTransport *t, const FedAttemptId *id, const uint8_t adv[FED_ADV_BYTES],
							   const uint8_t *identity, const uint8_t *signature, FedReply *out, FedError *err);
extern bool fed_send_share(FedTransport *t, const FedAttemptId *id, const uint8_t *envelopes, size_t len, FedReply *out,
						   FedError *err);
extern bool fed_send_aux(FedTransport *t, const FedAttemptId *id, const uint8_t *aux, size_t len, FedReply *out,
						 FedError *err);
extern bool fed_send_complaint(FedTransport *t, const FedAttemptId *id, const FedSecaggSet *owners, FedReply *out,
							   FedError *err);
extern bool fed_send_agree(FedTransport *t, const FedAttemptId *id, const uint8_t signature[FED_SIGNATURE_BYTES],
						   FedReply *out, FedError *err);
extern bool fed_send_reveal(FedTransport *t, const FedAttemptId *id, const uint8_t *reveal, size_t len, FedReply *out,
							FedError *err);

/* The manifest is the digest that the update is known by; present receives the slices that are there. */
extern bool fed_send_begin(FedTransport *t, int64_t round_id, const uint8_t manifest[FED_SHA256_BYTES], FedReply *out,
						   FedSliceSet *present, FedError *err);
extern bool fed_send_slice(FedTransport *t, int64_t update_id, uint64_t slice, const uint8_t hash[FED_SHA256_BYTES],
						   const void *data, size_t len, FedReply *out, FedError *err);
extern bool fed_send_commit(FedTransport *t, int64_t update_id, const FedCommitment *what, FedReply *out, FedError *err);
extern bool fed_send_evaluation(FedTransport *t, int64_t round_id, const FedCommitment *what, FedReply *out, FedError *err);

extern bool fed_ask_roster(FedTransport *t, const FedAttemptId *id, FedRoster *out, FedError *err);
extern bool fed_ask_inbox(FedTransport *t, const FedAttemptId *id, FedInbox *out, FedError *err);

/* Without signatures. */
extern bool fed_ask_sets(FedTransport *t, const FedAttemptId *id, FedAgreements *out, FedError *err);
extern bool fed_ask_agreements(FedTransport *t, const FedAttemptId *id, FedAgreements *out, FedError *err);

#endif							/* FED_CLIENT_SECAGG_MESSAGES_H */
