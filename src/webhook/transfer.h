/*
 * transfer.h
 *		One request to a receiver, as libcurl makes it.
 */
#ifndef FED_WEBHOOK_TRANSFER_H
#define FED_WEBHOOK_TRANSFER_H

#include <curl/curl.h>

#include "webhook/request.h"

typedef struct FedTransfer FedTransfer;

extern FedTransfer *fed_transfer_new(const FedRequest *request);
extern CURL *fed_transfer_handle(FedTransfer *transfer);
extern void fed_transfer_finish(FedTransfer *transfer, CURLcode code, FedOutcome *outcome);
extern void fed_transfer_free(FedTransfer *transfer);

#endif							/* FED_WEBHOOK_TRANSFER_H */
