/*
 * named_call_http.c
 *		Calls by name, as a POST whose body has the arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "lib/http_transport.h"
#include "lib/json.h"

/* "\x" and digits, as the input of bytea; digests without the "\x". */
static json_t *
bytes_value(const FedArgument *argument)
{
	bool		plain = argument->type == FED_ARGUMENT_DIGEST;
	char	   *text = malloc(2 * argument->len + 3);
	json_t	   *value;

	if (text == NULL)
		return NULL;
	strcpy(text, "\\x");
	fed_hex_encode(argument->value, argument->len, text + 2);
	value = json_string(plain ? text + 2 : text);
	free(text);
	return value;
}

static json_t *
numbers_value(const FedArgument *argument)
{
	const int32_t *values = argument->value;
	json_t	   *list = json_array();

	for (size_t i = 0; i < argument->len; i++)
		json_array_append_new(list, json_integer(values[i]));
	return list;
}

static json_t *
value_of(const FedArgument *argument)
{
	switch (argument->type)
	{
		case FED_ARGUMENT_NUMBER:
		case FED_ARGUMENT_INTEGER:
			return argument->null ? json_null() : json_integer((json_int_t) argument->number);
		case FED_ARGUMENT_INTEGERS:
			return numbers_value(argument);
		case FED_ARGUMENT_UUID:
		case FED_ARGUMENT_TEXT:
			return argument->value == NULL ? json_null() : json_string(argument->value);
		default:
			return argument->value == NULL ? json_null() : bytes_value(argument);
	}
}

/* JSON goes in as it is written, after the others: what went through json_t would come out with other digits. */
static char *
body_of(const FedNamedCall *call, FedError *err)
{
	json_t	   *object = json_object();
	char	   *body;

	for (int i = 0; i < call->n; i++)
	{
		if (call->arguments[i].type != FED_ARGUMENT_JSON)
			json_object_set_new(object, call->arguments[i].name, value_of(&call->arguments[i]));
	}
	body = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (body == NULL)
		fed_error_memory(err);
	for (int i = 0; body != NULL && i < call->n; i++)
	{
		const FedArgument *a = &call->arguments[i];

		if (a->type == FED_ARGUMENT_JSON)
			body = fed_json_insert(body, a->name, a->value, a->name, err);
	}
	return body;
}

bool
fed_http_named_call(FedTransport *t, const FedNamedCall *call, char **document, FedError *err)
{
	char		path[96];

	snprintf(path, sizeof(path), "/rpc/%s", call->function);
	return fed_http_post_verdict(t, path, body_of(call, err), document, err);
}
