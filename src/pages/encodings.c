/*
 * encodings.c
 *		SQL functions for the encodings in which values travel and are stored.
 *
 * What an encoding is stands in core/encoding/encoding.h.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/floats.h"
#include "core/encoding/encoding.h"
#include "core/kernels/kernels.h"
#include "fmgr.h"
#include "pages/encodings.h"
#include "pages/layout.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(federated_encoded_bytes);
PG_FUNCTION_INFO_V1(federated_first_nonfinite);
PG_FUNCTION_INFO_V1(federated_square_sum);
PG_FUNCTION_INFO_V1(federated_encode_values);
PG_FUNCTION_INFO_V1(federated_page_values);

/* fed_get_encoding returns the encoding of an argument, whose name and choices SQL has checked for users. */
FedEncoding
fed_get_encoding(const text *name)
{
	char	   *given = text_to_cstring(name);
	FedEncoding encoding;

	if (!fed_encoding_parse(given, &encoding))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("encoding \"%s\" is not known", given)));
	return encoding;
}

static Size
value_bytes(FedEncoding encoding)
{
	Size		bytes = 0;

	(void) fed_encoded_length(encoding, 1, &bytes);
	return bytes;
}

/* How many values there are in so many bytes. */
static Size
count_values(FedEncoding encoding, Size length)
{
	if (length % value_bytes(encoding) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("data is not an array of %s", fed_encoding_name(encoding)),
				 errdetail("Its length is %zu bytes, no multiple of %zu.", length, value_bytes(encoding))));
	return length / value_bytes(encoding);
}

/*
 * federated.encoded_bytes(n_values bigint, encoding text) returns bigint
 */
Datum
federated_encoded_bytes(PG_FUNCTION_ARGS)
{
	int64		n_values = PG_GETARG_INT64(0);
	FedEncoding encoding = fed_get_encoding(PG_GETARG_TEXT_PP(1));
	Size		bytes;

	if (n_values < 0 || !fed_encoded_length(encoding, (Size) n_values, &bytes) || bytes > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg(INT64_FORMAT " values are out of range", n_values)));
	PG_RETURN_INT64((int64) bytes);
}

/* Index of the first float32 that is not finite; n_values if all are. */
static Size
first_nonfinite_f32(bytea *data)
{
	Size		n_values;
	const float *values = fed_float_values(data, "data", &n_values);

	return fed_kernels_active()->first_nonfinite(values, n_values);
}

/* The same for values that must be decoded to see; a page of them at a time stays in the cache. */
static Size
first_nonfinite_narrow(FedEncoding encoding, const char *bytes, Size n_values)
{
	float		values[FED_PAGE_VALUES];
	Size		width = value_bytes(encoding);
	Size		done;

	for (done = 0; done < n_values; done += FED_PAGE_VALUES)
	{
		Size		n = Min(n_values - done, FED_PAGE_VALUES);
		size_t		bad;

		if (fed_decode(encoding, (const uint8_t *) bytes + done * width, n * width,
					   values, n, &bad) == FED_DECODE_NONFINITE)
			return done + bad;
	}
	return n_values;
}

/*
 * federated.first_nonfinite(data bytea, encoding text) returns bigint
 *
 * Index of the first NaN or infinity; NULL when all values are finite.
 */
Datum
federated_first_nonfinite(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	FedEncoding encoding = fed_get_encoding(PG_GETARG_TEXT_PP(1));
	Size		n_values = count_values(encoding, VARSIZE_ANY_EXHDR(data));
	Size		bad;

	bad = encoding == FED_ENCODING_F32 ? first_nonfinite_f32(data)
		: first_nonfinite_narrow(encoding, VARDATA_ANY(data), n_values);
	if (bad == n_values)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) bad);
}

/*
 * federated.square_sum(data bytea, encoding text) returns float8
 *
 * Sum of the squares of finite values, page by page in their order: the same
 * bits on every SIMD level.
 */
Datum
federated_square_sum(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	FedEncoding encoding = fed_get_encoding(PG_GETARG_TEXT_PP(1));
	const uint8_t *bytes = (const uint8_t *) VARDATA_ANY(data);
	Size		n_values = count_values(encoding, VARSIZE_ANY_EXHDR(data));
	Size		width = value_bytes(encoding);
	float		values[FED_PAGE_VALUES];
	const float *stream = values;
	double		sum = 0;
	Size		done;

	for (done = 0; done < n_values; done += FED_PAGE_VALUES)
	{
		Size		n = Min(n_values - done, FED_PAGE_VALUES);
		size_t		bad;

		if (fed_decode(encoding, bytes + done * width, n * width, values, n, &bad) != FED_DECODE_OK)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("value %zu is not finite", done + bad)));
		fed_kernels_active()->norms(&sum, &stream, 1, n);
	}
	PG_RETURN_FLOAT8(sum);
}

/*
 * fed_encode_values returns an array of float32 in an encoding, in the current
 * memory context. first is the number of the first
 * value, for the message about one that the encoding does not reach (22003).
 */
bytea *
fed_encode_values(const bytea *data, FedEncoding encoding, int64 first)
{
	Size		n_values = count_values(FED_ENCODING_F32, VARSIZE(data) - VARHDRSZ);
	const float *values = (const float *) VARDATA(data);
	Size		bytes = n_values * value_bytes(encoding);	/* no more than there were */
	bytea	   *result = palloc(VARHDRSZ + bytes);
	Size		bad;

	SET_VARSIZE(result, VARHDRSZ + bytes);
	bad = fed_encode(encoding, values, n_values, (uint8_t *) VARDATA(result));
	if (bad < n_values)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter " INT64_FORMAT " does not fit encoding %s", first + (int64) bad,
						fed_encoding_name(encoding)),
				 errdetail("It is %g.", (double) values[bad]),
				 errhint("Ask for another encoding; f32 holds every value.")));
	return result;
}

/*
 * federated.encode_values(data bytea, encoding text, first bigint) returns bytea
 */
Datum
federated_encode_values(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(fed_encode_values(PG_GETARG_BYTEA_P(0), fed_get_encoding(PG_GETARG_TEXT_PP(1)), PG_GETARG_INT64(2)));
}

static void
check_part(int first, int count, Size stored)
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
	FedEncoding encoding = fed_get_encoding(PG_GETARG_TEXT_PP(1));
	int			first = PG_GETARG_INT32(2);
	int			count = PG_GETARG_INT32(3);
	Size		width = value_bytes(encoding);
	bytea	   *result;
	size_t		bad;

	check_part(first, count, count_values(encoding, VARSIZE_ANY_EXHDR(data)));
	result = palloc(VARHDRSZ + count * sizeof(float));
	SET_VARSIZE(result, VARHDRSZ + count * sizeof(float));
	if (fed_decode(encoding, (const uint8_t *) VARDATA_ANY(data) + first * width, count * width,
				   (float *) VARDATA(result), count, &bad) != FED_DECODE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a stored page holds a value that is not finite"),
				 errdetail("Value %zu of the page, from 0.", first + bad)));
	PG_RETURN_BYTEA_P(result);
}
