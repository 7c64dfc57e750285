/*
 * safetensors.c
 *		Reads the JSON header of safetensors files.
 *
 * The format: https://github.com/huggingface/safetensors#format . A header is
 * an object that maps each tensor's name to {"dtype", "shape", "data_offsets"}
 * and "__metadata__", if present, to an object of strings.
 *
 * Headers come from strangers. Nothing is taken on trust, nothing is ignored:
 * what the format does not name is refused, so that no two readers can see
 * different models in one file.
 */
#include "core/model/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define METADATA_KEY "__metadata__"

/* 32 dimensions, two offsets and generous spacing stay far below this. */
#define MAX_DESCRIPTION ((size_t) 16384)

/* A character of a name takes up to six in JSON: \u0061. */
#define MAX_KEY_TEXT ((size_t) FED_MODEL_MAX_NAME * 6 + 2)

static bool
fail_no_memory(FedModelError *err)
{
	return fed_model_fail(err, FED_MODEL_NO_MEMORY,
						  "out of memory while reading a model's header");
}

static bool
fail_json(const char *what, FedSpan key, const json_error_t *json,
		  FedModelError *err)
{
	/* jansson mostly has no words for running out of memory. */
	if (json_error_code(json) == json_error_out_of_memory ||
		json->text[0] == '\0')
		return fail_no_memory(err);
	return fed_model_fail(err, FED_MODEL_BAD_JSON,
						  "%s %.*s is not valid JSON: %s",
						  what, SHOW_SPAN(key), json->text);
}

/* The decoded key, malloc'd, or NULL. */
static char *
read_key(FedSpan text, FedModelError *err)
{
	json_error_t json;
	json_t	   *key;
	char	   *name = NULL;

	if (text.len > MAX_KEY_TEXT)
	{
		fed_model_fail(err, FED_MODEL_BAD_NAME,
					   "the name %.*s... is longer than %d bytes",
					   SHOW_SPAN(text), FED_MODEL_MAX_NAME);
		return NULL;
	}

	key = json_loadb(text.text, text.len, JSON_DECODE_ANY, &json);
	if (key == NULL && json_error_code(&json) == json_error_null_character)
		fed_model_fail(err, FED_MODEL_BAD_NAME,
					   "the name %.*s contains a NUL character",
					   SHOW_SPAN(text));
	else if (key == NULL)
		fail_json("the name", text, &json, err);
	else if (json_string_length(key) > FED_MODEL_MAX_NAME)
		fed_model_fail(err, FED_MODEL_BAD_NAME,
					   "the name %.*s... has %zu bytes; at most %d are allowed",
					   SHOW_SPAN(text), json_string_length(key),
					   FED_MODEL_MAX_NAME);
	else
	{
		name = strdup(json_string_value(key));
		if (name == NULL)
			fail_no_memory(err);
	}
	json_decref(key);
	return name;
}

static bool
read_metadata(FedSpan value, FedModelError *err)
{
	FedSpan		key = {"\"" METADATA_KEY "\"", sizeof(METADATA_KEY) + 1};
	json_error_t json;
	json_t	   *object;
	json_t	   *entry;
	const char *name;
	bool		good = true;

	if (value.len == 0)
		return fed_model_fail(err, FED_MODEL_BAD_METADATA,
							  METADATA_KEY " is not an object");
	if (value.len > FED_MODEL_MAX_METADATA)
		return fed_model_fail(err, FED_MODEL_TOO_LARGE,
							  METADATA_KEY " has %zu bytes; at most %zu are allowed",
							  value.len, FED_MODEL_MAX_METADATA);
	object = json_loadb(value.text, value.len, JSON_REJECT_DUPLICATES, &json);
	if (object == NULL)
		return fail_json("the value of", key, &json, err);

	json_object_foreach(object, name, entry)
	{
		if (good && !json_is_string(entry))
			good = fed_model_fail(err, FED_MODEL_BAD_METADATA,
								  "the value of \"%.*s\" in " METADATA_KEY
								  " is not a string", SHOW(name));
	}
	json_decref(object);
	return good;
}

static bool
read_dtype(const json_t *value, FedTensor *tensor, FedModelError *err)
{
	if (!json_is_string(value))
		return fed_model_fail(err, FED_MODEL_BAD_DTYPE,
							  "the dtype of tensor \"%.*s\" is not a string",
							  SHOW(tensor->name));
	if (!fed_dtype_parse(json_string_value(value), &tensor->dtype))
		return fed_model_fail(err, FED_MODEL_BAD_DTYPE,
							  "tensor \"%.*s\" has the unknown dtype \"%.*s\"",
							  SHOW(tensor->name),
							  SHOW(json_string_value(value)));
	return true;
}

static bool
read_shape(const json_t *value, FedTensor *tensor, FedModelError *err)
{
	size_t		rank = json_array_size(value);
	uint64_t   *shape;

	if (!json_is_array(value))
		return fed_model_fail(err, FED_MODEL_BAD_SHAPE,
							  "the shape of tensor \"%.*s\" is not an array",
							  SHOW(tensor->name));
	if (rank > FED_MODEL_MAX_RANK)
		return fed_model_fail(err, FED_MODEL_BAD_SHAPE,
							  "tensor \"%.*s\" has %zu dimensions; at most %d are allowed",
							  SHOW(tensor->name), rank, FED_MODEL_MAX_RANK);

	shape = malloc(sizeof(uint64_t) * (rank + 1));	/* never of 0 bytes */
	if (shape == NULL)
		return fail_no_memory(err);
	tensor->rank = rank;
	tensor->shape = shape;
	for (size_t i = 0; i < rank; i++)
	{
		const json_t *dimension = json_array_get(value, i);

		if (!json_is_integer(dimension) || json_integer_value(dimension) < 0)
			return fed_model_fail(err, FED_MODEL_BAD_SHAPE,
								  "dimension %zu of tensor \"%.*s\" is not a non-negative integer",
								  i, SHOW(tensor->name));
		shape[i] = (uint64_t) json_integer_value(dimension);
	}
	return true;
}

static bool
read_offsets(const json_t *value, FedTensor *tensor, FedModelError *err)
{
	uint64_t	offsets[2];

	if (!json_is_array(value) || json_array_size(value) != 2)
		return fed_model_fail(err, FED_MODEL_BAD_OFFSETS,
							  "the data_offsets of tensor \"%.*s\" are not an array of 2 numbers",
							  SHOW(tensor->name));
	for (size_t i = 0; i < 2; i++)
	{
		const json_t *offset = json_array_get(value, i);

		if (!json_is_integer(offset) || json_integer_value(offset) < 0)
			return fed_model_fail(err, FED_MODEL_BAD_OFFSETS,
								  "data offset %zu of tensor \"%.*s\" is not a non-negative integer",
								  i, SHOW(tensor->name));
		offsets[i] = (uint64_t) json_integer_value(offset);
	}
	tensor->begin = offsets[0];
	tensor->end = offsets[1];
	return true;
}

/* Whether what the fields say fits together, and into the data section. */
static bool
check_tensor(FedTensor *tensor, uint64_t data_bytes, FedModelError *err)
{
	uint64_t	bytes;

	if (!fed_tensor_size(tensor->dtype, tensor->rank, tensor->shape,
						 &tensor->count, &bytes))
		return fed_model_fail(err, FED_MODEL_BAD_SHAPE,
							  "the shape of tensor \"%.*s\" overflows: more than %" PRIu64 " bytes of %s",
							  SHOW(tensor->name), UINT64_MAX,
							  fed_dtype_name(tensor->dtype));
	if (tensor->end < tensor->begin)
		return fed_model_fail(err, FED_MODEL_BAD_OFFSETS,
							  "tensor \"%.*s\" begins at byte %" PRIu64 " but ends at byte %" PRIu64,
							  SHOW(tensor->name), tensor->begin, tensor->end);
	if (tensor->end > data_bytes)
		return fed_model_fail(err, FED_MODEL_BAD_OFFSETS,
							  "tensor \"%.*s\" ends at byte %" PRIu64 ", but the data section has %" PRIu64 " bytes",
							  SHOW(tensor->name), tensor->end, data_bytes);
	if (tensor->end - tensor->begin != bytes)
		return fed_model_fail(err, FED_MODEL_BAD_OFFSETS,
							  "tensor \"%.*s\" has data of %" PRIu64 " bytes, but its shape and dtype %s need %" PRIu64,
							  SHOW(tensor->name), tensor->end - tensor->begin,
							  fed_dtype_name(tensor->dtype), bytes);
	return true;
}

/* Reads the three fields of a tensor whose name is known. */
static bool
read_fields(const json_t *object, FedTensor *tensor, FedModelError *err)
{
	static const struct
	{
		const char *name;
		bool		(*read) (const json_t *value, FedTensor *tensor,
							 FedModelError *err);
	}			fields[] = {
		{"dtype", read_dtype},
		{"shape", read_shape},
		{"data_offsets", read_offsets}
	};

	for (size_t i = 0; i < 3; i++)
	{
		const json_t *value = json_object_get(object, fields[i].name);

		if (value == NULL)
			return fed_model_fail(err, FED_MODEL_BAD_HEADER,
								  "tensor \"%.*s\" has no %s",
								  SHOW(tensor->name), fields[i].name);
		if (!fields[i].read(value, tensor, err))
			return false;
	}
	if (json_object_size(object) != 3)
		return fed_model_fail(err, FED_MODEL_BAD_HEADER,
							  "tensor \"%.*s\" has fields besides dtype, shape and data_offsets",
							  SHOW(tensor->name));
	return true;
}

/*
 * Reads one tensor into *tensor, of which only the name is filled. What it
 * allocates is the tensor's even on failure.
 */
static bool
read_tensor(FedSpan key, FedSpan value, uint64_t data_bytes,
			FedTensor *tensor, FedModelError *err)
{
	json_error_t json;
	json_t	   *object;
	bool		good;

	if (value.len == 0)
		return fed_model_fail(err, FED_MODEL_BAD_HEADER,
							  "tensor \"%.*s\" is not described by an object",
							  SHOW(tensor->name));
	if (value.len > MAX_DESCRIPTION)
		return fed_model_fail(err, FED_MODEL_TOO_LARGE,
							  "the description of tensor \"%.*s\" has %zu bytes; at most %zu are allowed",
							  SHOW(tensor->name), value.len, MAX_DESCRIPTION);
	object = json_loadb(value.text, value.len, JSON_REJECT_DUPLICATES, &json);
	if (object == NULL)
		return fail_json("the description of tensor", key, &json, err);

	good = read_fields(object, tensor, err) &&
		check_tensor(tensor, data_bytes, err);
	json_decref(object);
	tensor->trainable = good && fed_dtype_is_trainable(tensor->dtype);
	return good;
}

/* A new tensor that has nothing but the name, which it owns; NULL: failed. */
static FedTensor *
append_tensor(FedModel *model, char *name, size_t *capacity,
			  FedModelError *err)
{
	FedTensor  *tensor;

	if (model->n_tensors >= FED_MODEL_MAX_TENSORS)
	{
		fed_model_fail(err, FED_MODEL_TOO_LARGE,
					   "the header has more than %zu tensors",
					   FED_MODEL_MAX_TENSORS);
		return NULL;
	}
	if (model->n_tensors == *capacity)
	{
		size_t		larger = *capacity == 0 ? 64 : *capacity * 2;
		FedTensor  *grown = realloc(model->tensors,
									larger * sizeof(FedTensor));

		if (grown == NULL)
		{
			fail_no_memory(err);
			return NULL;
		}
		model->tensors = grown;
		*capacity = larger;
	}
	tensor = &model->tensors[model->n_tensors++];
	memset(tensor, 0, sizeof(FedTensor));
	tensor->name = name;
	return tensor;
}

static bool
read_members(FedModel *model, FedMembers *members, FedModelError *err)
{
	size_t		capacity = 0;
	bool		seen_metadata = false;

	for (;;)
	{
		FedSpan		key;
		FedSpan		value;
		char	   *name;
		FedTensor  *tensor;
		FedMembersStep step = fed_members_next(members, &key, &value, err);

		if (step != FED_MEMBERS_FOUND)
			return step == FED_MEMBERS_DONE;
		name = read_key(key, err);
		if (name == NULL)
			return false;

		/* Known by the decoded key, however it was escaped. */
		if (strcmp(name, METADATA_KEY) == 0)
		{
			free(name);
			if (seen_metadata)
				return fed_model_fail(err, FED_MODEL_BAD_NAME,
									  METADATA_KEY " is given twice");
			seen_metadata = true;
			if (!read_metadata(value, err))
				return false;
			continue;
		}

		tensor = append_tensor(model, name, &capacity, err);
		if (tensor == NULL)
		{
			free(name);
			return false;
		}
		if (!read_tensor(key, value, model->data_bytes, tensor, err))
			return false;
	}
}

FedModel *
fed_model_parse(const char *header, size_t header_len, uint64_t data_bytes,
				FedModelError *err)
{
	FedMembers	members;
	FedModel   *model;

	if (err != NULL)
		err->code = FED_MODEL_OK;
	if (header_len > FED_MODEL_MAX_HEADER)
	{
		fed_model_fail(err, FED_MODEL_TOO_LARGE,
					   "the header has %zu bytes; at most %zu are allowed",
					   header_len, FED_MODEL_MAX_HEADER);
		return NULL;
	}
	if (data_bytes > FED_MODEL_MAX_DATA)
	{
		fed_model_fail(err, FED_MODEL_TOO_LARGE,
					   "the data section has %" PRIu64 " bytes; at most %" PRIu64 " are allowed",
					   data_bytes, FED_MODEL_MAX_DATA);
		return NULL;
	}

	model = calloc(1, sizeof(FedModel));
	if (model == NULL)
	{
		fail_no_memory(err);
		return NULL;
	}
	model->data_bytes = data_bytes;
	if (!fed_members_open(&members, header, header_len, err) ||
		!read_members(model, &members, err) ||
		!fed_model_complete(model, err))
	{
		fed_model_free(model);
		return NULL;
	}
	return model;
}
