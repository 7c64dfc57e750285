/*
 * manifest.c
 *		A model version as the server describes it: its tensors and its pieces.
 */
#include "lib/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

static bool
broken(FedError *err, const char *what)
{
	return fed_error_set(err, FED_ERR_PROTOCOL,
						 "the server's model document is broken: %s", what);
}

/* Total number of dimensions, so that all shapes fit one array. */
static size_t
count_dimensions(const json_t *tensors)
{
	size_t		n = 0;

	for (size_t i = 0; i < json_array_size(tensors); i++)
		n += json_array_size(json_object_get(json_array_get(tensors, i), "shape"));
	return n;
}

static bool
parse_tensor(const json_t *object, FedManifestTensor *out, uint64_t **shape,
			 uint64_t *bytes, FedError *err)
{
	const json_t *dimensions = json_object_get(object, "shape");
	const char *dtype = fed_json_text(object, "dtype");
	uint64_t	count = 1;

	out->spec.name = fed_json_text(object, "name");
	out->spec.rank = json_array_size(dimensions);
	out->spec.shape = *shape;
	out->trainable = json_is_true(json_object_get(object, "trainable"));
	if (out->spec.name == NULL || !json_is_array(dimensions) ||
		dtype == NULL || !fed_dtype_parse(dtype, &out->spec.dtype))
		return broken(err, "a tensor without name, dtype or shape");
	for (size_t i = 0; i < out->spec.rank; i++)
	{
		json_int_t	size = json_integer_value(json_array_get(dimensions, i));

		if (size < 0 || __builtin_mul_overflow(count, (uint64_t) size, &count))
			return broken(err, "a shape out of range");
		*(*shape)++ = (uint64_t) size;
	}
	if (count > FED_MODEL_MAX_DATA / 8)
		return broken(err, "a shape out of range");
	*bytes = count * fed_dtype_size(out->spec.dtype);
	return true;
}

static bool
parse_tensors(FedManifest *manifest, FedError *err)
{
	const json_t *tensors = json_object_get(manifest->document, "tensors");
	size_t		n_dimensions = count_dimensions(tensors);
	uint64_t   *shape;

	manifest->n_tensors = json_array_size(tensors);
	manifest->tensors = calloc(manifest->n_tensors + 1, sizeof(FedManifestTensor));
	manifest->shapes = calloc(n_dimensions + 1, sizeof(uint64_t));
	if (manifest->tensors == NULL || manifest->shapes == NULL)
		return fed_error_memory(err);
	shape = manifest->shapes;
	for (size_t i = 0; i < manifest->n_tensors; i++)
	{
		uint64_t	bytes = 0;

		if (!parse_tensor(json_array_get(tensors, i), &manifest->tensors[i],
						  &shape, &bytes, err))
			return false;
		manifest->data_bytes += bytes;
		if (manifest->data_bytes > FED_MODEL_MAX_DATA)
			return broken(err, "more data than any model has");
	}
	return true;
}

static bool
parse_numbers(FedManifest *manifest, FedError *err)
{
	const json_t *object = manifest->document;
	const json_t *present = json_object_get(object, "present");
	const char *digest = fed_json_text(object, "digest");
	int64_t		parameters;
	int64_t		frozen;

	if (!fed_json_int(object, "version_id", &manifest->version_id) ||
		!fed_json_int(object, "parameters", &parameters) ||
		!fed_json_int(object, "frozen_bytes", &frozen) ||
		parameters < 0 || parameters > (int64_t) (FED_MODEL_MAX_DATA / 4) ||
		frozen < 0 || frozen > (int64_t) FED_MODEL_MAX_DATA)
		return broken(err, "version_id, parameters or frozen_bytes");
	fed_json_int(object, "version", &manifest->version);
	manifest->parameters = (uint64_t) parameters;
	manifest->frozen_bytes = (uint64_t) frozen;
	if (digest != NULL)
	{
		manifest->has_digest = fed_hex_decode(digest, manifest->digest, FED_SHA256_BYTES);
		if (!manifest->has_digest)
			return broken(err, "digest");
	}
	if (!fed_slice_set_init(&manifest->vector_present,
							fed_slice_count(4 * manifest->parameters), err) ||
		!fed_slice_set_init(&manifest->frozen_present,
							fed_slice_count(manifest->frozen_bytes), err))
		return false;
	fed_json_slices(json_object_get(present, "vector"), &manifest->vector_present);
	fed_json_slices(json_object_get(present, "frozen"), &manifest->frozen_present);
	return true;
}

static int
compare_tensors(const void *a, const void *b)
{
	return strcmp(((const FedManifestTensor *) a)->spec.name,
				  ((const FedManifestTensor *) b)->spec.name);
}

FedManifest *
fed_manifest_parse(const char *document, FedError *err)
{
	FedManifest *manifest = calloc(1, sizeof(FedManifest));

	if (manifest == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	manifest->document = fed_json_parse(document, "the server's model document",
										FED_ERR_PROTOCOL, err);
	if (manifest->document == NULL || !parse_numbers(manifest, err) ||
		!parse_tensors(manifest, err))
	{
		fed_manifest_free(manifest);
		return NULL;
	}
	qsort(manifest->tensors, manifest->n_tensors, sizeof(FedManifestTensor),
		  compare_tensors);
	return manifest;
}

void
fed_manifest_free(FedManifest *manifest)
{
	if (manifest == NULL)
		return;
	fed_slice_set_free(&manifest->vector_present);
	fed_slice_set_free(&manifest->frozen_present);
	free(manifest->tensors);
	free(manifest->shapes);
	json_decref(manifest->document);
	free(manifest);
}

bool
fed_manifest_apply(const FedManifest *manifest, FedModel *model, FedError *err)
{
	if (model->n_tensors != manifest->n_tensors)
		return broken(err, "another number of tensors than the header");
	for (size_t i = 0; i < manifest->n_tensors; i++)
	{
		const FedManifestTensor *tensor = &manifest->tensors[i];
		const FedTensor *own = fed_model_find(model, tensor->spec.name);

		if (own == NULL || own->dtype != tensor->spec.dtype ||
			(fed_dtype_is_trainable(own->dtype)
			 ? !fed_model_set_trainable(model, own->name, tensor->trainable)
			 : tensor->trainable))
			return broken(err, "a tensor that is not the header's");
	}
	fed_model_layout(model);
	if (model->vector_values != manifest->parameters ||
		model->frozen_bytes != manifest->frozen_bytes)
		return broken(err, "another number of parameters than the header");
	return true;
}

char *
fed_manifest_vector_header(const FedManifest *manifest, size_t *len,
						   FedError *err)
{
	FedTensorSpec *specs = calloc(manifest->n_tensors + 1, sizeof(FedTensorSpec));
	FedModelError why;
	size_t		n = 0;
	char	   *header = NULL;

	if (specs == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < manifest->n_tensors; i++)
	{
		if (!manifest->tensors[i].trainable)
			continue;
		specs[n] = manifest->tensors[i].spec;
		specs[n++].dtype = FED_DTYPE_F32;
	}
	header = fed_model_compose_header(specs, n, NULL, 0, len, &why);
	if (header == NULL)
		broken(err, why.message);
	free(specs);
	return header;
}
