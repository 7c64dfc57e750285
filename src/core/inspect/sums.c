/*
 * sums.c
 *		What an aggregate over pages has summed up so far, and its serial form.
 */
#include "core/inspect/sums.h"

#include <math.h>
#include <string.h>

#include "core/model/byteorder.h"

#define FORM_VERSION 1

/* Where things are in the serial form. */
#define AT_VERSION 4
#define AT_KIND 6
#define AT_VALUES 8
#define AT_ROWS 12
#define AT_SUMS 20

static const char magic[4] = {'F', 'E', 'D', 's'};

/* Sums of a kind; 0 if there are none such. */
static size_t
count_sums(FedSumsKind kind, size_t n_values)
{
	if (kind != FED_SUMS_WEIGHTED && n_values != 0)
		return 0;
	switch (kind)
	{
		case FED_SUMS_WEIGHTED:
			return n_values <= FED_SUMS_MAX_VALUES ? 1 + n_values : 0;
		case FED_SUMS_NORM:
		case FED_SUMS_DOT:
			return 1;
		case FED_SUMS_COSINE:
			return 3;
	}
	return 0;
}

size_t
fed_sums_size(FedSumsKind kind, size_t n_values)
{
	size_t		count = count_sums(kind, n_values);

	return count == 0 ? 0 : sizeof(FedSums) + count * sizeof(double);
}

void
fed_sums_init(FedSums *sums, FedSumsKind kind, size_t n_values)
{
	size_t		count = count_sums(kind, n_values);

	sums->kind = kind;
	sums->n_values = (uint32_t) n_values;
	sums->rows = 0;
	for (size_t i = 0; i < count; i++)
		sums->sums[i] = 0;
}

bool
fed_sums_add(FedSums *sums, const FedSums *from)
{
	size_t		count = count_sums(sums->kind, sums->n_values);

	if (sums->kind != from->kind || sums->n_values != from->n_values)
		return false;
	sums->rows += from->rows;
	for (size_t i = 0; i < count; i++)
		sums->sums[i] += from->sums[i];
	return true;
}

bool
fed_sums_finite(const FedSums *sums)
{
	size_t		count = count_sums(sums->kind, sums->n_values);

	for (size_t i = 0; i < count; i++)
	{
		if (!isfinite(sums->sums[i]))
			return false;
	}
	return true;
}

size_t
fed_sums_packed_length(const FedSums *sums)
{
	return AT_SUMS + count_sums(sums->kind, sums->n_values) * sizeof(double);
}

void
fed_sums_pack(const FedSums *sums, uint8_t *out)
{
	size_t		count = count_sums(sums->kind, sums->n_values);

	memcpy(out, magic, sizeof(magic));
	fed_store_le16(out + AT_VERSION, FORM_VERSION);
	fed_store_le16(out + AT_KIND, (uint16_t) sums->kind);
	fed_store_le32(out + AT_VALUES, sums->n_values);
	fed_store_le64(out + AT_ROWS, sums->rows);
	for (size_t i = 0; i < count; i++)
	{
		uint64_t	bits;

		memcpy(&bits, &sums->sums[i], sizeof(bits));
		fed_store_le64(out + AT_SUMS + i * sizeof(bits), bits);
	}
}

static double
load_sum(const uint8_t *bytes, size_t i)
{
	uint64_t	bits = fed_load_le64(bytes + AT_SUMS + i * sizeof(bits));
	double		sum;

	memcpy(&sum, &bits, sizeof(sum));
	return sum;
}

/* Whether a sum is one of squares, which are not negative. */
static bool
is_of_squares(FedSumsKind kind, size_t i)
{
	return kind == FED_SUMS_NORM || (kind == FED_SUMS_COSINE && i != 1);
}

const char *
fed_sums_problem(const uint8_t *bytes, size_t len, size_t *size)
{
	uint16_t	kind;
	size_t		count;

	if (len < AT_SUMS)
		return "it is too short";
	if (memcmp(bytes, magic, sizeof(magic)) != 0)
		return "it does not begin like one";
	if (fed_load_le16(bytes + AT_VERSION) != FORM_VERSION)
		return "it is of another version";
	kind = fed_load_le16(bytes + AT_KIND);
	if (kind < FED_SUMS_WEIGHTED || kind > FED_SUMS_COSINE)
		return "it is of no known kind";
	count = count_sums((FedSumsKind) kind, fed_load_le32(bytes + AT_VALUES));
	if (count == 0)
		return "its number of values is out of range";
	if (len != AT_SUMS + count * sizeof(double))
		return "its length does not fit its number of values";
	if (fed_load_le64(bytes + AT_ROWS) == 0)
		return "it is of no rows";
	for (size_t i = 0; i < count; i++)
	{
		if (!isfinite(load_sum(bytes, i)))
			return "one of its sums is not finite";
		if (is_of_squares((FedSumsKind) kind, i) && load_sum(bytes, i) < 0)
			return "one of its sums of squares is negative";
	}
	*size = sizeof(FedSums) + count * sizeof(double);
	return NULL;
}

void
fed_sums_unpack(const uint8_t *bytes, FedSums *out)
{
	size_t		count;

	out->kind = (FedSumsKind) fed_load_le16(bytes + AT_KIND);
	out->n_values = fed_load_le32(bytes + AT_VALUES);
	out->rows = fed_load_le64(bytes + AT_ROWS);
	count = count_sums(out->kind, out->n_values);
	for (size_t i = 0; i < count; i++)
		out->sums[i] = load_sum(bytes, i);
}
