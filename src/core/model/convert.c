/*
 * convert.c
 *		Moves ranges between a data section and its two forms.
 *
 * A range starts in the tensor that a binary search finds and runs on through
 * the following ones; empty tensors are not in the orders that are searched.
 * Nothing is aligned: neither the data section nor a tensor within it.
 */
#include "core/model/internal.h"

#include <string.h>

#include "core/encoding/encoding.h"
#include "core/model/byteorder.h"

static uint32_t
float_bits(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
load_double(const uint8_t *at)
{
	uint64_t	bits = fed_load_le64(at);
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
store_double(uint8_t *at, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	fed_store_le64(at, bits);
}

static FedEncoding
encoding_of(FedDtype dtype)
{
	return dtype == FED_DTYPE_F16 ? FED_ENCODING_F16
		: dtype == FED_DTYPE_BF16 ? FED_ENCODING_BF16 : FED_ENCODING_F32;
}

/* n elements of a trainable type at data, to floats. */
static void
decode(FedDtype dtype, const uint8_t *data, size_t n, float *out)
{
	if (dtype != FED_DTYPE_F64)
		fed_decode_plain(encoding_of(dtype), data, out, n);
	else
		for (size_t i = 0; i < n; i++)
			out[i] = (float) load_double(data + 8 * i);
}

/* n floats to elements of a trainable type at data; too large ones to infinity. */
static void
encode(FedDtype dtype, uint8_t *data, size_t n, const float *in)
{
	if (dtype != FED_DTYPE_F64)
	{
		(void) fed_encode(encoding_of(dtype), in, n, data);
		return;
	}

	/* Bits are compared, to tell the zeroes apart and keep NaNs. */
	for (size_t i = 0; i < n; i++)
	{
		float		existing = (float) load_double(data + 8 * i);

		if (float_bits(existing) != float_bits(in[i]))
			store_double(data + 8 * i, (double) in[i]);
	}
}

/* A range of the vector or of the frozen bytes, tensor by tensor. */
typedef struct Walk
{
	const FedModel *model;
	bool		frozen;
	const uint32_t *order;
	size_t		place;			/* in order, of the tensor that comes next */
	uint64_t	first;			/* what is left of the range */
	size_t		n;

	/* The current run: values of one tensor, or bytes of it if frozen. */
	FedDtype	dtype;
	uint64_t	at;				/* bytes, in the data section */
	size_t		run;
} Walk;

static uint64_t
offset_in_form(const Walk *w, size_t place)
{
	const FedTensor *t = &w->model->tensors[w->order[place]];

	return w->frozen ? t->frozen_offset : t->vector_offset;
}

/* Starts before the last tensor whose offset is not beyond the range's. */
static Walk
walk(const FedModel *model, bool frozen, uint64_t first, size_t n)
{
	Walk		w = {.model = model, .frozen = frozen, .first = first, .n = n};
	size_t		beyond = frozen ? model->n_frozen : model->n_vector;

	w.order = frozen ? model->frozen_order : model->vector_order;
	while (beyond - w.place > 1)
	{
		size_t		middle = w.place + (beyond - w.place) / 2;

		if (offset_in_form(&w, middle) <= first)
			w.place = middle;
		else
			beyond = middle;
	}
	return w;
}

/* Goes on to the next run; false at the end of the range. */
static bool
next_run(Walk *w)
{
	const FedTensor *t;
	size_t		unit;
	uint64_t	skip;
	uint64_t	left;

	if (w->n == 0)
		return false;
	t = &w->model->tensors[w->order[w->place]];
	unit = w->frozen ? 1 : fed_dtype_size(t->dtype);
	skip = w->first - offset_in_form(w, w->place);
	left = (t->end - t->begin) / unit - skip;

	w->dtype = t->dtype;
	w->at = t->begin + skip * unit;
	w->run = w->n < left ? w->n : (size_t) left;
	w->place++;
	w->first += w->run;
	w->n -= w->run;
	return true;
}

void
fed_model_read_vector(const FedModel *model, const void *data,
					  uint64_t first_value, size_t n, float *out)
{
	Walk		w = walk(model, false, first_value, n);

	for (; next_run(&w); out += w.run)
		decode(w.dtype, (const uint8_t *) data + w.at, w.run, out);
}

void
fed_model_write_vector(const FedModel *model, void *data,
					   uint64_t first_value, size_t n, const float *in)
{
	Walk		w = walk(model, false, first_value, n);

	for (; next_run(&w); in += w.run)
		encode(w.dtype, (uint8_t *) data + w.at, w.run, in);
}

void
fed_model_read_frozen(const FedModel *model, const void *data,
					  uint64_t first_byte, size_t n, void *out)
{
	Walk		w = walk(model, true, first_byte, n);

	for (uint8_t *to = out; next_run(&w); to += w.run)
		memcpy(to, (const uint8_t *) data + w.at, w.run);
}

void
fed_model_write_frozen(const FedModel *model, void *data,
					   uint64_t first_byte, size_t n, const void *in)
{
	Walk		w = walk(model, true, first_byte, n);

	for (const uint8_t *from = in; next_run(&w); from += w.run)
		memcpy((uint8_t *) data + w.at, from, w.run);
}
