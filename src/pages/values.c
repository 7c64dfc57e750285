/*
 * values.c
 *		Parameters of one vector as float32, whatever they are stored as.
 *
 * Narrow encodings are stored as they were sent, so that they save disk and WAL
 * too; a stored page then holds the values of two pages of float32. They are
 * decoded here, next to the kernel that wants them and in its cache.
 */
#include "postgres.h"

#include "base/compat.h"
#include "core/encoding/encoding.h"
#include "pages/layout.h"
#include "pages/reader.h"
#include "pages/values.h"

struct FedValueReader
{
	FedVector	vector;
	FedPageReader *pages;
	int			next_page;		/* of FED_PAGE_VALUES values */
	int			parts;			/* of those in a stored page */
	const uint8 *stored;
	float		values[FED_PAGE_VALUES];	/* decoded; not used for float32 */
};

/*
 * fed_value_reader_open places a reader before one page of FED_PAGE_VALUES
 * values. It is allocated in the current memory context. Locks and strategy: see
 * reader.c.
 */
FedValueReader *
fed_value_reader_open(const FedVector *vector, int first_page, BufferAccessStrategy strategy)
{
	FedValueReader *reader = palloc0(sizeof(FedValueReader));

	reader->vector = *vector;
	reader->parts = (int) sizeof(float) / fed_vector_value_bytes(vector);
	reader->pages = fed_page_reader_open(vector, first_page / reader->parts, strategy);
	reader->next_page = first_page;
	if (first_page % reader->parts != 0)
		reader->stored = fed_page_reader_next(reader->pages);
	return reader;
}

static const float *
decode(FedValueReader *reader, int part)
{
	size_t		length = FED_PAGE_BYTES / reader->parts;
	size_t		bad;

	if (fed_decode(reader->vector.encoding, reader->stored + part * length, length, reader->values,
				   FED_PAGE_VALUES, &bad) != FED_DECODE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("page %d of vector " INT64_FORMAT " in \"%s\" is not finite", reader->next_page,
						reader->vector.id, NameStr(reader->vector.relation))));
	return reader->values;
}

/*
 * fed_value_reader_next returns the next FED_PAGE_VALUES values, behind the end
 * of the vector zeros; good until the next call.
 */
const float *
fed_value_reader_next(FedValueReader *reader)
{
	int			part = reader->next_page % reader->parts;
	const float *values;

	if (part == 0)
		reader->stored = fed_page_reader_next(reader->pages);
	values = reader->parts == 1 ? (const float *) reader->stored : decode(reader, part);
	reader->next_page++;
	return values;
}

/* fed_value_reader_close ends the reading; the table's lock stays. */
void
fed_value_reader_close(FedValueReader *reader)
{
	fed_page_reader_close(reader->pages);
	pfree(reader);
}
