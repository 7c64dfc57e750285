/*
 * json.c
 *		Reading JSON members with a message that names what is wrong.
 */
#include "lib/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

json_t *
fed_json_parse(const char *text, const char *what, FedErrorKind kind,
			   FedError *err)
{
	json_error_t where;
	json_t	   *object = json_loads(text, JSON_REJECT_DUPLICATES, &where);

	if (object == NULL)
		fed_error_set(err, kind, "%s is not valid JSON: line %d, column %d: %s",
					  what, where.line, where.column, where.text);
	else if (!json_is_object(object))
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
