/*
 * manifest.h
 *		A model version as the server describes it: its tensors and its pieces.
 *
 * Parsed from the document of federated_model and federated_begin_import.
 */
#ifndef FED_CLIENT_MANIFEST_H
#define FED_CLIENT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/digest.h"
#include "core/model/model.h"
#include "lib/error.h"
#include "lib/slices.h"

typedef struct FedManifestTensor
{
	FedTensorSpec spec;
	bool		trainable;
} FedManifestTensor;

typedef struct FedManifest
{
	int64_t		version_id;
	int64_t		version;
	uint64_t	parameters;		/* float32 values in the vector */
	uint64_t	frozen_bytes;
	uint64_t	data_bytes;		/* of the whole model file's data section */
	bool		has_digest;
	uint8_t		digest[FED_SHA256_BYTES];	/* of the vector */
	FedSliceSet vector_present; /* what an unfinished import has already */
	FedSliceSet frozen_present;
	size_t		n_tensors;
	FedManifestTensor *tensors;
	struct json_t *document;	/* owns the names */
	uint64_t   *shapes;			/* owns the shapes */
} FedManifest;

/*
 * Reads a model document. NULL, and err filled (FED_ERR_PROTOCOL), if it is
 * broken or its numbers contradict each other. Free with fed_manifest_free.
 */
extern FedManifest *fed_manifest_parse(const char *document, FedError *err);
extern void fed_manifest_free(FedManifest *manifest);

/*
 * Marks a model, parsed from the whole file's header, as the server marks it,
 * and lays it out. False (FED_ERR_PROTOCOL) if the two don't describe the same.
 */
extern bool fed_manifest_apply(const FedManifest *manifest, FedModel *model,
							   FedError *err);

/*
 * The header of the file a trainer gets: the trainable tensors as F32, in name
 * order, so that its data section is the vector itself. malloc'd, len bytes.
 */
extern char *fed_manifest_vector_header(const FedManifest *manifest,
										size_t *len, FedError *err);

#endif							/* FED_CLIENT_MANIFEST_H */
