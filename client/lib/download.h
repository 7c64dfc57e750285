/*
 * download.h
 *		Models from the server: the part that is trained, or the whole file.
 */
#ifndef FED_CLIENT_DOWNLOAD_H
#define FED_CLIENT_DOWNLOAD_H

#include "lib/transport.h"

/*
 * Writes the trainable tensors as float32 to a safetensors file, whose data
 * section is the vector; verified against the digest. A file that is there
 * already and verifies is not fetched again.
 */
extern bool fed_download_vector(FedTransport *t, const FedManifest *manifest, const char *path, const FedStep *step,
								FedError *err);

/* Writes a version as the safetensors file that it was imported as. */
extern bool fed_download_model(FedTransport *t, const FedManifest *manifest, const char *path, const FedStep *step,
							   FedError *err);

#endif							/* FED_CLIENT_DOWNLOAD_H */
