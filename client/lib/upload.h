/*
 * upload.h
 *		Sending long things, slice by slice, so that nothing is sent twice.
 */
#ifndef FED_CLIENT_UPLOAD_H
#define FED_CLIENT_UPLOAD_H

#include "lib/modelfile.h"
#include "lib/spool.h"
#include "lib/transport.h"

/*
 * Sends the kept update, taking up whatever the server has of it, and commits
 * it. True when the server has answered: out says accepted or rejected.
 */
extern bool fed_upload_update(FedTransport *t, const FedSpool *spool, const FedStep *step, FedReply *out,
							  FedError *err);

/* Sends a model file into a workload and publishes it; *version is its number. */
extern bool fed_upload_model(FedTransport *t, int64_t workload_id, const FedModelFile *file, const FedStep *step,
							 int64_t *version, FedError *err);

#endif							/* FED_CLIENT_UPLOAD_H */
