/*
 * json.c
 *		Reading JSON members with a message that names what is wrong.
 */
#include "lib/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most digits that every integer of jansson can have. */
#define INTEGER_DIGITS 18

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * PostgreSQL writes 1e300 as an integer of 301 digits, which jansson refuses.
 * This copy has ".0" after every integer that might be too long for it, so
 * that it is read as a real; strings stay as they are. malloc'd; NULL if there
 * is no memory.
 */
static char *
mark_long_integers(const char *text)
{
	size_t		len = strlen(text);
	char	   *copy = malloc(len + 2 * (len / INTEGER_DIGITS) + 1);
	char	   *out = copy;
	bool		in_string = false;

	if (copy == NULL)
		return NULL;
	for (const char *c = text; *c != '\0';)
	{
		const char *start = c;
		bool		begins_number = !in_string && is_digit(*c) &&
			(c == text || strchr("0123456789.eE+", c[-1]) == NULL);

		if (*c == '"')
			in_string = !in_string;
		else if (in_string && *c == '\\' && c[1] != '\0')
			*out++ = *c++;
		do
			*out++ = *c++;
		while (begins_number && is_digit(*c));
		if (begins_number && c - start > INTEGER_DIGITS && *c != '.' && *c != 'e' && *c != 'E')
		{
			*out++ = '.';
			*out++ = '0';
		}
	}
	*out = '\0';
	return copy;
}

json_t *
fed_json_value(const char *text, const char *what, FedErrorKind kind,
			   FedError *err)
{
	json_error_t where;
	char	   *readable = mark_long_integers(text);
	json_t	   *value = readable == NULL ? NULL
		: json_loads(readable, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);

	free(readable);
	if (readable == NULL)
		fed_error_memory(err);
	else if (value == NULL)
		fed_error_set(err, kind, "%s is not valid JSON: line %d, column %d: %s",
					  what, where.line, where.column, where.text);
	return value;
}

json_t *
fed_json_parse(const char *text, const char *what, FedErrorKind kind,
			   FedError *err)
{
	json_t	   *object = fed_json_value(text, what, kind, err);

	if (object != NULL && !json_is_object(object))
	{
		fed_error_set(err, kind, "%s is not a JSON object", what);
		json_decref(object);
		object = NULL;
	}
	return object;
}

bool
fed_json_int(const json_t *object, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		return false;
	*out = json_integer_value(value);
	return true;
}

bool
fed_json_number(const json_t *object, const char *key, double *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value) || !isfinite(json_number_value(value)))
		return false;
	*out = json_number_value(value);
	return true;
}

const char *
fed_json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

void
fed_json_copy(const json_t *object, const char *key, char *out, size_t size)
{
	const char *text = fed_json_text(object, key);

	snprintf(out, size, "%s", text == NULL ? "" : text);
}

void
fed_json_slices(const json_t *array, FedSliceSet *set)
{
	for (size_t i = 0; i < json_array_size(array); i++)
	{
		const json_t *value = json_array_get(array, i);

		if (json_is_integer(value) && json_integer_value(value) >= 0)
			fed_slice_set_add(set, (uint64_t) json_integer_value(value));
	}
}

json_t *
fed_json_message(const char *message)
{
	json_t	   *text = json_string(message);
	char	   *plain = text == NULL ? strdup(message) : NULL;

	for (char *c = plain; c != NULL && *c != '\0'; c++)
	{
		if ((unsigned char) *c >= 0x80)
			*c = '?';
	}
	if (plain != NULL)
		text = json_string(plain);
	free(plain);
	return text;
}

char *
fed_json_insert(char *object, const char *key, const char *value, const char *what, FedError *err)
{
	json_t	   *valid = fed_json_parse(value, what, FED_ERR_USAGE, err);
	char	   *out = NULL;
	size_t		len = strlen(object);
	bool		empty = strcmp(object, "{}") == 0;

	if (valid != NULL && asprintf(&out, "%.*s%s\"%s\":%s}", (int) len - 1, object, empty ? "" : ",", key, value) < 0)
	{
		fed_error_memory(err);
		out = NULL;
	}
	json_decref(valid);
	free(object);
	return out;
}
