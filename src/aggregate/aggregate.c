/*
 * aggregate.c
 *		Pages of updates in, pages of a new model version out.
 *
 * combine: the weighted sum of the updates, in participant order, in float64
 * step:    new = base + rate × sum, rounded once to float32
 *
 * With weights n_k / n that is FedAvg (McMahan et al. 2017, algorithm 1) over
 * deltas. All updates are read in lockstep, a page of each at a time: memory is
 * a page per update, whatever the size of the model, and the pages are used
 * where the buffer manager holds them. The bits of the result depend on nothing
 * but the updates and their order.
 */
#include "postgres.h"

#include "aggregate/plan.h"
#include "base/compat.h"
#include "core/digest.h"
#include "core/kernels/kernels.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "pages/writer.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(federated_aggregate_slices);
PG_FUNCTION_INFO_V1(federated_simd_level);

/* Everything that is open while a range of slices is computed. */
typedef struct Pass
{
	const FedPlan *plan;
	const FedKernels *kernels;
	FedPageReader *base;
	FedPageReader **updates;
	const float **streams;		/* this page of each update */
	FedPageWriter *writer;
	instr_time	writing;		/* of the slice at hand */
	double		sum[FED_PAGE_VALUES];
	float		page[FED_PAGE_VALUES];
} Pass;

static Pass *
open_pass(const FedPlan *plan, int first_page)
{
	Pass	   *pass = palloc0(sizeof(Pass));
	int			i;

	pass->plan = plan;
	pass->kernels = fed_kernels_active();
	pass->base = fed_page_reader_open(&plan->base, first_page);
	pass->updates = palloc(mul_size(plan->n_updates, sizeof(FedPageReader *)));
	pass->streams = palloc(mul_size(plan->n_updates, sizeof(float *)));
	for (i = 0; i < plan->n_updates; i++)
		pass->updates[i] = fed_page_reader_open(&plan->updates[i], first_page);
	pass->writer = fed_page_writer_open(NameStr(plan->result.relation), plan->result.id);
	return pass;
}

static void
close_pass(Pass *pass)
{
	int			i;

	fed_page_writer_close(pass->writer);
	for (i = 0; i < pass->plan->n_updates; i++)
		fed_page_reader_close(pass->updates[i]);
	fed_page_reader_close(pass->base);
}

/* Compute one page of the result into pass->page. */
static void
compute_page(Pass *pass)
{
	const FedPlan *plan = pass->plan;
	int			i;

	for (i = 0; i < plan->n_updates; i++)
		pass->streams[i] = fed_page_reader_next(pass->updates[i]);
	memset(pass->sum, 0, sizeof(pass->sum));
	pass->kernels->weighted_sum(pass->sum, pass->streams, plan->weights, plan->n_updates, FED_PAGE_VALUES);
	pass->kernels->apply_delta(pass->page, fed_page_reader_next(pass->base), pass->sum, plan->rate, FED_PAGE_VALUES);
}

/*
 * A sum of finite updates may still leave the range of float32. Such a model
 * is worth nothing: better no round than that one.
 */
static void
check_finite(Pass *pass, int page_no)
{
	Size		bad = pass->kernels->first_nonfinite(pass->page, FED_PAGE_VALUES);

	if (bad < FED_PAGE_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the aggregated model leaves the range of float32"),
				 errdetail("Parameter " INT64_FORMAT " is not finite.", (int64) page_no * FED_PAGE_VALUES + (int64) bad)));
}

static void
write_page(Pass *pass, int page_no, int bytes)
{
	instr_time	began;
	instr_time	ended;

	INSTR_TIME_SET_CURRENT(began);
	fed_page_writer_add(pass->writer, page_no, pass->page, bytes);
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_ACCUM_DIFF(pass->writing, ended, began);
}

/* Compute and write one slice; its SHA-256 goes to digest. */
static void
compute_slice(Pass *pass, int slice, FedSha256 *hash, uint8 *digest)
{
	int			left = fed_vector_slice_length(&pass->plan->result, slice);
	int			page_no = slice * FED_SLICE_PAGES;

	for (; left > 0; left -= FED_PAGE_BYTES, page_no++)
	{
		int			bytes = Min(left, FED_PAGE_BYTES);

		compute_page(pass);
		check_finite(pass, page_no);
		write_page(pass, page_no, bytes);
		if (!fed_sha256_update(hash, pass->page, bytes))
			elog(ERROR, "could not compute SHA-256");
	}
	if (!fed_sha256_final(hash, digest))
		elog(ERROR, "could not compute SHA-256");
}

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

/* Compute and write one slice, and return its row. */
static void
aggregate_slice(Pass *pass, int slice, FedSha256 *hash, ReturnSetInfo *rsinfo)
{
	bytea	   *sha256 = palloc(VARHDRSZ + FED_SHA256_BYTES);
	instr_time	took;
	instr_time	ended;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	INSTR_TIME_SET_ZERO(pass->writing);
	INSTR_TIME_SET_CURRENT(took);
	SET_VARSIZE(sha256, VARHDRSZ + FED_SHA256_BYTES);
	compute_slice(pass, slice, hash, (uint8 *) VARDATA(sha256));
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_SUBTRACT(ended, took);

	values[0] = Int32GetDatum(slice);
	values[1] = PointerGetDatum(sha256);
	values[2] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(ended) - INSTR_TIME_GET_DOUBLE(pass->writing));
	values[3] = Float8GetDatum(INSTR_TIME_GET_DOUBLE(pass->writing));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	pfree(sha256);
}

/*
 * federated.aggregate_slices(round_id bigint, first_slice int, slice_count int)
 * returns setof (slice_no int, sha256 bytea, compute_seconds float8, write_seconds float8)
 */
Datum
federated_aggregate_slices(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		round_id = PG_GETARG_INT64(0);
	int			first = PG_GETARG_INT32(1);
	int			count = PG_GETARG_INT32(2);
	FedSha256  *hash;
	FedPlan    *plan;
	Pass	   *pass;
	int			slice;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	plan = fed_plan_load(round_id);
	if (first < 0 || count < 0 || first > fed_vector_slice_count(&plan->result) - count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slices %d to %d are out of range", first, first + count - 1),
				 errdetail("The model has %d slices.", fed_vector_slice_count(&plan->result))));

	hash = new_hash();
	pass = open_pass(plan, first * FED_SLICE_PAGES);
	for (slice = first; slice < first + count; slice++)
	{
		CHECK_FOR_INTERRUPTS();
		aggregate_slice(pass, slice, hash, rsinfo);
	}
	close_pass(pass);
	SPI_finish();
	return (Datum) 0;
}

/*
 * federated.simd_level() returns text
 */
Datum
federated_simd_level(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(fed_kernels_active()->name));
}
