/*
 * aggregate.c
 *		Pages of updates in, pages of a new model version out.
 *
 * What happens to a page is the stages' business (stages.h), which pages of
 * which vectors come together the pass's (pass.c); here pages are checked,
 * written and hashed, slice by slice.
 */
#include "postgres.h"

#include "aggregate/pass.h"
#include "aggregate/plan.h"
#include "base/compat.h"
#include "catalog/pg_type_d.h"
#include "core/digest.h"
#include "core/kernels/kernels.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "pages/layout.h"
#include "pages/writer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include <math.h>

PG_FUNCTION_INFO_V1(federated_aggregate_slices);
PG_FUNCTION_INFO_V1(federated_combined_norm);
PG_FUNCTION_INFO_V1(federated_simd_level);

/* Where the pages that a pass makes go. */
typedef struct Output
{
	const FedPlan *plan;
	FedPageWriter *result;
	FedPageWriter **states;
	FedSha256  *hash;			/* of the slice of the result at hand */
	double	   *products;		/* of its updates, summed up page by page */
	instr_time	writing;		/* time it took to write that slice */
} Output;

static void
free_hash(void *hash)
{
	fed_sha256_free(hash);
}

/* The context is libcrypto's; it goes with the current memory context. */
static FedSha256 *
new_hash(void)
{
	FedSha256  *hash = fed_sha256_new();
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	if (hash == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	callback->func = free_hash;
	callback->arg = hash;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return hash;
}

static FedPageWriter *
open_writer(const FedVector *vector)
{
	return fed_page_writer_open(NameStr(vector->relation), vector->id);
}

static Output *
open_output(const FedPlan *plan)
{
	Output	   *output = palloc0(sizeof(Output));
	int			i;

	output->plan = plan;
	output->hash = new_hash();
	output->products = palloc(mul_size(fed_plan_products(plan), sizeof(double)));
	output->result = open_writer(&plan->result);
	output->states = palloc(mul_size(plan->n_states, sizeof(FedPageWriter *)));
	for (i = 0; i < plan->n_states; i++)
		output->states[i] = open_writer(&plan->states[i].after);
	return output;
}

static void
close_output(Output *output)
{
	int			i;

	for (i = 0; i < output->plan->n_states; i++)
		fed_page_writer_close(output->states[i]);
	fed_page_writer_close(output->result);
}

/*
 * A sum of finite updates may still leave the range of float32. Such a model
 * is worth nothing: better no round than that one.
 */
static void
check_finite(const float *page, int page_no, const char *what)
{
	Size		bad = fed_kernels_active()->first_nonfinite(page, FED_PAGE_VALUES);

	if (bad < FED_PAGE_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s leaves the range of float32", what),
				 errdetail("Parameter " INT64_FORMAT " is not finite.", (int64) page_no * FED_PAGE_VALUES + (int64) bad)));
}

static void
write_page(Output *output, const FedPageWork *work, int bytes)
{
	instr_time	began;
	instr_time	ended;
	int			i;

	check_finite(work->result, work->page_no, "the aggregated model");
	for (i = 0; i < output->plan->n_states; i++)
		check_finite(work->after[i], work->page_no, "the state of the server's optimizer");

	INSTR_TIME_SET_CURRENT(began);
	fed_page_writer_add(output->result, work->page_no, work->result, bytes);
	for (i = 0; i < output->plan->n_states; i++)
		fed_page_writer_add(output->states[i], work->page_no, work->after[i], bytes);
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_ACCUM_DIFF(output->writing, ended, began);
}

static void
add_products(Output *output, const FedPageWork *work)
{
	int			i;

	for (i = 0; i < fed_plan_products(output->plan); i++)
		output->products[i] += work->products[i];
}

/* The products of the slice at hand as float8[]. */
static Datum
products_array(const Output *output)
{
	int			n = fed_plan_products(output->plan);
	Datum	   *values = palloc(mul_size(n, sizeof(Datum)));
	ArrayType  *array;
	int			i;

	for (i = 0; i < n; i++)
		values[i] = Float8GetDatum(output->products[i]);
	array = construct_array(values, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	pfree(values);
	return PointerGetDatum(array);
}

/* Compute and write one slice; the SHA-256 of the result's goes to digest. */
static void
compute_slice(FedPass *pass, Output *output, int slice, uint8 *digest)
{
	int			left = fed_vector_slice_length(&output->plan->result, slice);

	memset(output->products, 0, mul_size(fed_plan_products(output->plan), sizeof(double)));
	for (; left > 0; left -= FED_PAGE_BYTES)
	{
		int			bytes = Min(left, FED_PAGE_BYTES);
		FedPageWork *work = fed_pass_next(pass);

		add_products(output, work);
		write_page(output, work, bytes);
		if (!fed_sha256_update(output->hash, work->result, bytes))
			elog(ERROR, "could not compute SHA-256");
	}
	if (!fed_sha256_final(output->hash, digest))
		elog(ERROR, "could not compute SHA-256");
}

/* Compute and write one slice, and return its row. */
static void
aggregate_slice(FedPass *pass, Output *output, int slice, ReturnSetInfo *rsinfo)
{
	bytea	   *sha256 = palloc(VARHDRSZ + FED_SHA256_BYTES);
	instr_time	took;
	instr_time	ended;
	Datum		values[5] = {0};
	bool		nulls[5] = {false, false, false, false, false};

	INSTR_TIME_SET_ZERO(output->writing);
	INSTR_TIME_SET_CURRENT(took);
	SET_VARSIZE(sha256, VARHDRSZ + FED_SHA256_BYTES);
	compute_slice(pass, output, slice, (uint8 *) VARDATA(sha256));
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_SUBTRACT(ended, took);

	values[0] = Int32GetDatum(slice);
	values[1] = PointerGetDatum(sha256);
	values[2] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(ended) - INSTR_TIME_GET_DOUBLE(output->writing));
	values[3] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(output->writing));
	nulls[4] = !output->plan->compare;
	if (output->plan->compare)
		values[4] = products_array(output);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	pfree(sha256);
	if (output->plan->compare)
		pfree(DatumGetPointer(values[4]));
}

static void
check_range(const FedPlan *plan, int first, int count)
{
	int			slices = fed_vector_slice_count(&plan->result);

	if (first < 0 || count < 0 || first > slices - count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slices %d to %d are out of range", first, first + count - 1),
				 errdetail("The model has %d slices.", slices)));
}

/*
 * federated.aggregate_slices(round_id bigint, first_slice int, slice_count int)
 * returns setof (slice_no int, sha256 bytea, compute_seconds float8, write_seconds float8,
 *				  products float8[])
 */
Datum
federated_aggregate_slices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			first = PG_GETARG_INT32(1);
	int			count = PG_GETARG_INT32(2);
	FedPlan    *plan;
	FedPass    *pass;
	Output	   *output;
	int			slice;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	plan = fed_plan_load(PG_GETARG_INT64(0));
	check_range(plan, first, count);

	output = open_output(plan);
	pass = fed_pass_open(plan, first * FED_SLICE_PAGES, true);
	for (slice = first; slice < first + count; slice++)
	{
		CHECK_FOR_INTERRUPTS();
		aggregate_slice(pass, output, slice, rsinfo);
	}
	fed_pass_close(pass);
	close_output(output);
	SPI_finish();
	return (Datum) 0;
}

/*
 * federated.combined_norm(round_id bigint, first_slice int, slice_count int)
 * returns float8
 *
 * How far the updates of a round together would move the model: the L2 norm of
 * the combined update over some slices. Nothing is stored. Refused (0A000) where
 * noise is to be added: the norm without it is nobody's business.
 */
Datum
federated_combined_norm(PG_FUNCTION_ARGS)
{
	int			first = PG_GETARG_INT32(1);
	int			count = PG_GETARG_INT32(2);
	FedPlan    *plan;
	FedPass    *pass;
	double		squares = 0;
	int			slice;

	SPI_connect();
	plan = fed_plan_load(PG_GETARG_INT64(0));
	if (plan->privacy != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the updates of a session with differential privacy are not combined without noise")));
	check_range(plan, first, count);
	pass = fed_pass_open(plan, first * FED_SLICE_PAGES, false);
	for (slice = first; slice < first + count; slice++)
	{
		int			left = fed_vector_slice_length(&plan->result, slice);

		CHECK_FOR_INTERRUPTS();
		for (; left > 0; left -= FED_PAGE_BYTES)
			fed_kernels_active()->wide_dots(&squares, NULL, 0, fed_pass_next(pass)->sum, FED_PAGE_VALUES);
	}
	fed_pass_close(pass);
	SPI_finish();
	PG_RETURN_FLOAT8(sqrt(squares));
}

/*
 * federated.simd_level() returns text
 */
Datum
federated_simd_level(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(fed_kernels_active()->name));
}
