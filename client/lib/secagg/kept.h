/*
 * kept.h
 *		The plain integers of a round, before they are masked.
 *
 * Made once for a session and base model, kept on the Island's disk, and masked
 * anew in each attempt. They never leave as they are. Where Islands add noise it
 * is in them, once for all attempts.
 */
#ifndef FED_CLIENT_SECAGG_KEPT_H
#define FED_CLIENT_SECAGG_KEPT_H

#include "lib/file.h"
#include "lib/secagg/plan.h"

typedef struct FedKept
{
	int64_t		num_samples;
	char	   *metrics;		/* JSON: what travels openly */
	FedNoiseTerms terms;		/* with which they were made */
	uint32_t	aux_len;		/* values */
	uint32_t	aux[FED_MAX_AUX];
	FedMapping	q;				/* uint32 values, least significant byte first; empty for an evaluation */
} FedKept;

/* What a trainer has made. */
typedef struct FedOutcome
{
	const char *delta_path;		/* float32 values as on the wire; NULL: an evaluation */
	int64_t		num_samples;
	const char *metrics;		/* JSON {"evaluation": …, "training": …} of what may leave */
} FedOutcome;

/*
 * Quantises an outcome and keeps it, for this base; by the terms if the plan has
 * Islands add noise. FED_ERR_TRAINER for NaN and infinity. dir is the session's.
 */
extern bool fed_kept_make(const char *dir, const FedPlan *plan, const FedNoiseTerms *terms,
						  const uint8_t base[FED_SHA256_BYTES], const FedOutcome *outcome, FedError *err);

/* The terms of what is kept for this base, without a look at the integers; false, without an error, if nothing is. */
extern bool fed_kept_terms(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedNoiseTerms *out);

/* What is kept for this base; false, without an error, if nothing is, or it is damaged. */
extern bool fed_kept_load(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedKept *out);
extern void fed_kept_close(FedKept *kept);

/* Removes what is kept. */
extern void fed_kept_drop(const char *dir);

#endif							/* FED_CLIENT_SECAGG_KEPT_H */
