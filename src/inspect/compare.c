/*
 * compare.c
 *		Two stored vectors against each other, tensor by tensor.
 *
 * Both are read once, a page of each at a time. Tensors end where they end, in
 * the middle of pages; one of no values takes none.
 */
#include "postgres.h"

#include <math.h>

#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "core/inspect/comparison.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pages/layout.h"
#include "pages/values.h"
#include "pages/vectors.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_compare_vectors);

/* Where a comparison is: which tensor, how much of it is still to come. */
typedef struct Walk
{
	ReturnSetInfo *rsinfo;
	const int64 *lengths;
	int			n_tensors;
	int			tensor;
	int64		left;
	FedComparison sums;
} Walk;

static const int64 *
lengths_of(ArrayType *array, int *count, int64 *total)
{
	Datum	   *values;
	bool	   *nulls;
	int64	   *lengths;
	int			i;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, count);
	lengths = palloc(sizeof(int64) * Max(*count, 1));
	*total = 0;
	for (i = 0; i < *count; i++)
	{
		lengths[i] = nulls[i] ? -1 : DatumGetInt64(values[i]);
		if (lengths[i] < 0 || lengths[i] > PG_INT64_MAX - *total)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("length of tensor %d is not valid", i + 1)));
		*total += lengths[i];
	}
	return lengths;
}

/* Returns the row of the tensor that is complete. */
static void
put_row(Walk *walk)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	double		cosine = 0;

	nulls[4] = !fed_comparison_cosine(&walk->sums, &cosine);
	values[0] = Int32GetDatum(walk->tensor + 1);
	values[1] = Float8GetDatum(sqrt(walk->sums.aa));
	values[2] = Float8GetDatum(sqrt(walk->sums.bb));
	values[3] = Float8GetDatum(sqrt(walk->sums.dd));
	values[4] = Float8GetDatum(cosine);
	values[5] = Float8GetDatum(walk->sums.largest);
	tuplestore_putvalues(walk->rsinfo->setResult, walk->rsinfo->setDesc, values, nulls);
}

/* Goes to the next tensor that has values; those that end here are returned. */
static void
finish_tensors(Walk *walk)
{
	while (walk->left == 0 && walk->tensor < walk->n_tensors)
	{
		put_row(walk);
		memset(&walk->sums, 0, sizeof(walk->sums));
		walk->tensor++;
		walk->left = walk->tensor < walk->n_tensors ? walk->lengths[walk->tensor] : 0;
	}
}

/* Compares a page of n values of both, which may hold parts of many tensors. */
static void
compare_page(Walk *walk, const float *a, const float *b, Size n)
{
	Size		done;
	Size		part;

	for (done = 0; done < n; done += part)
	{
		finish_tensors(walk);
		part = (Size) Min((int64) (n - done), walk->left);
		fed_comparison_add(&walk->sums, a + done, b + done, part);
		walk->left -= (int64) part;
	}
}

static void
compare(Walk *walk, const FedVector *a, const FedVector *b, int64 total)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	FedValueReader *reader_a = fed_value_reader_open(a, 0, strategy);
	FedValueReader *reader_b = fed_value_reader_open(b, 0, strategy);
	int64		done;

	walk->left = walk->n_tensors > 0 ? walk->lengths[0] : 0;
	for (done = 0; done < total; done += FED_PAGE_VALUES)
	{
		const float *page = fed_value_reader_next(reader_a);

		CHECK_FOR_INTERRUPTS();
		compare_page(walk, page, fed_value_reader_next(reader_b), (Size) Min(total - done, FED_PAGE_VALUES));
	}
	finish_tensors(walk);
	fed_value_reader_close(reader_a);
	fed_value_reader_close(reader_b);
	FreeAccessStrategy(strategy);
}

/*
 * federated.compare_vectors(a bigint, b bigint, lengths bigint[])
 * returns setof (tensor int, norm_a, norm_b, norm_difference, cosine, max_difference float8)
 */
Datum
federated_compare_vectors(PG_FUNCTION_ARGS)
{
	Walk		walk = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	FedVector	a;
	FedVector	b;
	int64		total;

	walk.lengths = lengths_of(PG_GETARG_ARRAYTYPE_P(2), &walk.n_tensors, &total);
	SPI_connect();
	a = fed_vector_lookup(PG_GETARG_INT64(0));
	b = fed_vector_lookup(PG_GETARG_INT64(1));
	SPI_finish();
	if (fed_vector_values(&a) != total || fed_vector_values(&b) != total)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored vectors do not have the tensors' length"),
				 errdetail("The tensors have " INT64_FORMAT " values, the vectors " INT64_FORMAT " and " INT64_FORMAT ".",
						   total, fed_vector_values(&a), fed_vector_values(&b))));
	InitMaterializedSRF(fcinfo, 0);
	compare(&walk, &a, &b, total);
	return (Datum) 0;
}
