/*
 * compose.c
 *		Writes the JSON header of a new safetensors file.
 *
 * The finished text is read back by fed_model_parse, so whatever the caller
 * asked for, no header leaves that we would refuse ourselves: names given
 * twice, text that is not UTF-8, sizes beyond the limits.
 */
#include "core/model/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the data starts relative to the file is a multiple of this. */
#define ALIGNMENT 8

typedef struct Text
{
	char	   *chars;			/* NULL after running out of memory */
	size_t		len;
	size_t		capacity;
} Text;

static void
append(Text *text, const char *chars, size_t len)
{
	if (text->chars == NULL)
		return;
	if (text->capacity - text->len < len)
	{
		size_t		larger = text->capacity * 2 + len;
		char	   *grown = realloc(text->chars, larger);

		if (grown == NULL)
		{
			free(text->chars);
			text->chars = NULL;
			return;
		}
		text->chars = grown;
		text->capacity = larger;
	}
	memcpy(text->chars + text->len, chars, len);
	text->len += len;
}

static void
append_chars(Text *text, const char *chars)
{
	append(text, chars, strlen(chars));
}

static void
append_number(Text *text, uint64_t number)
{
	char		digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	append_chars(text, digits);
}

/* A JSON string (RFC 8259, section 7): what must be escaped is. */
static void
append_string(Text *text, const char *chars)
{
	append_chars(text, "\"");
	for (; *chars != '\0'; chars++)
	{
		char		escaped[8];

		if (*chars == '"' || *chars == '\\')
			append_chars(text, "\\");
		if ((unsigned char) *chars >= ' ')
		{
			append(text, chars, 1);
			continue;
		}
		snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned) *chars);
		append_chars(text, escaped);
	}
	append_chars(text, "\"");
}

static void
append_metadata(Text *text, const FedMetadata *metadata, size_t n)
{
	append_chars(text, "\"__metadata__\":{");
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0)
			append_chars(text, ",");
		append_string(text, metadata[i].key);
		append_chars(text, ":");
		append_string(text, metadata[i].value);
	}
	append_chars(text, "}");
}

/* Its data follows that of the tensors before, which end at *data_bytes. */
static bool
append_tensor(Text *text, const FedTensorSpec *tensor, uint64_t *data_bytes,
			  FedModelError *err)
{
	uint64_t	count;
	uint64_t	bytes;

	if (!fed_tensor_size(tensor->dtype, tensor->rank, tensor->shape,
						 &count, &bytes))
		return fed_model_fail(err, FED_MODEL_BAD_SHAPE,
							  "the shape of tensor \"%.*s\" overflows",
							  SHOW(tensor->name));
	if (bytes > FED_MODEL_MAX_DATA - *data_bytes)
		return fed_model_fail(err, FED_MODEL_TOO_LARGE,
							  "the data section exceeds %" PRIu64 " bytes with tensor \"%.*s\"",
							  FED_MODEL_MAX_DATA, SHOW(tensor->name));

	append_string(text, tensor->name);
	append_chars(text, ":{\"dtype\":\"");
	append_chars(text, fed_dtype_name(tensor->dtype));
	append_chars(text, "\",\"shape\":[");
	for (size_t i = 0; i < tensor->rank; i++)
	{
		if (i > 0)
			append_chars(text, ",");
		append_number(text, tensor->shape[i]);
	}
	append_chars(text, "],\"data_offsets\":[");
	append_number(text, *data_bytes);
	append_chars(text, ",");
	append_number(text, *data_bytes + bytes);
	append_chars(text, "]}");
	*data_bytes += bytes;
	return true;
}

/* Pads so that the 8 bytes of length and the header leave the data aligned. */
static void
append_padding(Text *text)
{
	while (text->chars != NULL && text->len % ALIGNMENT != 0)
		append(text, " ", 1);
	append(text, "", 1);		/* the NUL, not counted */
	if (text->chars != NULL)
		text->len--;
}

char *
fed_model_compose_header(const FedTensorSpec *tensors, size_t n,
						 const FedMetadata *metadata, size_t n_metadata,
						 size_t *len, FedModelError *err)
{
	Text		text = {.chars = malloc(256), .capacity = 256};
	uint64_t	data_bytes = 0;
	FedModel   *check;

	if (err != NULL)
		err->code = FED_MODEL_OK;
	append_chars(&text, "{");
	if (n_metadata > 0)
		append_metadata(&text, metadata, n_metadata);
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0 || n_metadata > 0)
			append_chars(&text, ",");
		if (!append_tensor(&text, &tensors[i], &data_bytes, err))
		{
			free(text.chars);
			return NULL;
		}
	}
	append_chars(&text, "}");
	append_padding(&text);
	if (text.chars == NULL)
	{
		fed_model_fail(err, FED_MODEL_NO_MEMORY,
					   "out of memory while composing a model's header");
		return NULL;
	}

	check = fed_model_parse(text.chars, text.len, data_bytes, err);
	if (check == NULL)
	{
		free(text.chars);
		return NULL;
	}
	fed_model_free(check);
	*len = text.len;
	return text.chars;
}
