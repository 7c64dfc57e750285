/*
 * metadata.c
 *		Says in a safetensors header where its model comes from.
 *
 * Only "__metadata__" changes, or is put first where there is none: what
 * describes tensors stays as it is, byte for byte. Keys below a prefix belong
 * to whoever writes them and are replaced as a whole, so that a model that goes
 * round does not carry what was once true of another one.
 */
#include "core/model/internal.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define METADATA_KEY "\"__metadata__\""

/* Where the data starts relative to the file is a multiple of this. */
#define ALIGNMENT 8

static bool
fail_no_memory(FedModelError *err)
{
	return fed_model_fail(err, FED_MODEL_NO_MEMORY,
						  "out of memory while writing a model's metadata");
}

/* By the decoded key, however it was escaped. */
static bool
is_metadata(FedSpan key)
{
	json_t	   *name;
	bool		found;

	if (memchr(key.text, '\\', key.len) == NULL)
		return key.len == strlen(METADATA_KEY) && memcmp(key.text, METADATA_KEY, key.len) == 0;
	name = json_loadb(key.text, key.len, JSON_DECODE_ANY, NULL);
	found = name != NULL && strcmp(json_string_value(name), "__metadata__") == 0;
	json_decref(name);
	return found;
}

/*
 * Finds the value of the metadata, length 0 at the place where the first
 * member begins if there is none, and whether there are other members.
 */
static bool
find_metadata(const char *header, size_t len, FedSpan *found, bool *alone, FedModelError *err)
{
	FedMembers	members;
	FedMembersStep step;
	FedSpan		key;
	FedSpan		value;

	if (!fed_members_open(&members, header, len, err))
		return false;
	found->text = members.pos;
	found->len = 0;
	*alone = true;
	while ((step = fed_members_next(&members, &key, &value, err)) == FED_MEMBERS_FOUND)
	{
		*alone = false;
		if (is_metadata(key))
		{
			*found = value;
			return true;
		}
		if (value.len == 0)
			return fed_model_fail(err, FED_MODEL_BAD_HEADER, "the value of %.*s is no object", SHOW_SPAN(key));
	}
	return step == FED_MEMBERS_DONE;
}

static void
remove_prefixed(json_t *object, const char *prefix)
{
	const char *name;
	json_t	   *value;
	void	   *next;

	json_object_foreach_safe(object, next, name, value)
	{
		if (strncmp(name, prefix, strlen(prefix)) == 0)
			json_object_del(object, name);
	}
}

/* The metadata with the new entries, as text to be freed; NULL: failed. */
static char *
merge(FedSpan old, const char *prefix, const FedMetadata *metadata, size_t n, FedModelError *err)
{
	/* json_object() would be PostgreSQL's, which has a function of that name. */
	json_t	   *object = old.len == 0 ? json_loadb("{}", 2, 0, NULL) : json_loadb(old.text, old.len, 0, NULL);
	char	   *text = NULL;
	bool		good = json_is_object(object);

	if (good)
		remove_prefixed(object, prefix);
	for (size_t i = 0; good && i < n; i++)
		good = json_object_set_new(object, metadata[i].key, json_string(metadata[i].value)) == 0;
	if (good)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL)
		fed_model_fail(err, FED_MODEL_BAD_METADATA, "the metadata is not valid, not UTF-8, or too long for memory");
	else if (strlen(text) > FED_MODEL_MAX_METADATA)
	{
		fed_model_fail(err, FED_MODEL_TOO_LARGE, "__metadata__ has %zu bytes; at most %zu are allowed",
					   strlen(text), FED_MODEL_MAX_METADATA);
		free(text);
		text = NULL;
	}
	return text;
}

static char *
put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

/* The header with the text of its metadata put in; NULL: no memory. */
static char *
splice(FedSpan header, FedSpan old, bool alone, const char *metadata, size_t *len)
{
	const char *rest = old.text + old.len;
	size_t		rest_len = (size_t) (header.text + header.len - rest);
	char	   *text = malloc(header.len + strlen(metadata) + strlen(METADATA_KEY) + 2 + ALIGNMENT + 1);
	char	   *end = text;

	if (text == NULL)
		return NULL;
	while (rest_len > 0 && strchr(" \t\r\n", rest[rest_len - 1]) != NULL)
		rest_len--;
	end = put(end, header.text, (size_t) (old.text - header.text));
	if (old.len == 0)
	{
		end = put(end, METADATA_KEY, strlen(METADATA_KEY));
		end = put(end, ":", 1);
	}
	end = put(end, metadata, strlen(metadata));
	if (old.len == 0 && !alone)
		end = put(end, ",", 1);
	end = put(end, rest, rest_len);
	while ((end - text) % ALIGNMENT != 0)
		end = put(end, " ", 1);
	*end = '\0';
	*len = (size_t) (end - text);
	return text;
}

char *
fed_model_set_metadata(const char *header, size_t header_len, const char *prefix,
					   const FedMetadata *metadata, size_t n, size_t *len, FedModelError *err)
{
	FedSpan		whole = {header, header_len};
	FedSpan		old;
	bool		alone;
	char	   *merged;
	char	   *text;

	if (err != NULL)
		err->code = FED_MODEL_OK;
	if (!find_metadata(header, header_len, &old, &alone, err) ||
		(merged = merge(old, prefix, metadata, n, err)) == NULL)
		return NULL;
	text = splice(whole, old, alone, merged, len);
	free(merged);
	if (text == NULL)
		fail_no_memory(err);
	else if (*len > FED_MODEL_MAX_HEADER)
	{
		fed_model_fail(err, FED_MODEL_TOO_LARGE, "the header has %zu bytes; at most %zu are allowed",
					   *len, FED_MODEL_MAX_HEADER);
		free(text);
		text = NULL;
	}
	return text;
}
