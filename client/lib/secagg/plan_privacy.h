/*
 * plan_privacy.h
 *		What a task text says of noise that the Islands add themselves
 *		(distributed differential privacy).
 *
 * Grid and noise follow from the text; a server that says others is refused.
 * Only the clip norm of a round with adaptive clipping is the server's word.
 */
#ifndef FED_CLIENT_SECAGG_PLAN_PRIVACY_H
#define FED_CLIENT_SECAGG_PLAN_PRIVACY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/secagg/dp_quantiser.h"
#include "core/secagg/task_text.h"
#include "lib/error.h"

typedef struct FedPlanPrivacy
{
	bool		on;				/* all below is 0 if not */
	bool		adaptive;
	double		noise_multiplier;	/* z, of all that a round releases */
	double		clip_norm;		/* C; 0 if adaptive */
	FedDpGrid	grid;
} FedPlanPrivacy;

/* What an update is made private with; bound in c0. All 0 where Islands add no noise. */
typedef struct FedNoiseTerms
{
	double		clip;			/* C of the round */
	uint64_t	Q;				/* steps that C becomes */
	uint64_t	noise_var;		/* of each value, in squared steps */
	uint64_t	aux_noise_var;	/* 0 unless adaptive */
} FedNoiseTerms;

/*
 * C2: a text with dp_mode has exactly the keys that distributed noise needs, one
 * without has none of them; and there is a grid for its numbers.
 */
extern bool fed_plan_read_privacy(const FedTaskText *text, uint32_t min_updates, uint32_t n_max, FedPlanPrivacy *out,
								  FedError *err);

/* C3: the terms of a round; offered is the server's clip norm, which counts if clipping is adaptive. */
extern bool fed_plan_noise_terms(const FedPlanPrivacy *privacy, double offered, FedNoiseTerms *out, FedError *err);

#endif							/* FED_CLIENT_SECAGG_PLAN_PRIVACY_H */
