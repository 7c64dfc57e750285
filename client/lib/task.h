/*
 * task.h
 *		What the server asks an Island to do in a round.
 *
 * Parsed from the document federated_next_task gives. The document itself is
 * kept too: the trainer gets it as it came, unknown keys included.
 */
#ifndef FED_CLIENT_TASK_H
#define FED_CLIENT_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/digest.h"
#include "core/encoding/encoding.h"
#include "lib/error.h"
#include "lib/secagg/offer.h"

#define FED_SESSION_ID_LEN 36

typedef struct FedTask
{
	int64_t		round_id;
	char		session_id[FED_SESSION_ID_LEN + 1]; /* hex digits and "-" */
	char		session[128];	/* its name, for messages */
	int64_t		round;
	int64_t		total_rounds;
	bool		evaluate_only;	/* kind "evaluate" */
	char		workload[256];
	int64_t		version_id;
	uint64_t	parameters;		/* float32 values in the vector */
	uint8_t		model_digest[FED_SHA256_BYTES];
	int64_t		participants;
	double		epsilon;		/* of this round; negative: not stated */
	FedEncoding update_encoding;	/* that the session asks for */
	FedEncoding download_encoding;
	bool		secure_aggregation; /* by the config */
	bool		hides_samples;	/* nobody is told how many samples there are, evaluations included */
	FedOffer   *secagg;			/* the attempt at it; NULL: the task has none */
	bool		differential_privacy;
	bool		local_privacy;	/* each Island adds the noise of its own update */
	bool		distributed_privacy;	/* Islands add the noise of their masked sum together */
	double		noise_multiplier;	/* with differential_privacy */
	double		clip_norm;		/* with local_privacy, or distributed_privacy that does not adapt it */
	char	   *document;		/* JSON text */
} FedTask;

/*
 * Reads a task document. NULL, and err filled (FED_ERR_PROTOCOL), if a key that
 * the Island needs is missing or nonsense. Free with fed_task_free.
 */
extern FedTask *fed_task_parse(const char *document, FedError *err);
extern void fed_task_free(FedTask *task);

/*
 * Whether text is a session id: a uuid as PostgreSQL writes it, in lower case.
 * What is remembered of a session is found by these bytes, so no other way to
 * write the same uuid passes for one.
 */
extern bool fed_is_session_id(const char *text);

#endif							/* FED_CLIENT_TASK_H */
