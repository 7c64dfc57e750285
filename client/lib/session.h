/*
 * session.h
 *		The session document, as far as a client acts on it or shows it.
 */
#ifndef FED_CLIENT_SESSION_H
#define FED_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

typedef struct FedParticipant
{
	char		host_id[128];
	char		status[32];
	int64_t		rounds_completed;
	int64_t		total_samples;
	char		metrics[160];	/* "loss 0.31, accuracy 0.92", or "" */
} FedParticipant;

typedef struct FedSession
{
	char		id[40];
	char		name[160];
	char		status[32];
	char		reason[320];
	int64_t		current_round;
	int64_t		total_rounds;
	char		metrics[160];	/* the newest round that has an evaluation */
	char		privacy[200];	/* "epsilon 3.1 of 8 …", or "" without differential privacy */
	char		secagg[160];	/* "active, round 2, attempt 1 of 3: mask …", or "" without secure aggregation */
	char	   *privacy_said;	/* what that means, in the server's words; NULL without */
	size_t		n_participants;
	FedParticipant *participants;
} FedSession;

/* Reads a session document. NULL, and err filled, if broken. */
extern FedSession *fed_session_parse(const char *document, FedError *err);
extern void fed_session_free(FedSession *session);

/* Whether it has come to an end: completed, failed or cancelled. */
extern bool fed_session_is_over(const FedSession *session);

#endif							/* FED_CLIENT_SESSION_H */
