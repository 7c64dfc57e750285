/*
 * download.h
 *		Models from the server: the part that is trained, or the whole file.
 */
#ifndef FED_CLIENT_DOWNLOAD_H
#define FED_CLIENT_DOWNLOAD_H

#include "lib/transport.h"

/*
 * Writes the trainable tensors as float32 to a safetensors file, whose data
 * section is the vector; digest is what that has. Fetched as f32 it is verified
 * against the server's, and a file that is there already and verifies is not
 * fetched again; in another encoding it is rounded, and nobody has stated a
 * digest for that.
 */
extern bool fed_download_vector(FedTransport *t, const FedManifest *manifest, FedEncoding encoding, const char *path,
								uint8_t digest[FED_SHA256_BYTES], const FedStep *step, FedError *err);

/* Writes a version as the safetensors file that it was imported as. */
extern bool fed_download_model(FedTransport *t, const FedManifest *manifest, const char *path, const FedStep *step,
							   FedError *err);

#endif							/* FED_CLIENT_DOWNLOAD_H */
