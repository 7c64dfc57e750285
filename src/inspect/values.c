/*
 * values.c
 *		Values of a stored page as float32, whatever they are stored as.
 */
#include "postgres.h"

#include "base/compat.h"
#include "core/encoding/encoding.h"
#include "fmgr.h"
#include "pages/layout.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(federated_page_values);

static FedEncoding
encoding_of(const char *name)
{
	FedEncoding encoding;

	if (!fed_encoding_parse(name, &encoding))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("encoding \"%s\" is not known", name)));
	return encoding;
}

/* Values of an encoding that so many bytes hold. */
static Size
values_in(FedEncoding encoding, Size bytes)
{
	Size		width;

	if (!fed_encoded_length(encoding, 1, &width))
		elog(ERROR, "encoding %d has no length", encoding);
	return bytes / width;
}

static void
check_range(int first, int count, Size stored)
{
	if (first < 0 || count < 0 || count > FED_PAGE_VALUES || (Size) first + (Size) count > stored)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values %d to " INT64_FORMAT " are out of range", first, (int64) first + count - 1),
				 errdetail("The page has %zu; at most %d are read at once.", stored, FED_PAGE_VALUES)));
}

/*
 * federated.page_values(data bytea, encoding text, first int, count int)
 * returns bytea
 *
 * What a page row holds was checked when it was stored: a value that is not
 * finite now means damage.
 */
Datum
federated_page_values(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	FedEncoding encoding = encoding_of(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	int			first = PG_GETARG_INT32(2);
	int			count = PG_GETARG_INT32(3);
	bytea	   *result;
	Size		skipped;
	Size		length;
	Size		bad = 0;

	check_range(first, count, values_in(encoding, VARSIZE_ANY_EXHDR(data)));
	if (!fed_encoded_length(encoding, first, &skipped) || !fed_encoded_length(encoding, count, &length))
		elog(ERROR, "encoding %d has no length", encoding);
	result = palloc(VARHDRSZ + count * sizeof(float));
	SET_VARSIZE(result, VARHDRSZ + count * sizeof(float));
	if (fed_decode(encoding, (const uint8 *) VARDATA_ANY(data) + skipped, length,
				   (float *) VARDATA(result), count, &bad) != FED_DECODE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a stored page holds a value that is not finite"),
				 errdetail("Value %zu of the page, from 0.", first + bad)));
	PG_RETURN_BYTEA_P(result);
}
