/*
 * offer.h
 *		What a task says of its attempt at secure aggregation.
 *
 * Member "secagg" of the document of federated_next_task. Nothing here is
 * believed: the checks compare all of it with what the Island works out from
 * the task text, the model and its own memory.
 */
#ifndef FED_CLIENT_SECAGG_OFFER_H
#define FED_CLIENT_SECAGG_OFFER_H

#include <jansson.h>

#include "core/secagg/transcript.h"
#include "lib/error.h"

/* The call that this Island owes next. */
typedef enum FedDue
{
	FED_DUE_NOTHING,
	FED_DUE_ADVERTISE,
	FED_DUE_SHARE,
	FED_DUE_UPLOAD,
	FED_DUE_AGREE,
	FED_DUE_REVEAL
} FedDue;

typedef struct FedOffer
{
	int64_t		round;			/* as it is bound; of an evaluation the one after the last that trained */
	int64_t		attempt;
	FedDue		due;
	char		state[16];		/* of the attempt */
	char		mode[16];
	char		weights[16];
	char		metrics[16];
	char	   *task_text;		/* malloc'd */
	size_t		task_text_len;
	size_t		n_vectors;
	struct
	{
		int64_t		stream;
		int64_t		n_values;
		double		range;
	}			vectors[FED_SECAGG_MAX_VECTORS];
	int64_t		max_attempts;
	int64_t		min_updates;
	int64_t		aux_len;
	int64_t		slice_values;
	int64_t		Q;
	int64_t		W_cap;
	int64_t		n_cap;
	int64_t		n_max;
	double		clip;
	int64_t		noise_var;
	int64_t		aux_noise_var;
} FedOffer;

/* Reads the member. NULL, and err filled (FED_ERR_PROTOCOL), if a part is missing or of a wrong type. */
extern FedOffer *fed_offer_parse(const json_t *secagg, FedError *err);
extern void fed_offer_free(FedOffer *offer);

#endif							/* FED_CLIENT_SECAGG_OFFER_H */
