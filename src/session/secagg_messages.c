/*
 * secagg_messages.c
 *		SQL functions for two messages of secure aggregation that have parts: the
 *		task text that is sent, and the shares that come back.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/secagg.h"
#include "catalog/pg_type_d.h"
#include "core/secagg/reveal.h"
#include "core/secagg/task_text.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_secagg_task_text);
PG_FUNCTION_INFO_V1(federated_secagg_parse_reveal);

/* The elements of a text[] as C strings. */
static char **
strings_of(ArrayType *array, int *n)
{
	Datum	   *elements;
	char	  **strings;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	strings = palloc(mul_size(*n + 1, sizeof(char *)));
	for (i = 0; i < *n; i++)
		strings[i] = TextDatumGetCString(elements[i]);
	return strings;
}

static FedTaskEntry
entry_of(const char *name, const char *type, const char *value)
{
	FedTaskEntry entry = {0};

	entry.name = name;
	switch (*type)
	{
		case 'b':
			entry.type = FED_TASK_BOOLEAN;
			entry.boolean = strcmp(value, "true") == 0;
			break;
		case 'i':
			entry.type = FED_TASK_INTEGER;
			entry.integer = DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(value)));
			break;
		case 'f':
			entry.type = FED_TASK_REAL;
			entry.real = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(value)));
			break;
		default:
			entry.type = FED_TASK_STRING;
			entry.string = value;
			entry.string_len = strlen(value);
			break;
	}
	return entry;
}

/*
 * federated.secagg_task_text(names text[], types text[], given text[]) returns bytea
 *
 * types: b, i, f, s, as in the text; given: true or false, numbers, strings.
 * The database's encoding is taken for UTF-8, which SQL has seen to.
 */
Datum
federated_secagg_task_text(PG_FUNCTION_ARGS)
{
	int			n;
	int			n_types;
	int			n_given;
	char	  **names = strings_of(PG_GETARG_ARRAYTYPE_P(0), &n);
	char	  **types = strings_of(PG_GETARG_ARRAYTYPE_P(1), &n_types);
	char	  **given = strings_of(PG_GETARG_ARRAYTYPE_P(2), &n_given);
	FedTaskEntry *entries = palloc(mul_size(n + 1, sizeof(FedTaskEntry)));
	FedSecaggError error = {0};
	bytea	   *result;
	char	   *text;
	size_t		length;
	int			i;

	if (n != n_types || n != n_given)
		elog(ERROR, "%d names, %d types and %d values of a task text", n, n_types, n_given);
	for (i = 0; i < n; i++)
		entries[i] = entry_of(names[i], types[i], given[i]);
	if (!fed_task_text_build(entries, n, &text, &length, &error))
		fed_secagg_raise(&error);
	result = palloc_extended(VARHDRSZ + length, MCXT_ALLOC_NO_OOM);
	if (result != NULL)
	{
		SET_VARSIZE(result, VARHDRSZ + length);
		memcpy(VARDATA(result), text, length);
	}
	free(text);
	if (result == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PG_RETURN_BYTEA_P(result);
}

/*
 * federated.secagg_parse_reveal(reveal bytea, revealer int, n int, u2 int[], u3 int[], without int[])
 * returns setof (owner int, kind text, share bytea)
 *
 * 22023 if it is not exactly what the sets ask the revealer for. without: the
 * owners whose envelopes it could not open.
 */
Datum
federated_secagg_parse_reveal(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea	   *reveal = PG_GETARG_BYTEA_PP(0);
	uint32		n = PG_GETARG_INT32(2);
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	FedSecaggError error = {0};
	FedSecaggSet u2;
	FedSecaggSet u3;
	FedSecaggSet without;
	size_t		count;
	size_t		i;

	InitMaterializedSRF(fcinfo, 0);
	fed_set_of_array(PG_GETARG_ARRAYTYPE_P(3), n, "u2", &u2);
	fed_set_of_array(PG_GETARG_ARRAYTYPE_P(4), n, "u3", &u3);
	fed_set_of_array(PG_GETARG_ARRAYTYPE_P(5), n, "without", &without);
	if (!fed_reveal_parse((const uint8 *) VARDATA_ANY(reveal), VARSIZE_ANY_EXHDR(reveal), PG_GETARG_INT32(1), n,
						  entries, &count, &error)
		|| !fed_reveal_check(entries, count, &u2, &u3, &without, &error))
		fed_secagg_raise(&error);
	for (i = 0; i < count; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		values[0] = Int32GetDatum((int32) entries[i].owner);
		values[1] = CStringGetTextDatum(entries[i].kind == FED_REVEAL_B ? "b" : "sk");
		values[2] = PointerGetDatum(fed_new_bytea(entries[i].share, FED_SHARE_BYTES));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
