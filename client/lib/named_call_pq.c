/*
 * named_call_pq.c
 *		Calls by name, as SQL in named notation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pq_transport.h"

static const char *const sql_types[] = {
	[FED_ARGUMENT_NUMBER] = "bigint",
	[FED_ARGUMENT_INTEGER] = "integer",
	[FED_ARGUMENT_UUID] = "uuid",
	[FED_ARGUMENT_TEXT] = "text",
	[FED_ARGUMENT_JSON] = "jsonb",
	[FED_ARGUMENT_BYTES] = "bytea",
	[FED_ARGUMENT_DIGEST] = "bytea",
	[FED_ARGUMENT_INTEGERS] = "integer[]"
};

/* The text of a number or of an array, malloc'd. */
static char *
text_of(const FedArgument *argument)
{
	const int32_t *values = argument->value;
	char	   *text = malloc(24 + 12 * argument->len);
	size_t		used = 1;

	if (text == NULL)
		return NULL;
	if (argument->type != FED_ARGUMENT_INTEGERS)
	{
		sprintf(text, "%" PRId64, argument->number);
		return text;
	}
	text[0] = '{';
	for (size_t i = 0; i < argument->len; i++)
		used += (size_t) sprintf(text + used, "%s%" PRId32, i == 0 ? "" : ",", values[i]);
	strcpy(text + used, "}");
	return text;
}

static bool
is_made_text(const FedArgument *argument)
{
	return argument->type == FED_ARGUMENT_NUMBER || argument->type == FED_ARGUMENT_INTEGER ||
		argument->type == FED_ARGUMENT_INTEGERS;
}

bool
fed_pq_named_call(FedTransport *t, const FedNamedCall *call, char **document, FedError *err)
{
	char	   *texts[FED_MAX_ARGUMENTS] = {0};
	FedPqParam	params[FED_MAX_ARGUMENTS];
	char		sql[768];
	size_t		used = (size_t) snprintf(sql, sizeof(sql), "SELECT @federated_%s(", call->function);
	bool		ok = true;

	for (int i = 0; i < call->n; i++)
	{
		const FedArgument *a = &call->arguments[i];

		if (is_made_text(a) && !a->null)
		{
			texts[i] = text_of(a);
			ok = ok && texts[i] != NULL;
			params[i] = FED_PQ_TEXT(texts[i]);
		}
		else if (a->type == FED_ARGUMENT_BYTES || a->type == FED_ARGUMENT_DIGEST)
			params[i] = FED_PQ_BYTES(a->value, a->len);
		else
			params[i] = FED_PQ_TEXT(a->null ? NULL : a->value);
		used += (size_t) snprintf(sql + used, sizeof(sql) - used, "%s%s => $%d::%s", i == 0 ? "" : ", ", a->name, i + 1,
								  sql_types[a->type]);
	}
	snprintf(sql + used, sizeof(sql) - used, ")");
	ok = (ok || fed_error_memory(err)) && fed_pq_document(t, sql, call->n, params, document, err);
	for (int i = 0; i < call->n; i++)
		free(texts[i]);
	return ok;
}
