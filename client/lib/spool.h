/*
 * spool.h
 *		The result of a round, kept on disk until nobody can ask for it again.
 *
 * A state directory holds at most one: spool.delta (encoded, as it is sent: what
 * is sent again are the same bytes) and spool.json, which is written last, so that a result is there whole or not at
 * all. While it is there its round is not trained again, even after a crash of
 * this program or a loss of the update on the server.
 */
#ifndef FED_CLIENT_SPOOL_H
#define FED_CLIENT_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/digest.h"
#include "core/encoding/encoding.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/task.h"

typedef struct FedSpool
{
	int64_t		round_id;
	char		session_id[FED_SESSION_ID_LEN + 1];
	FedEncoding encoding;		/* of the delta */
	uint8_t		digest[FED_SHA256_BYTES];
	int64_t		num_samples;
	char	   *metrics;		/* JSON text */
	FedMapping	delta;			/* empty for an evaluation */
} FedSpool;

/* Where the delta is to be written before fed_spool_save. malloc'd. */
extern char *fed_spool_delta_path(const char *dir);

/* Makes the result durable. The delta file, unless it is an evaluation, is there. */
extern bool fed_spool_save(const char *dir, const FedTask *task, FedEncoding encoding, const uint8_t *digest,
						   int64_t num_samples, const char *metrics, FedError *err);

/* Reads the result that is kept; false, without an error, if there is none or it is damaged. */
extern bool fed_spool_load(const char *dir, FedSpool *out);
extern void fed_spool_close(FedSpool *spool);

/* Whether it is the result of this task. Round numbers repeat on another server; session ids don't. */
extern bool fed_spool_is_for(const FedSpool *spool, const FedTask *task);

/* Forgets it. */
extern void fed_spool_drop(const char *dir);

#endif							/* FED_CLIENT_SPOOL_H */
