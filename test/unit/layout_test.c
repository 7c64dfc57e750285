/*
 * layout_test.c
 *		A model's data to vector and frozen bytes and back, bit for bit.
 *
 * The model under test has a tensor of every type, random bits in all of them,
 * NaNs included, and its data section starts at an odd address.
 */
#include "support.h"

#include <math.h>

#include "core/kernels/halffloat.h"
#include "core/model/model.h"

static const uint64_t shapes[][3] = {{7, 3, 5}, {1, 1, 1}, {0, 4, 4}, {13, 1, 2}};

/* The data is in this order; that of the names is another one. */
static const FedTensorSpec specs[] = {
	{"q.odd", FED_DTYPE_U8, 3, shapes[0]},
	{"p.f64", FED_DTYPE_F64, 3, shapes[0]},
	{"o.f32", FED_DTYPE_F32, 3, shapes[0]},
	{"n.f16", FED_DTYPE_F16, 3, shapes[0]},
	{"m.bf16", FED_DTYPE_BF16, 3, shapes[0]},
	{"l.i64", FED_DTYPE_I64, 3, shapes[3]},
	{"k.i32", FED_DTYPE_I32, 3, shapes[0]},
	{"j.i16", FED_DTYPE_I16, 3, shapes[0]},
	{"i.i8", FED_DTYPE_I8, 3, shapes[0]},
	{"h.u64", FED_DTYPE_U64, 3, shapes[1]},
	{"g.u32", FED_DTYPE_U32, 3, shapes[0]},
	{"f.u16", FED_DTYPE_U16, 3, shapes[3]},
	{"e.bool", FED_DTYPE_BOOL, 3, shapes[0]},
	{"d.e4m3", FED_DTYPE_F8_E4M3, 3, shapes[0]},
	{"c.e5m2", FED_DTYPE_F8_E5M2, 3, shapes[3]},
	{"b.scalar32", FED_DTYPE_F32, 0, NULL},
	{"b.scalar64", FED_DTYPE_F64, 0, NULL},
	{"b.scalar16", FED_DTYPE_F16, 0, NULL},
	{"b.empty32", FED_DTYPE_F32, 3, shapes[2]},
	{"b.empty8", FED_DTYPE_U8, 3, shapes[2]},
	{"a.f32", FED_DTYPE_F32, 3, shapes[3]}
};

#define DATA_BYTES 3562
#define VALUES 449
#define FROZEN 2612

typedef struct Fixture
{
	FedModel   *model;
	uint8_t    *block;
	uint8_t    *data;			/* random, at an odd address */
	uint8_t    *copy_block;
	uint8_t    *copy;			/* to be written, 0xaa at first */
	float	   *vector;
	uint8_t    *frozen;
} Fixture;

static void
load(Fixture *f)
{
	f->vector = malloc(sizeof(float) * f->model->vector_values);
	f->frozen = malloc(f->model->frozen_bytes);
	assert_non_null(f->vector);
	assert_non_null(f->frozen);
	fed_model_read_vector(f->model, f->data, 0, f->model->vector_values, f->vector);
	fed_model_read_frozen(f->model, f->data, 0, f->model->frozen_bytes, f->frozen);
}

static int
set_up(void **state)
{
	static Fixture fixture;
	Fixture    *f = &fixture;
	uint64_t	random = 7;
	size_t		len;
	char	   *header = fed_model_compose_header(specs, LENGTH(specs), NULL, 0,
												  &len, NULL);

	assert_non_null(header);
	f->model = fed_model_parse(header, len, DATA_BYTES, NULL);
	assert_non_null(f->model);
	free(header);

	f->block = malloc(DATA_BYTES + 1);
	f->copy_block = malloc(DATA_BYTES + 1);
	assert_non_null(f->block);
	assert_non_null(f->copy_block);
	f->data = f->block + 1;
	f->copy = f->copy_block + 1;
	fill_random(&random, f->data, DATA_BYTES);
	memset(f->copy, 0xaa, DATA_BYTES);
	f->vector = NULL;
	f->frozen = NULL;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	Fixture    *f = *state;

	fed_model_free(f->model);
	free(f->block);
	free(f->copy_block);
	free(f->vector);
	free(f->frozen);
	return 0;
}

static void
lays_out_by_name(void **state)
{
	Fixture    *f = *state;
	uint64_t	values = 0;
	uint64_t	frozen = 0;

	assert_int_equal(f->model->vector_values, VALUES);
	assert_int_equal(f->model->frozen_bytes, FROZEN);
	assert_string_equal(f->model->tensors[0].name, "a.f32");
	for (size_t i = 0; i < f->model->n_tensors; i++)
	{
		const FedTensor *t = &f->model->tensors[i];

		if (fed_dtype_is_trainable(t->dtype))
		{
			assert_int_equal(t->vector_offset, values);
			values += t->count;
		}
		else
			assert_true(t->vector_offset == FED_NO_OFFSET);
		if (t->dtype == FED_DTYPE_F64 || !fed_dtype_is_trainable(t->dtype))
		{
			assert_int_equal(t->frozen_offset, frozen);
			frozen += t->end - t->begin;
		}
		else
			assert_true(t->frozen_offset == FED_NO_OFFSET);
	}
}

static void
restores_bit_for_bit(void **state)
{
	Fixture    *f = *state;

	load(f);
	fed_model_write_frozen(f->model, f->copy, 0, FROZEN, f->frozen);
	fed_model_write_vector(f->model, f->copy, 0, VALUES, f->vector);
	assert_memory_equal(f->copy, f->data, DATA_BYTES);
}

/* In pieces of every size up to 60, each in a block of its own. */
static void
restores_in_pieces(void **state)
{
	Fixture    *f = *state;
	uint64_t	random = 3;

	for (size_t first = 0; first < FROZEN;)
	{
		size_t		n = 1 + next_random(&random) % 60;
		uint8_t    *piece;

		n = n < FROZEN - first ? n : FROZEN - first;
		piece = malloc(n);
		fed_model_read_frozen(f->model, f->data, first, n, piece);
		fed_model_write_frozen(f->model, f->copy, first, n, piece);
		free(piece);
		first += n;
	}
	for (size_t first = 0; first < VALUES;)
	{
		size_t		n = 1 + next_random(&random) % 60;
		float	   *piece;

		n = n < VALUES - first ? n : VALUES - first;
		piece = malloc(n * sizeof(float));
		fed_model_read_vector(f->model, f->data, first, n, piece);
		fed_model_write_vector(f->model, f->copy, first, n, piece);
		free(piece);
		first += n;
	}
	assert_memory_equal(f->copy, f->data, DATA_BYTES);
}

static void
reads_any_range(void **state)
{
	Fixture    *f = *state;

	load(f);
	for (size_t first = 0; first <= VALUES; first++)
	{
		for (size_t n = 0; first + n <= VALUES; n += 1 + n / 2)
		{
			float	   *piece = malloc(n * sizeof(float) + 1);

			fed_model_read_vector(f->model, f->data, first, n, piece);
			assert_memory_equal(piece, f->vector + first, n * sizeof(float));
			free(piece);
		}
	}
	for (size_t first = 0; first <= FROZEN; first++)
	{
		for (size_t n = 0; first + n <= FROZEN; n += 1 + n)
		{
			uint8_t    *piece = malloc(n + 1);

			fed_model_read_frozen(f->model, f->data, first, n, piece);
			assert_memory_equal(piece, f->frozen + first, n);
			free(piece);
		}
	}
}

/* What a trained value must have become in the file. */
static void
assert_trained(const FedTensor *t, const uint8_t *data, uint64_t i, float value)
{
	const uint8_t *at = data + t->begin + i * fed_dtype_size(t->dtype);
	uint16_t	half;
	float		single;
	double		wide;

	switch (t->dtype)
	{
		case FED_DTYPE_F32:
			memcpy(&single, at, sizeof(single));
			assert_int_equal(bits_of_float(single), bits_of_float(value));
			break;
		case FED_DTYPE_F64:
			memcpy(&wide, at, sizeof(wide));
			assert_true(wide == (double) value);
			break;
		default:
			memcpy(&half, at, sizeof(half));
			assert_int_equal(half, t->dtype == FED_DTYPE_F16
							 ? fed_f32_bits_to_f16(bits_of_float(value))
							 : fed_f32_bits_to_bf16(bits_of_float(value)));
			break;
	}
}

static void
writes_a_trained_vector(void **state)
{
	Fixture    *f = *state;
	uint64_t	random = 11;

	load(f);
	for (size_t i = 0; i < VALUES; i++)
		f->vector[i] = (float) (int64_t) next_random(&random) * 0x1p-60f;
	fed_model_write_frozen(f->model, f->copy, 0, FROZEN, f->frozen);
	fed_model_write_vector(f->model, f->copy, 0, VALUES, f->vector);

	for (size_t k = 0; k < f->model->n_tensors; k++)
	{
		const FedTensor *t = &f->model->tensors[k];

		if (!t->trainable)
		{
			assert_memory_equal(f->copy + t->begin, f->data + t->begin,
								t->end - t->begin);
			continue;
		}
		for (uint64_t i = 0; i < t->count; i++)
			assert_trained(t, f->copy, i, f->vector[t->vector_offset + i]);
	}
}

/* One value changes; every other byte of the file stays what it was. */
static void
changes_nothing_else(void **state)
{
	Fixture    *f = *state;

	load(f);
	fed_model_write_frozen(f->model, f->copy, 0, FROZEN, f->frozen);
	fed_model_write_vector(f->model, f->copy, 0, VALUES, f->vector);
	for (size_t k = 0; k < f->model->n_tensors; k++)
	{
		const FedTensor *t = &f->model->tensors[k];
		float		value = 0.5f;

		for (uint64_t i = 0; t->trainable && i < t->count; i++)
		{
			size_t		size = fed_dtype_size(t->dtype);
			uint8_t    *at = f->copy + t->begin + i * size;

			fed_model_write_vector(f->model, f->copy, t->vector_offset + i, 1, &value);
			assert_trained(t, f->copy, i, value);
			memcpy(at, f->data + t->begin + i * size, size);
			assert_memory_equal(f->copy, f->data, DATA_BYTES);
		}
	}
}

static void
keeps_doubles_nobody_trained(void **state)
{
	Fixture    *f = *state;
	const FedTensor *t = fed_model_find(f->model, "p.f64");
	const double values[] = {0.1, -0.0, 0.0, 1e300, -1e300, 1e-300, 5e-324, NAN,
	INFINITY, 1.0 + 0x1p-52, 16777217.0};
	float		read[LENGTH(values)];
	float		zero = 0.0f;

	memcpy(f->data + t->begin, values, sizeof(values));
	memcpy(f->copy, f->data, DATA_BYTES);
	fed_model_read_vector(f->model, f->data, t->vector_offset, LENGTH(values), read);
	assert_true(read[0] == 0.1f);
	assert_true(read[3] == INFINITY);
	fed_model_write_vector(f->model, f->copy, t->vector_offset, LENGTH(values), read);
	assert_memory_equal(f->copy, f->data, DATA_BYTES);

	/* A zero of the other sign is another value. */
	fed_model_write_vector(f->model, f->copy, t->vector_offset + 1, 1, &zero);
	assert_int_equal(f->copy[t->begin + 8 + 7], 0);
}

static void
trains_only_what_is_marked(void **state)
{
	Fixture    *f = *state;
	const FedTensor *t = fed_model_find(f->model, "n.f16");

	assert_false(fed_model_set_trainable(f->model, "nobody", false));
	assert_false(fed_model_set_trainable(f->model, "q.odd", true));
	assert_false(fed_model_set_trainable(f->model, "d.e4m3", true));
	assert_true(fed_model_set_trainable(f->model, "q.odd", false));
	for (size_t i = 0; i < f->model->n_tensors; i++)
		assert_true(fed_model_set_trainable(f->model, f->model->tensors[i].name, false));
	fed_model_layout(f->model);
	assert_int_equal(f->model->vector_values, 0);
	assert_int_equal(f->model->frozen_bytes, DATA_BYTES);

	assert_true(fed_model_set_trainable(f->model, "n.f16", true));
	assert_true(fed_model_set_trainable(f->model, "b.scalar64", true));
	fed_model_layout(f->model);
	assert_int_equal(f->model->vector_values, 106);
	assert_int_equal(t->vector_offset, 1);
	assert_true(t->frozen_offset == FED_NO_OFFSET);
	assert_int_equal(f->model->frozen_bytes, DATA_BYTES - 210);

	load(f);
	fed_model_write_frozen(f->model, f->copy, 0, f->model->frozen_bytes, f->frozen);
	fed_model_write_vector(f->model, f->copy, 0, 106, f->vector);
	assert_memory_equal(f->copy, f->data, DATA_BYTES);
}

#define WITH_MODEL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MODEL(lays_out_by_name),
		WITH_MODEL(restores_bit_for_bit),
		WITH_MODEL(restores_in_pieces),
		WITH_MODEL(reads_any_range),
		WITH_MODEL(writes_a_trained_vector),
		WITH_MODEL(changes_nothing_else),
		WITH_MODEL(keeps_doubles_nobody_trained),
		WITH_MODEL(trains_only_what_is_marked)
	};

	return RUN_TESTS(tests);
}
