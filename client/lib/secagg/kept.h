/*
 * kept.h
 *		The plain integers of a round, before they are masked.
 *
 * Made once for a session and base model, kept on the Island's disk, and masked
 * anew in each attempt. They never leave as they are.
 */
#ifndef FED_CLIENT_SECAGG_KEPT_H
#define FED_CLIENT_SECAGG_KEPT_H

#include "lib/file.h"
#include "lib/secagg/plan.h"

typedef struct FedKept
{
	int64_t		num_samples;
	char	   *metrics;		/* JSON: what travels openly */
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
 * Quantises an outcome and keeps it, for this base. FED_ERR_TRAINER for NaN and
 * infinity. dir is the session's.
 */
extern bool fed_kept_make(const char *dir, const FedPlan *plan, const uint8_t base[FED_SHA256_BYTES],
						  const FedOutcome *outcome, FedError *err);

/* What is kept for this base; false, without an error, if nothing is, or it is damaged. */
extern bool fed_kept_load(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedKept *out);
extern void fed_kept_close(FedKept *kept);

/* Removes what is kept. */
extern void fed_kept_drop(const char *dir);

#endif							/* FED_CLIENT_SECAGG_KEPT_H */
