/*
 * sums_test.c
 *		States of aggregates: adding, the serial form byte by byte, refusals.
 */
#include "support.h"

#include <float.h>
#include <math.h>

#include "core/inspect/sums.h"

static const struct
{
	FedSumsKind kind;
	size_t		n_values;
	size_t		count;
}			shapes[] = {
	{FED_SUMS_WEIGHTED, 0, 1},
	{FED_SUMS_WEIGHTED, 1, 2},
	{FED_SUMS_WEIGHTED, FED_SUMS_MAX_VALUES, FED_SUMS_MAX_VALUES + 1},
	{FED_SUMS_NORM, 0, 1},
	{FED_SUMS_DOT, 0, 1},
	{FED_SUMS_COSINE, 0, 3}
};

/* In a block of its exact size; sums are positive and all different. */
static FedSums *
new_sums(FedSumsKind kind, size_t n_values, size_t count, double first)
{
	FedSums    *sums = malloc(fed_sums_size(kind, n_values));

	assert_non_null(sums);
	fed_sums_init(sums, kind, n_values);
	for (size_t i = 0; i < count; i++)
	{
		assert_true(sums->sums[i] == 0);
		sums->sums[i] = first + (double) i;
	}
	sums->rows = 7;
	return sums;
}

/* The serial form, at an odd address, in a block of its exact size. */
static uint8_t *
pack(const FedSums *sums, size_t *len)
{
	uint8_t    *block;

	*len = fed_sums_packed_length(sums);
	block = malloc(*len + 1);
	assert_non_null(block);
	fed_sums_pack(sums, block + 1);
	return block + 1;
}

static void
free_bytes(uint8_t *bytes)
{
	free(bytes - 1);
}

static void
sizes_are_of_kinds(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(shapes); i++)
		assert_int_equal(fed_sums_size(shapes[i].kind, shapes[i].n_values),
						 sizeof(FedSums) + shapes[i].count * sizeof(double));
	assert_int_equal(fed_sums_size(FED_SUMS_WEIGHTED, FED_SUMS_MAX_VALUES + 1), 0);
	assert_int_equal(fed_sums_size(FED_SUMS_WEIGHTED, SIZE_MAX), 0);
	assert_int_equal(fed_sums_size(FED_SUMS_NORM, 1), 0);
	assert_int_equal(fed_sums_size((FedSumsKind) 0, 0), 0);
	assert_int_equal(fed_sums_size((FedSumsKind) 5, 0), 0);
}

static void
states_come_back(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(shapes); i++)
	{
		FedSums    *sums = new_sums(shapes[i].kind, shapes[i].n_values, shapes[i].count, 0.1);
		size_t		len;
		size_t		size = 0;
		uint8_t    *bytes = pack(sums, &len);
		FedSums    *again;

		assert_int_equal(len, 20 + 8 * shapes[i].count);
		assert_null(fed_sums_problem(bytes, len, &size));
		assert_int_equal(size, fed_sums_size(shapes[i].kind, shapes[i].n_values));
		again = malloc(size);
		assert_non_null(again);
		fed_sums_unpack(bytes, again);
		assert_memory_equal(again, sums, size);
		free(again);
		free_bytes(bytes);
		free(sums);
	}
}

static void
form_is_as_described(void **state)
{
	static const uint8_t expected[] = {
		'F', 'E', 'D', 's', 1, 0, 1, 0, 1, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0x04, 0xc0
	};
	FedSums    *sums = new_sums(FED_SUMS_WEIGHTED, 1, 2, 1);
	size_t		len;
	uint8_t    *bytes;

	(void) state;
	sums->rows = 0x203;
	sums->sums[1] = -2.5;
	bytes = pack(sums, &len);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(bytes, expected, len);
	free_bytes(bytes);
	free(sums);
}

static void
states_add_up(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(shapes); i++)
	{
		FedSums    *sums = new_sums(shapes[i].kind, shapes[i].n_values, shapes[i].count, 1);
		FedSums    *other = new_sums(shapes[i].kind, shapes[i].n_values, shapes[i].count, 10);

		assert_true(fed_sums_add(sums, other));
		assert_int_equal(sums->rows, 14);
		for (size_t j = 0; j < shapes[i].count; j++)
			assert_true(sums->sums[j] == 11 + 2 * (double) j);
		free(sums);
		free(other);
	}
}

static void
unlike_states_do_not(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(shapes); i++)
	{
		for (size_t j = 0; j < LENGTH(shapes); j++)
		{
			FedSums    *sums = new_sums(shapes[i].kind, shapes[i].n_values, shapes[i].count, 1);
			FedSums    *other = new_sums(shapes[j].kind, shapes[j].n_values, shapes[j].count, 1);

			assert_int_equal(fed_sums_add(sums, other), i == j);
			assert_true(sums->sums[0] == (i == j ? 2 : 1));
			assert_int_equal(sums->rows, i == j ? 14 : 7);
			free(sums);
			free(other);
		}
	}
}

static void
infinity_is_noticed(void **state)
{
	static const double wrong[] = {INFINITY, -INFINITY, NAN};

	(void) state;
	for (size_t i = 0; i < LENGTH(shapes); i++)
	{
		for (size_t j = 0; j < shapes[i].count; j++)
		{
			FedSums    *sums = new_sums(shapes[i].kind, shapes[i].n_values, shapes[i].count, DBL_MAX / 2);

			assert_true(fed_sums_finite(sums));
			sums->sums[j] = wrong[j % LENGTH(wrong)];
			assert_false(fed_sums_finite(sums));
			free(sums);
		}
	}
}

/* Bytes at an odd address in a block of their exact size must be refused so. */
static void
check_problem(const uint8_t *bytes, size_t len, const char *problem)
{
	uint8_t    *block = malloc(len + 1);
	size_t		size = 77;

	assert_non_null(block);
	memcpy(block + 1, bytes, len);
	assert_string_equal(fed_sums_problem(block + 1, len, &size), problem);
	assert_int_equal(size, 77);
	free(block);
}

static void
other_lengths_are_refused(void **state)
{
	FedSums    *sums = new_sums(FED_SUMS_COSINE, 0, 3, 1);
	size_t		len;
	uint8_t    *bytes = pack(sums, &len);
	uint8_t		longer[64] = {0};

	(void) state;
	memcpy(longer, bytes, len);
	for (size_t other = 0; other < sizeof(longer); other++)
	{
		if (other != len)
			check_problem(longer, other, other < 20 ? "it is too short" :
						  "its length does not fit its number of values");
	}
	free_bytes(bytes);
	free(sums);
}

static void
made_up_states_are_refused(void **state)
{
	static const struct
	{
		size_t		at;
		uint8_t		byte;
		const char *problem;
	}			changes[] = {
		{0, 'f', "it does not begin like one"},
		{3, 0, "it does not begin like one"},
		{4, 0, "it is of another version"},
		{4, 2, "it is of another version"},
		{5, 1, "it is of another version"},
		{6, 0, "it is of no known kind"},
		{6, 5, "it is of no known kind"},
		{7, 1, "it is of no known kind"},
		{6, FED_SUMS_WEIGHTED, "its length does not fit its number of values"},
		{6, FED_SUMS_NORM, "its length does not fit its number of values"},
		{8, 1, "its number of values is out of range"},
		{11, 0x80, "its number of values is out of range"},
		{12, 0, "it is of no rows"},
		{27, 0xff, "one of its sums is not finite"},
		{35, 0x7f, "one of its sums is not finite"},
		{27, 0xbf, "one of its sums of squares is negative"},
		{43, 0xc0, "one of its sums of squares is negative"}
	};
	FedSums    *sums = new_sums(FED_SUMS_COSINE, 0, 3, 1);
	size_t		len;
	uint8_t    *bytes;

	(void) state;
	/* One bit of each high byte makes it an infinity or a NaN. */
	for (size_t i = 0; i < 3; i++)
		sums->sums[i] = 0x1.8p-15;
	bytes = pack(sums, &len);
	for (size_t i = 0; i < 3; i++)
		bytes[26 + 8 * i] |= 0xf0;
	for (size_t i = 0; i < LENGTH(changes); i++)
	{
		uint8_t		before = bytes[changes[i].at];

		bytes[changes[i].at] = changes[i].byte;
		check_problem(bytes, len, changes[i].problem);
		bytes[changes[i].at] = before;
	}
	/* The product of a and b may be negative. */
	bytes[35] = 0xbf;
	assert_null(fed_sums_problem(bytes, len, &len));
	free_bytes(bytes);
	free(sums);
}

static void
too_many_values_are_refused(void **state)
{
	size_t		len = 20 + 8 * (FED_SUMS_MAX_VALUES + 2);
	uint8_t    *bytes = calloc(1, len);

	(void) state;
	assert_non_null(bytes);
	memcpy(bytes, "FEDs\1\0\1\0\xe1\x07\0\0\1", 13);
	check_problem(bytes, len, "its number of values is out of range");
	bytes[8]--;
	check_problem(bytes, len, "its length does not fit its number of values");
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_of_kinds),
		cmocka_unit_test(states_come_back),
		cmocka_unit_test(form_is_as_described),
		cmocka_unit_test(states_add_up),
		cmocka_unit_test(unlike_states_do_not),
		cmocka_unit_test(infinity_is_noticed),
		cmocka_unit_test(other_lengths_are_refused),
		cmocka_unit_test(made_up_states_are_refused),
		cmocka_unit_test(too_many_values_are_refused)
	};

	return RUN_TESTS(tests);
}
