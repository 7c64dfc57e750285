/*
 * request.h
 *		A delivery on its way: what is sent, and what became of it.
 */
#ifndef FED_WEBHOOK_REQUEST_H
#define FED_WEBHOOK_REQUEST_H

#include "utils/uuid.h"

#define FED_OUTCOME_ERROR_LENGTH 128

/* One leased delivery. The strings are palloc'd by outbox.c and copied by whoever keeps them. */
typedef struct FedRequest
{
	pg_uuid_t	delivery;
	int			attempt;
	const char *url;
	int64		stamp;			/* seconds since the epoch, as signed */
	const char *signature;
	const char *body;
	size_t		body_length;
} FedRequest;

typedef struct FedOutcome
{
	pg_uuid_t	delivery;
	int			attempt;
	int			status;			/* of HTTP; 0: there was no answer */
	char		error[FED_OUTCOME_ERROR_LENGTH];	/* empty: none */
} FedOutcome;

#endif							/* FED_WEBHOOK_REQUEST_H */
