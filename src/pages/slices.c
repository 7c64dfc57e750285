/*
 * slices.c
 *		SQL functions for slices: the unit in which vectors travel.
 *
 * Callers in SQL have checked length and digest; what is checked here is what
 * would otherwise write outside a vector.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/compat.h"
#include "fmgr.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "pages/slices.h"
#include "pages/writer.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(federated_write_slice);
PG_FUNCTION_INFO_V1(federated_read_slice);

/*
 * A slice is a megabyte, and so is each copy of it on its way through a call.
 * The C library gives such memory back as soon as it is free, and the kernel
 * clears it again for the next slice, which takes longer than to fill it: a
 * process that moves slices keeps some of it.
 */
static void
keep_memory(void)
{
#ifdef __GLIBC__
	static bool done = false;

	if (!done)
	{
		mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
		mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
		done = true;
	}
#endif
}

static void
check_slice(int slice, int64 bytes)
{
	if (slice < 0 || slice > PG_INT32_MAX / FED_SLICE_PAGES - 1 || bytes < 0 || bytes > FED_SLICE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("slice %d of " INT64_FORMAT " bytes is out of range", slice, bytes),
				 errdetail("A slice has at most %d bytes.", FED_SLICE_BYTES)));
}

/*
 * federated.write_slice(relation name, vector_id bigint, slice int, data bytea)
 */
Datum
federated_write_slice(PG_FUNCTION_ARGS)
{
	Name		relation = PG_GETARG_NAME(0);
	int64		vector_id = PG_GETARG_INT64(1);
	int			slice = PG_GETARG_INT32(2);
	bytea	   *data = PG_GETARG_BYTEA_PP(3);
	const char *bytes = VARDATA_ANY(data);
	int			left = VARSIZE_ANY_EXHDR(data);
	int			page_no = slice * FED_SLICE_PAGES;
	FedPageWriter *writer;

	keep_memory();
	check_slice(slice, left);
	writer = fed_page_writer_open(NameStr(*relation), vector_id);
	for (; left > 0; left -= FED_PAGE_BYTES, bytes += FED_PAGE_BYTES)
		fed_page_writer_add(writer, page_no++, bytes, Min(left, FED_PAGE_BYTES));
	fed_page_writer_close(writer);
	PG_RETURN_VOID();
}

/*
 * fed_read_slice returns so many bytes of a stored vector, from the beginning
 * of a slice on, in the current memory context.
 */
bytea *
fed_read_slice(const FedVector *vector, int slice, int bytes)
{
	FedPageReader *reader;
	bytea	   *result;
	int			done;

	keep_memory();
	check_slice(slice, bytes);
	result = palloc(VARHDRSZ + bytes);
	SET_VARSIZE(result, VARHDRSZ + bytes);
	reader = fed_page_reader_open(vector, slice * FED_SLICE_PAGES, NULL);
	for (done = 0; done < bytes; done += FED_PAGE_BYTES)
		memcpy(VARDATA(result) + done, fed_page_reader_next(reader), Min(bytes - done, FED_PAGE_BYTES));
	fed_page_reader_close(reader);
	return result;
}

/*
 * federated.read_slice(relation name, vector_id bigint, slice int, bytes int)
 * returns bytea
 */
Datum
federated_read_slice(PG_FUNCTION_ARGS)
{
	FedVector	vector = {.id = PG_GETARG_INT64(1), .relation = *PG_GETARG_NAME(0), .encoding = FED_ENCODING_F32};

	PG_RETURN_BYTEA_P(fed_read_slice(&vector, PG_GETARG_INT32(2), PG_GETARG_INT32(3)));
}
