/*
 * result.c
 *		What a trainer wrote, checked before anything of it is believed.
 */
#include "lib/result.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/json.h"

#define MAX_RESULT 1048576

/* One flat object of finite numbers; what may not leave is left out. */
static json_t *
clean_metrics(const json_t *result, const char *part, const FedPolicy *policy, FedError *err)
{
	json_t	   *given = json_object_get(result, part);
	json_t	   *clean = json_object();
	const char *key;
	json_t	   *value;

	if (given != NULL && !json_is_object(given))
	{
		fed_error_set(err, FED_ERR_TRAINER, "\"%s\" in FED_RESULT is not an object", part);
		json_decref(clean);
		return NULL;
	}
	json_object_foreach(given, key, value)
	{
		if (!json_is_number(value) || !isfinite(json_number_value(value)))
		{
			fed_error_set(err, FED_ERR_TRAINER, "metric \"%s\" in FED_RESULT is not a finite number", key);
			json_decref(clean);
			return NULL;
		}
		if (fed_policy_lets_out(policy, key))
			json_object_set(clean, key, value);
	}
	return clean;
}

static char *
collect_metrics(const json_t *result, const FedPolicy *policy, FedError *err)
{
	json_t	   *evaluation = clean_metrics(result, "evaluation", policy, err);
	json_t	   *training = evaluation == NULL ? NULL : clean_metrics(result, "training", policy, err);
	json_t	   *metrics = training == NULL ? NULL
		: json_pack("{s:O, s:O}", "evaluation", evaluation, "training", training);
	char	   *text = metrics == NULL ? NULL : json_dumps(metrics, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(evaluation);
	json_decref(training);
	json_decref(metrics);
	return text;
}

static bool
read_update_kind(const json_t *result, bool *is_delta, FedError *err)
{
	const json_t *kind = json_object_get(result, "update");
	const char *text = json_string_value(kind);

	*is_delta = text != NULL && strcmp(text, "delta") == 0;
	if (kind == NULL || *is_delta || (text != NULL && strcmp(text, "weights") == 0))
		return true;
	return fed_error_set(err, FED_ERR_TRAINER, "\"update\" in FED_RESULT must be \"weights\" or \"delta\"");
}

bool
fed_result_read(const char *path, const FedPolicy *policy, FedResult *out, FedError *err)
{
	char	   *text = fed_read_file(path, MAX_RESULT, NULL, err);
	json_t	   *result;
	bool		ok;

	memset(out, 0, sizeof(*out));
	if (text == NULL)
	{
		if (err != NULL)
			err->kind = FED_ERR_TRAINER;
		return false;
	}
	result = fed_json_parse(text, "FED_RESULT", FED_ERR_TRAINER, err);
	ok = result != NULL;
	if (ok && (!fed_json_int(result, "num_samples", &out->num_samples) || out->num_samples <= 0))
		ok = fed_error_set(err, FED_ERR_TRAINER, "\"num_samples\" in FED_RESULT must be a positive whole number");
	ok = ok && read_update_kind(result, &out->is_delta, err) &&
		(out->metrics = collect_metrics(result, policy, err)) != NULL;
	json_decref(result);
	free(text);
	return ok;
}

void
fed_result_free(FedResult *result)
{
	free(result->metrics);
	memset(result, 0, sizeof(*result));
}

/* The update's tensors must be the trainable ones, no more and no fewer. */
static bool
check_tensors(const FedManifest *manifest, FedModel *update, FedError *err)
{
	size_t		expected = 0;

	for (size_t i = 0; i < manifest->n_tensors; i++)
	{
		const FedManifestTensor *wanted = &manifest->tensors[i];
		FedTensor  *given = fed_model_find(update, wanted->spec.name);

		if (!wanted->trainable)
			continue;
		expected++;
		if (given == NULL)
			return fed_error_set(err, FED_ERR_TRAINER, "FED_UPDATE lacks tensor \"%s\"", wanted->spec.name);
		if (!fed_dtype_is_trainable(given->dtype))
			return fed_error_set(err, FED_ERR_TRAINER, "tensor \"%s\" in FED_UPDATE is of type %s", wanted->spec.name,
								 fed_dtype_name(given->dtype));
		if (given->rank != wanted->spec.rank ||
			memcmp(given->shape, wanted->spec.shape, given->rank * sizeof(uint64_t)) != 0)
			return fed_error_set(err, FED_ERR_TRAINER, "tensor \"%s\" in FED_UPDATE has another shape than in FED_MODEL",
								 wanted->spec.name);
	}
	if (update->n_tensors != expected)
		return fed_error_set(err, FED_ERR_TRAINER, "FED_UPDATE has %zu tensors, FED_MODEL has %zu", update->n_tensors,
							 expected);
	return true;
}

/* What a delta is made of, and what becomes of it. */
typedef struct Delta
{
	const FedModelFile *update;
	const FedModelFile *received;
	bool		is_delta;		/* the update is one already */
	FedPrivacy *privacy;		/* clips and adds noise; NULL: none */
	FedEncoding encoding;
	uint64_t	parameters;
} Delta;

/* n values of the delta; float64 in between, rounded once. */
static bool
delta_values(const Delta *delta, uint64_t first, size_t n, float *base, float *out, FedError *err)
{
	fed_model_read_vector(delta->update->model, delta->update->parts.data, first, n, out);
	if (!delta->is_delta)
		fed_model_read_vector(delta->received->model, delta->received->parts.data, first, n, base);
	for (size_t i = 0; i < n; i++)
	{
		if (!delta->is_delta)
			out[i] = (float) ((double) out[i] - (double) base[i]);
		if (!isfinite(out[i]))
			return fed_error_set(err, FED_ERR_TRAINER, "parameter %" PRIu64 " in FED_UPDATE is NaN or infinite", first + i);
	}
	return true;
}

/* The tensor that a parameter of the vector belongs to. */
static const char *
tensor_of(const FedModel *model, uint64_t parameter)
{
	for (size_t i = 0; i < model->n_tensors; i++)
	{
		const FedTensor *t = &model->tensors[i];

		if (parameter >= t->vector_offset &&
			parameter - t->vector_offset < (t->end - t->begin) / fed_dtype_size(t->dtype))
			return t->name;
	}
	return "";
}

static bool
does_not_fit(const Delta *delta, uint64_t parameter, float value, FedError *err)
{
	char		others[64] = "";
	uint8_t		bytes[sizeof(float)];

	for (int e = 0; e < FED_ENCODINGS; e++)
	{
		size_t		used = strlen(others);

		if (fed_encode((FedEncoding) e, &value, 1, bytes) == 1)
			snprintf(others + used, sizeof(others) - used, "%s%s", used > 0 ? " or " : "", fed_encoding_name((FedEncoding) e));
	}
	return fed_error_set(err, FED_ERR_TRAINER, "parameter %" PRIu64 " of the update, in tensor \"%.200s\", is %g, too large for"
						 " encoding %s; %s would take it", parameter, tensor_of(delta->update->model, parameter),
						 (double) value, fed_encoding_name(delta->encoding), others);
}

/* One slice, as it is sent. values and base hold as many values as there are in one. */
static bool
encode_slice(const Delta *delta, uint64_t first, size_t n, float *base, float *values, uint8_t *out, FedError *err)
{
	size_t		bad;

	if (!delta_values(delta, first, n, base, values, err) ||
		(delta->privacy != NULL && !fed_privacy_apply(delta->privacy, values, n, err)))
		return false;
	bad = fed_encode(delta->encoding, values, n, out);
	return bad == n || does_not_fit(delta, first + bad, values[bad], err);
}

static bool
write_delta(const Delta *delta, int fd, const char *path, uint64_t total, uint8_t *hashes, const FedStep *step,
			FedError *err)
{
	size_t		width = sizeof(float);
	bool		ok = fed_encoded_length(delta->encoding, 1, &width);
	float	   *base = malloc(FED_SLICE_BYTES / width * sizeof(float));
	float	   *values = malloc(FED_SLICE_BYTES / width * sizeof(float));
	uint8_t    *out = malloc(FED_SLICE_BYTES);

	ok = (ok && base != NULL && values != NULL && out != NULL) || fed_error_memory(err);
	for (uint64_t slice = 0; ok && slice < fed_slice_count(total); slice++)
	{
		uint64_t	at = slice * FED_SLICE_BYTES;
		size_t		bytes = fed_slice_length(total, slice);

		ok = encode_slice(delta, at / width, bytes / width, base, values, out, err) &&
			(fed_sha256(out, bytes, hashes + slice * FED_SHA256_BYTES) || fed_digest_error(err)) &&
			fed_write_at(fd, out, bytes, at, path, err) && fed_step(step, at + bytes, total, err);
	}
	free(base);
	free(values);
	free(out);
	return ok;
}

bool
fed_result_check_model(const FedModelFile *received, const uint8_t digest[FED_SHA256_BYTES], const FedStep *step,
					   FedError *err)
{
	uint8_t		now[FED_SHA256_BYTES];

	if (!fed_hash_vector(received->parts.data, received->parts.data_bytes, now, step, err))
		return false;
	return memcmp(now, digest, sizeof(now)) == 0 ||
		fed_error_set(err, FED_ERR_TRAINER, "the trainer changed FED_MODEL, which it must only read");
}

/* A delta beside a buffer for what was received. */
typedef struct DeltaReader
{
	const Delta *delta;
	float	   *base;
	size_t		room;
} DeltaReader;

static bool
read_delta(void *arg, uint64_t first, size_t n, float *out, FedError *err)
{
	DeltaReader *reader = arg;

	if (reader->room < n)
	{
		free(reader->base);
		reader->room = n;
		reader->base = malloc(n * sizeof(float));
	}
	return (reader->base != NULL || fed_error_memory(err)) && delta_values(reader->delta, first, n, reader->base, out, err);
}

/* The noise needs to know the norm before the first value is written. */
static bool
prepare_privacy(const Delta *delta, FedError *err)
{
	DeltaReader reader = {delta, NULL, 0};
	bool		ok = delta->privacy == NULL ||
		fed_privacy_prepare(delta->privacy, read_delta, &reader, delta->parameters, err);

	free(reader.base);
	return ok;
}

/* An update that has the right tensors, to the file and its digest. */
static bool
keep_delta(const Delta *delta, const char *delta_path, uint8_t digest[FED_SHA256_BYTES], const FedStep *step, FedError *err)
{
	size_t		total = 0;
	uint8_t    *hashes;
	int			fd;
	bool		ok;

	if (!fed_encoded_length(delta->encoding, delta->parameters, &total))
		return fed_error_memory(err);
	hashes = malloc((size_t) fed_slice_count(total) * FED_SHA256_BYTES + 1);
	if (hashes == NULL)
		return fed_error_memory(err);
	fd = fed_replace_begin(delta_path, err);
	ok = fd >= 0 && write_delta(delta, fd, delta_path, total, hashes, step, err) &&
		fed_vector_digest(hashes, fed_slice_count(total), digest, err) && fed_replace_finish(fd, delta_path, err);
	if (!ok && fd >= 0)
		fed_replace_abandon(fd, delta_path);
	free(hashes);
	return ok;
}

bool
fed_result_delta(const char *update_path, const FedResult *result, const FedManifest *manifest,
				 const FedModelFile *received, FedPrivacy *privacy, FedEncoding encoding, const char *delta_path,
				 uint8_t digest[FED_SHA256_BYTES], const FedStep *step, FedError *err)
{
	FedModelFile update;
	Delta		delta = {&update, received, result->is_delta, privacy, encoding, manifest->parameters};
	bool		ok;

	if (!fed_model_file_open(update_path, FED_ERR_TRAINER, &update, err))
	{
		if (err != NULL)
			err->kind = FED_ERR_TRAINER;
		return false;
	}
	ok = check_tensors(manifest, update.model, err) && prepare_privacy(&delta, err) &&
		keep_delta(&delta, delta_path, digest, step, err);
	fed_model_file_close(&update);
	return ok;
}
