/*
 * outbox.h
 *		The outbox as the process that empties it knows it.
 */
#ifndef FED_WEBHOOK_OUTBOX_H
#define FED_WEBHOOK_OUTBOX_H

#include "datatype/timestamp.h"
#include "webhook/request.h"
#include "worker/extension.h"

typedef struct FedLease
{
	FedRequest *requests;
	int			n_requests;
	bool		more;			/* something is or will be due at next */
	TimestampTz next;
} FedLease;

extern FedExtensionStatus fed_outbox_exchange(const FedOutcome *outcomes, int n_outcomes,
											  int room, MemoryContext context, FedLease *lease);

#endif							/* FED_WEBHOOK_OUTBOX_H */
