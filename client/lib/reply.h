/*
 * reply.h
 *		The server's answer to a piece of an update.
 *
 * A rejection is an answer, not an error: the server keeps a row that says why.
 * What to do about one depends on its reason.
 */
#ifndef FED_CLIENT_REPLY_H
#define FED_CLIENT_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/slices.h"

typedef enum FedReplyStatus
{
	FED_REPLY_UPLOADING,
	FED_REPLY_STORED,
	FED_REPLY_ACCEPTED,
	FED_REPLY_REJECTED
} FedReplyStatus;

typedef struct FedReply
{
	FedReplyStatus status;
	int64_t		update_id;		/* 0 if not said */
	char		reason[64];		/* "stale_round" …; "" unless rejected */
	char		detail[400];
} FedReply;

/* What a rejection means for the update that is kept on disk. */
typedef enum FedRejection
{
	FED_REJECTION_RETRY,		/* begin again: the server lost a part */
	FED_REJECTION_WAIT,			/* keep it, and come back later */
	FED_REJECTION_OVER,			/* nobody wants it any more */
	FED_REJECTION_BAD			/* this update will never be taken */
} FedRejection;

/*
 * Reads an answer; present (NULL is allowed) must have its size and receives
 * the slices that the server has. False, and err filled (FED_ERR_PROTOCOL), for
 * a status that does not exist.
 */
extern bool fed_reply_parse(const char *document, FedReply *out,
							FedSliceSet *present, FedError *err);

extern FedRejection fed_rejection_meaning(const FedReply *reply);

#endif							/* FED_CLIENT_REPLY_H */
