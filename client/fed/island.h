/*
 * island.h
 *		One Island at work.
 */
#ifndef FED_ISLAND_H
#define FED_ISLAND_H

#include "lib/policy.h"
#include "lib/secagg/member.h"
#include "lib/transport.h"

/* The encoding is the one that the session asks for. */
#define FED_AS_ASKED (-1)

typedef struct FedIsland
{
	FedTransport *t;
	const char *host_id;
	const char *command;		/* the trainer */
	const char *state_dir;		/* absolute */
	const char *journal;		/* or NULL */
	FedPolicy  *policy;			/* or NULL: everything is allowed */
	int			update_encoding;	/* a FedEncoding, or FED_AS_ASKED */
	int			download_encoding;
	double		train_timeout;	/* seconds, 0: none */
	double		heartbeat;		/* seconds */
	const char *once;			/* the only session it works for, or NULL */
	FedMember	member;			/* of sessions with secure aggregation */
	int			lock;			/* on what those must not forget; -1: not needed yet */
	bool		elsewhere;		/* at work for another session, as it refuses what one asks for */
	char		complaint[640]; /* the last that was logged, so that each is once */
} FedIsland;

/*
 * Does one task to the end: result kept, sent and acknowledged, or declined
 * with the reason. False only if the Island has to stop.
 */
extern bool fed_island_do(FedIsland *island, const FedTask *task, FedError *err);

#endif							/* FED_ISLAND_H */
