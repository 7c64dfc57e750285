/*
 * revealed.h
 *		What this Island has helped to open, remembered for ever.
 *
 * A file of lines in the Island's state directory, for all its sessions; each is
 * synced before the reveal that it speaks of is sent. It holds no secret, and
 * outlives the states of the sessions.
 */
#ifndef FED_CLIENT_SECAGG_REVEALED_H
#define FED_CLIENT_SECAGG_REVEALED_H

#include "lib/error.h"
#include "lib/secagg/state.h"

/* What the file says of one state's session, round and base. */
typedef struct FedRevealed
{
	bool		same;			/* for this ctx and these sets */
	bool		other;			/* for this session and round, or session and base, and not the same */
	uint32_t	of_base;		/* reveals for this base, over all sessions, each round once */
} FedRevealed;

/*
 * Looks a session, round and base up; ctx and sets may be NULL: nothing is the
 * same. C19 if the file cannot be read.
 */
extern bool fed_revealed_find(const char *root, const char *session_id, uint32_t round, const uint8_t base[FED_SHA256_BYTES],
							  const uint8_t *ctx, const uint8_t *sets, FedRevealed *out, FedError *err);

/* Adds a line, unless it is there. */
extern bool fed_revealed_add(const char *root, const FedState *state, const uint8_t sets[FED_SHA256_BYTES], FedError *err);

#endif							/* FED_CLIENT_SECAGG_REVEALED_H */
