/*
 * plan_task.c
 *		The trainer's task, made from the text that was hashed.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/secagg/plan.h"

static json_t *
value_of(const FedTaskEntry *entry)
{
	switch (entry->type)
	{
		case FED_TASK_BOOLEAN:
			return json_boolean(entry->boolean);
		case FED_TASK_INTEGER:
			return json_integer((json_int_t) entry->integer);
		case FED_TASK_REAL:
			return json_real(entry->real);
		default:
			return json_stringn(entry->string, entry->string_len);
	}
}

/*
 * Puts a value where its flattened name leads. Of an object the keys begin with
 * a letter, of an array with a digit; the parser has seen to it that no name
 * leads both ways, and that indices come without gaps (but as text: "10" before
 * "2"), so an array grows with nulls until all are there.
 */
static bool
put(json_t *at, const char *name, json_t *value)
{
	const char *dot = strchr(name, '.');
	size_t		len = dot == NULL ? strlen(name) : (size_t) (dot - name);
	char		segment[FED_TASK_SEGMENT + 1];
	json_t	   *next = value;

	if (len > FED_TASK_SEGMENT)
		return false;
	memcpy(segment, name, len);
	segment[len] = '\0';
	if (json_is_array(at))
	{
		size_t		index = (size_t) strtoul(segment, NULL, 10);

		while (json_array_size(at) <= index)
			json_array_append_new(at, json_null());
		if (dot != NULL && json_is_null(json_array_get(at, index)))
			json_array_set_new(at, index, dot[1] >= '0' && dot[1] <= '9' ? json_array() : json_object());
		return dot == NULL ? json_array_set(at, index, value) == 0 : put(json_array_get(at, index), dot + 1, value);
	}
	if (dot == NULL)
		return json_object_set(at, segment, value) == 0;
	next = json_object_get(at, segment);
	if (next == NULL)
	{
		next = dot[1] >= '0' && dot[1] <= '9' ? json_array() : json_object();
		json_object_set_new(at, segment, next);
	}
	return put(next, dot + 1, value);
}

/* Names that the document has beside the config. */
static bool
is_outside(const char *name)
{
	return strcmp(name, "workload") == 0 || strcmp(name, "total_rounds") == 0;
}

char *
fed_plan_task(const FedPlan *plan, const char *session_id, uint32_t round, bool evaluation, FedError *err)
{
	json_t	   *config = json_object();
	json_t	   *task = json_pack("{s:s, s:I, s:s, s:o}", "session_id", session_id, "round", (json_int_t) round, "kind",
								 evaluation ? "evaluate" : "train", "config", config);
	char	   *text;
	bool		ok = task != NULL && json_object_set_new(config, "hyperparameters", json_object()) == 0;

	for (size_t i = 0; ok && i < fed_task_text_count(plan->text); i++)
	{
		const FedTaskEntry *entry = fed_task_text_entry(plan->text, i);
		json_t	   *value = value_of(entry);

		ok = value != NULL && put(is_outside(entry->name) ? task : config, entry->name, value);
		json_decref(value);
	}
	text = ok ? json_dumps(task, JSON_INDENT(1)) : NULL;
	json_decref(task);
	if (text == NULL)
		fed_error_memory(err);
	return text;
}
