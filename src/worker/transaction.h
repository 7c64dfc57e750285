/*
 * transaction.h
 *		The bounds of each transaction of the worker.
 */
#ifndef FED_WORKER_TRANSACTION_H
#define FED_WORKER_TRANSACTION_H

#include "worker/extension.h"

extern PGDLLEXPORT FedExtensionStatus fed_transaction_begin(FedExtension *extension);
extern PGDLLEXPORT void fed_transaction_commit(void);
extern ErrorData *fed_transaction_recover(MemoryContext context);

#endif							/* FED_WORKER_TRANSACTION_H */
