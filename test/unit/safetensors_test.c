/*
 * safetensors_test.c
 *		Headers that must be read, and hostile ones that must be refused.
 *
 * Each refusal is one test: it names the code and a part of the message, so
 * that a header is refused for its own fault and not for a later one.
 */
#include "support.h"

#include <stdio.h>

#include "core/model/model.h"

#define TENSOR(name, dtype, shape, begin, end) \
	"\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape \
	",\"data_offsets\":[" #begin "," #end "]}"
#define A8 TENSOR("a", "F32", "[2]", 0, 8)

typedef struct Refusal
{
	const char *test;
	const char *header;
	uint64_t	data_bytes;
	FedModelErrorCode code;
	const char *says;
} Refusal;

static Refusal refusals[] = {
	{"empty", "", 0, FED_MODEL_BAD_HEADER, "not a JSON object"},
	{"spaces", "   ", 0, FED_MODEL_BAD_HEADER, "not a JSON object"},
	{"array", "[]", 0, FED_MODEL_BAD_HEADER, "not a JSON object"},
	{"number", "12", 0, FED_MODEL_BAD_HEADER, "not a JSON object"},
	{"open brace", "{", 0, FED_MODEL_BAD_JSON, "ends after 1 bytes where the end of a name"},
	{"no colon", "{\"a\"", 8, FED_MODEL_BAD_JSON, "ends after 4 bytes where a colon"},
	{"open name", "{\"a", 8, FED_MODEL_BAD_JSON, "the end of a name"},
	{"open escape", "{\"a\\", 8, FED_MODEL_BAD_JSON, "the end of a name"},
	{"open value", "{\"a\":{\"dtype\":\"F32\"", 8, FED_MODEL_BAD_JSON, "inside the value of \"a\""},
	{"open string", "{\"a\":{\"dtype\":\"F32}}", 8, FED_MODEL_BAD_JSON, "inside the value of \"a\""},
	{"trailing comma", "{" A8 ",}", 8, FED_MODEL_BAD_JSON, "a name is expected at byte"},
	{"missing comma", "{" A8 " " TENSOR("b", "U8", "[0]", 8, 8) "}", 8, FED_MODEL_BAD_JSON, "a comma"},
	{"text after", "{" A8 "} x", 8, FED_MODEL_BAD_JSON, "goes on after the end of its JSON object, at byte 55"},
	{"two objects", "{}{}", 0, FED_MODEL_BAD_JSON, "goes on after"},
	{"unquoted name", "{a:{}}", 0, FED_MODEL_BAD_JSON, "a name is expected at byte 1"},
	{"mixed brackets", "{\"a\":{\"shape\":[}}}", 0, FED_MODEL_BAD_JSON, "tensor \"a\" is not valid JSON"},
	{"bad literal", "{\"a\":{\"shape\":[tru]}}", 0, FED_MODEL_BAD_JSON, "tensor \"a\" is not valid JSON"},
	{"byte order mark", "\xef\xbb\xbf{}", 0, FED_MODEL_BAD_HEADER, "not a JSON object"},

	{"name not UTF-8", "{\"a\xff\":{}}", 0, FED_MODEL_BAD_JSON, "the name \"a?\" is not valid JSON"},
	{"dtype not UTF-8", "{\"a\":{\"dtype\":\"\xc0\x80\",\"shape\":[],\"data_offsets\":[0,0]}}", 0, FED_MODEL_BAD_JSON, "tensor \"a\" is not valid JSON: unable to decode byte 0xc0"},
	{"lone surrogate", "{\"\\ud800\":{}}", 0, FED_MODEL_BAD_JSON, "is not valid JSON"},
	{"NUL in name", "{\"a\\u0000b\":{}}", 0, FED_MODEL_BAD_NAME, "the name \"a\\u0000b\" contains a NUL"},
	{"control character in name", "{\"a\nb\":{}}", 0, FED_MODEL_BAD_JSON, "the name \"a?b\" is not valid JSON"},
	{"name twice", "{" A8 "," TENSOR("a", "F32", "[2]", 8, 16) "}", 16, FED_MODEL_BAD_NAME, "tensor \"a\" is given twice"},
	{"name twice, escaped", "{" A8 "," TENSOR("\\u0061", "F32", "[2]", 8, 16) "}", 16, FED_MODEL_BAD_NAME, "tensor \"a\" is given twice"},

	{"value is null", "{\"a\":null}", 0, FED_MODEL_BAD_HEADER, "tensor \"a\" is not described by an object"},
	{"value is array", "{\"a\":[]}", 0, FED_MODEL_BAD_HEADER, "tensor \"a\" is not described by an object"},
	{"value is missing", "{\"a\":}", 0, FED_MODEL_BAD_HEADER, "tensor \"a\" is not described by an object"},
	{"nested object", "{\"a\":{\"b\":{\"c\":{}}}}", 0, FED_MODEL_BAD_HEADER, "the value of \"a\" is nested too deeply, at byte 15"},
	{"nested shape", "{\"a\":{\"shape\":[[1]]}}", 0, FED_MODEL_BAD_HEADER, "the value of \"a\" is nested too deeply"},
	{"no dtype", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, FED_MODEL_BAD_HEADER, "tensor \"a\" has no dtype"},
	{"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, FED_MODEL_BAD_HEADER, "tensor \"a\" has no shape"},
	{"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, FED_MODEL_BAD_HEADER, "tensor \"a\" has no data_offsets"},
	{"unknown field", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, FED_MODEL_BAD_HEADER, "tensor \"a\" has fields besides"},
	{"field twice", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"shape\":[2]}}", 8, FED_MODEL_BAD_JSON, "duplicate object key near '\"shape\"'"},

	{"unknown dtype", "{" TENSOR("a", "F31", "[2]", 0, 8) "}", 8, FED_MODEL_BAD_DTYPE, "tensor \"a\" has the unknown dtype \"F31\""},
	{"dtype in lower case", "{" TENSOR("a", "f32", "[2]", 0, 8) "}", 8, FED_MODEL_BAD_DTYPE, "unknown dtype \"f32\""},
	{"dtype is number", "{\"a\":{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, FED_MODEL_BAD_DTYPE, "the dtype of tensor \"a\" is not a string"},

	{"shape is number", "{" TENSOR("a", "F32", "2", 0, 8) "}", 8, FED_MODEL_BAD_SHAPE, "the shape of tensor \"a\" is not an array"},
	{"shape is object", "{" TENSOR("a", "F32", "{}", 0, 8) "}", 8, FED_MODEL_BAD_SHAPE, "the shape of tensor \"a\" is not an array"},
	{"negative dimension", "{" TENSOR("a", "F32", "[2,-1]", 0, 8) "}", 8, FED_MODEL_BAD_SHAPE, "dimension 1 of tensor \"a\""},
	{"real dimension", "{" TENSOR("a", "F32", "[2.0]", 0, 8) "}", 8, FED_MODEL_BAD_SHAPE, "dimension 0 of tensor \"a\""},
	{"dimension in a string", "{" TENSOR("a", "F32", "[\"2\"]", 0, 8) "}", 8, FED_MODEL_BAD_SHAPE, "dimension 0 of tensor \"a\""},
	{"dimension over 64 bits", "{" TENSOR("a", "F32", "[18446744073709551616]", 0, 8) "}", 8, FED_MODEL_BAD_JSON, "tensor \"a\" is not valid JSON: too big integer"},
	{"product overflows", "{" TENSOR("a", "U8", "[4294967296,4294967296]", 0, 0) "}", 0, FED_MODEL_BAD_SHAPE, "the shape of tensor \"a\" overflows"},
	{"bytes overflow", "{" TENSOR("a", "F64", "[2305843009213693952]", 0, 0) "}", 0, FED_MODEL_BAD_SHAPE, "the shape of tensor \"a\" overflows"},
	{"overflow hidden by 0", "{" TENSOR("a", "U8", "[0,4294967296,4294967296]", 0, 0) "}", 0, FED_MODEL_BAD_SHAPE, "the shape of tensor \"a\" overflows"},

	{"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, FED_MODEL_BAD_OFFSETS, "not an array of 2 numbers"},
	{"three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, FED_MODEL_BAD_OFFSETS, "not an array of 2 numbers"},
	{"offsets are object", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{}}}", 8, FED_MODEL_BAD_OFFSETS, "not an array of 2 numbers"},
	{"negative offset", "{" TENSOR("a", "F32", "[2]", -8, 0) "}", 8, FED_MODEL_BAD_OFFSETS, "data offset 0 of tensor \"a\""},
	{"real offset", "{" TENSOR("a", "F32", "[2]", 0, 8.0) "}", 8, FED_MODEL_BAD_OFFSETS, "data offset 1 of tensor \"a\""},
	{"end before begin", "{" TENSOR("a", "F32", "[2]", 8, 0) "}", 8, FED_MODEL_BAD_OFFSETS, "tensor \"a\" begins at byte 8 but ends at byte 0"},
	{"beyond the data", "{" A8 "}", 7, FED_MODEL_BAD_OFFSETS, "tensor \"a\" ends at byte 8, but the data section has 7 bytes"},
	{"far beyond the data", "{" TENSOR("a", "U8", "[9223372036854775807]", 0, 9223372036854775807) "}", 8, FED_MODEL_BAD_OFFSETS, "ends at byte 9223372036854775807"},
	{"too short for its shape", "{" TENSOR("a", "F32", "[3]", 0, 8) "}", 8, FED_MODEL_BAD_OFFSETS, "tensor \"a\" has data of 8 bytes, but its shape and dtype F32 need 12"},
	{"too long for its shape", "{" TENSOR("a", "F32", "[]", 0, 8) "}", 8, FED_MODEL_BAD_OFFSETS, "has data of 8 bytes, but its shape and dtype F32 need 4"},
	{"empty with data", "{" TENSOR("a", "F32", "[0]", 0, 8) "}", 8, FED_MODEL_BAD_OFFSETS, "dtype F32 need 0"},

	{"hole at the start", "{" TENSOR("a", "F32", "[2]", 4, 12) "}", 12, FED_MODEL_BAD_COVERAGE, "bytes 0 to 3, before tensor \"a\", belong to no tensor"},
	{"hole inside", "{" A8 "," TENSOR("b", "U8", "[1]", 10, 11) "}", 11, FED_MODEL_BAD_COVERAGE, "bytes 8 to 9, before tensor \"b\", belong to no tensor"},
	{"hole at the end", "{" A8 "}", 9, FED_MODEL_BAD_COVERAGE, "the tensors end at byte 8 of 9"},
	{"nothing but a hole", "{}", 1, FED_MODEL_BAD_COVERAGE, "the tensors end at byte 0 of 1"},
	{"overlap", "{" A8 "," TENSOR("b", "F32", "[2]", 4, 12) "}", 12, FED_MODEL_BAD_COVERAGE, "tensors \"a\" and \"b\" overlap: one ends at byte 8, the other begins at byte 4"},
	{"same place", "{" A8 "," TENSOR("b", "F32", "[2]", 0, 8) "}", 8, FED_MODEL_BAD_COVERAGE, "tensors \"a\" and \"b\" overlap"},
	{"one inside another", "{" A8 "," TENSOR("b", "U8", "[1]", 2, 3) "}", 8, FED_MODEL_BAD_COVERAGE, "overlap"},
	{"empty inside another", "{" A8 "," TENSOR("b", "U8", "[0]", 4, 4) "}", 8, FED_MODEL_BAD_COVERAGE, "overlap"},

	{"metadata is array", "{\"__metadata__\":[]}", 0, FED_MODEL_BAD_METADATA, "__metadata__ is not an object"},
	{"metadata of numbers", "{\"__metadata__\":{\"format\":1}}", 0, FED_MODEL_BAD_METADATA, "the value of \"format\" in __metadata__ is not a string"},
	{"metadata of objects", "{\"__metadata__\":{\"x\":{}}}", 0, FED_MODEL_BAD_METADATA, "the value of \"x\" in __metadata__ is not a string"},
	{"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, FED_MODEL_BAD_NAME, "__metadata__ is given twice"},
	{"metadata twice, escaped", "{\"__metadata__\":{},\"\\u005f_metadata__\":{}}", 0, FED_MODEL_BAD_NAME, "__metadata__ is given twice"},
	{"metadata key twice", "{\"__metadata__\":{\"x\":\"1\",\"x\":\"2\"}}", 0, FED_MODEL_BAD_JSON, "duplicate object key"},
	{"data beyond the limit", "{}", UINT64_MAX, FED_MODEL_TOO_LARGE, "the data section has 18446744073709551615 bytes"}
};

/* The text is copied to a block of its exact length, for the sanitizer. */
static FedModel *
parse(const char *header, size_t len, uint64_t data_bytes, FedModelError *err)
{
	char	   *copy = malloc(len > 0 ? len : 1);
	FedModel   *model;

	assert_non_null(copy);
	memcpy(copy, header, len);
	model = fed_model_parse(copy, len, data_bytes, err);
	free(copy);
	return model;
}

static void
assert_refused(const char *header, size_t len, uint64_t data_bytes,
			   FedModelErrorCode code, const char *says)
{
	FedModelError err;

	assert_null(parse(header, len, data_bytes, &err));
	if (strstr(err.message, says) == NULL)
		fail_msg("says \"%s\", not \"%s\"", err.message, says);
	assert_int_equal(err.code, code);
	assert_null(parse(header, len, data_bytes, NULL));
}

static void
refuses(void **state)
{
	const Refusal *r = *state;

	assert_refused(r->header, strlen(r->header), r->data_bytes, r->code, r->says);
}

static void
refuses_every_truncation(void **state)
{
	static const char header[] =
		" {\"__metadata__\" : {\"format\":\"pt\",\"x\":\"\\u00e9{[\\\"\"},"
		A8 "," TENSOR("b.\\u00fc", "U8", "[ 2, 2 ]", 8, 12) "\t}";
	FedModelError err;
	FedModel   *model = parse(header, sizeof(header) - 1, 12, &err);

	(void) state;
	assert_non_null(model);
	assert_int_equal(err.code, FED_MODEL_OK);
	assert_string_equal(model->tensors[1].name, "b.\xc3\xbc");
	fed_model_free(model);
	for (size_t len = 0; len < sizeof(header) - 1; len++)
	{
		assert_null(parse(header, len, 12, &err));
		assert_int_not_equal(err.code, FED_MODEL_OK);
		assert_true(strlen(err.message) > 10);
	}
}

static void
refuses_beyond_limits(void **state)
{
	char	   *text = malloc(FED_MODEL_MAX_METADATA + 100);
	char	   *end = text;

	(void) state;
	assert_non_null(text);

	/* Refused by its length alone: the text behind it isn't there. */
	assert_null(fed_model_parse("{}", FED_MODEL_MAX_HEADER + 1, 0, NULL));

	end += sprintf(end, "{\"a\":{\"dtype\":\"U8\",\"shape\":[1");
	for (int i = 0; i < FED_MODEL_MAX_RANK; i++)
		end += sprintf(end, ",1");
	sprintf(end, "],\"data_offsets\":[0,1]}}");
	assert_refused(text, strlen(text), 1, FED_MODEL_BAD_SHAPE,
				   "tensor \"a\" has 33 dimensions; at most 32");

	sprintf(text, "{\"%01025d\":{}}", 0);
	assert_refused(text, strlen(text), 0, FED_MODEL_BAD_NAME,
				   "has 1025 bytes; at most 1024");
	sprintf(text, "{\"%07000d\":{}}", 0);
	assert_refused(text, strlen(text), 0, FED_MODEL_BAD_NAME,
				   "is longer than 1024 bytes");
	sprintf(text, "{\"a\":{%020000d}}", 0);
	assert_refused(text, strlen(text), 0, FED_MODEL_TOO_LARGE,
				   "the description of tensor \"a\" has 20002 bytes; at most 16384");

	memset(text, ' ', FED_MODEL_MAX_METADATA + 100);
	memcpy(text, "{\"__metadata__\":{", 17);
	strcpy(text + FED_MODEL_MAX_METADATA + 20, "}}");
	assert_refused(text, strlen(text), 0, FED_MODEL_TOO_LARGE,
				   "at most 16777216 are allowed");
	free(text);
}

static void
refuses_a_million_and_one_tensors(void **state)
{
	size_t		n = FED_MODEL_MAX_TENSORS + 1;
	char	   *text = malloc(n * 70);
	char	   *end = text;

	(void) state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "%c\"%zx\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
					   i == 0 ? '{' : ',', i);
	*end++ = '}';
	assert_true((size_t) (end - text) <= FED_MODEL_MAX_HEADER);
	{
		FedModelError err;

		assert_null(fed_model_parse(text, (size_t) (end - text), 0, &err));
		assert_int_equal(err.code, FED_MODEL_TOO_LARGE);
		assert_string_equal(err.message, "the header has more than 1000000 tensors");
	}
	free(text);
}

/* A name that gets cut inside a character, and a message that gets cut. */
static void
messages_are_clean_text(void **state)
{
	char		text[2000] = "{\"a";
	FedModelError err;

	(void) state;
	for (int i = 0; i < 300; i++)
		strcat(text, "\xc3\xbc");
	strcat(text, "\x7f\":{\"dtype\":\"\\n\\u001b[2J\",\"shape\":[],\"data_offsets\":[0,0]}}");
	assert_null(parse(text, strlen(text), 0, &err));
	assert_int_equal(err.code, FED_MODEL_BAD_DTYPE);
	assert_non_null(strstr(err.message, "\xc3\xbc?\" has the unknown dtype \"??[2J\""));
}

static void
reads_fields(void **state)
{
	static const char header[] =
		"  {\"b\":{\"shape\":[2,3],\"data_offsets\":[4,16],\"dtype\":\"BF16\"},"
		TENSOR("a", "I32", "[]", 0, 4) ","
		TENSOR("", "F32", "[7,0]", 4, 4) ","
		TENSOR("B", "F64", "[1]", 16, 24) "}  \n";
	FedModelError err;
	FedModel   *m = parse(header, sizeof(header) - 1, 24, &err);

	(void) state;
	assert_non_null(m);
	assert_int_equal(m->n_tensors, 4);
	assert_int_equal(m->data_bytes, 24);
	assert_string_equal(m->tensors[0].name, "");
	assert_string_equal(m->tensors[1].name, "B");
	assert_string_equal(m->tensors[2].name, "a");
	assert_string_equal(m->tensors[3].name, "b");

	assert_int_equal(m->tensors[0].count, 0);
	assert_int_equal(m->tensors[2].count, 1);
	assert_int_equal(m->tensors[2].rank, 0);
	assert_int_equal(m->tensors[2].dtype, FED_DTYPE_I32);
	assert_false(m->tensors[2].trainable);
	assert_int_equal(m->tensors[3].dtype, FED_DTYPE_BF16);
	assert_int_equal(m->tensors[3].rank, 2);
	assert_int_equal(m->tensors[3].shape[1], 3);
	assert_int_equal(m->tensors[3].count, 6);
	assert_int_equal(m->tensors[3].begin, 4);
	assert_int_equal(m->tensors[3].end, 16);
	assert_true(m->tensors[3].trainable);

	assert_ptr_equal(fed_model_find(m, "a"), &m->tensors[2]);
	assert_ptr_equal(fed_model_find(m, ""), &m->tensors[0]);
	assert_null(fed_model_find(m, "c"));
	fed_model_free(m);
}

static void
reads_a_model_without_tensors(void **state)
{
	FedModelError err;
	FedModel   *m = parse("{}", 2, 0, &err);

	(void) state;
	assert_non_null(m);
	assert_int_equal(m->n_tensors, 0);
	assert_int_equal(m->vector_values, 0);
	assert_null(fed_model_find(m, "a"));
	fed_model_read_vector(m, NULL, 0, 0, NULL);
	fed_model_read_frozen(m, NULL, 0, 0, NULL);
	fed_model_free(m);
	fed_model_free(NULL);
}

static void
names_dtypes(void **state)
{
	FedDtype	dtype;

	(void) state;
	for (int i = 0; i < FED_DTYPES; i++)
	{
		assert_true(fed_dtype_parse(fed_dtype_name((FedDtype) i), &dtype));
		assert_int_equal(dtype, i);
	}
	assert_false(fed_dtype_parse("", &dtype));
	assert_int_equal(dtype, FED_DTYPES - 1);
}

static void
splits_files(void **state)
{
	static const uint8_t file[] = "\x03\0\0\0\0\0\0\0{ }data";
	static const uint8_t absurd[] = "\x01\xe1\xf5\x05\0\0\0\0";
	FedSafetensors parts;
	FedModelError err;

	(void) state;
	assert_true(fed_safetensors_split(file, 15, &parts, &err));
	assert_ptr_equal(parts.header, file + 8);
	assert_int_equal(parts.header_len, 3);
	assert_ptr_equal(parts.data, file + 11);
	assert_int_equal(parts.data_bytes, 4);
	assert_true(fed_safetensors_split(file, 11, &parts, &err));
	assert_int_equal(parts.data_bytes, 0);

	for (uint64_t len = 0; len < 11; len++)
	{
		assert_false(fed_safetensors_split(file, len, &parts, &err));
		assert_int_equal(err.code, FED_MODEL_TRUNCATED);
	}
	assert_string_equal(err.message, "the file is cut short: its header has 3 bytes, but only 2 follow");
	assert_false(fed_safetensors_split(absurd, 8, &parts, &err));
	assert_int_equal(err.code, FED_MODEL_TOO_LARGE);
	assert_non_null(strstr(err.message, "a header of 100000001 bytes"));
}

int
main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(reads_fields),
		cmocka_unit_test(reads_a_model_without_tensors),
		cmocka_unit_test(names_dtypes),
		cmocka_unit_test(splits_files),
		cmocka_unit_test(messages_are_clean_text),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_beyond_limits),
		cmocka_unit_test(refuses_a_million_and_one_tensors)
	};
	struct CMUnitTest tests[LENGTH(others) + LENGTH(refusals)];
	char		names[LENGTH(refusals)][64];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < LENGTH(refusals); i++)
	{
		struct CMUnitTest *test = &tests[LENGTH(others) + i];

		memset(test, 0, sizeof(*test));
		snprintf(names[i], sizeof(names[i]), "refuses: %s", refusals[i].test);
		test->name = names[i];
		test->test_func = refuses;
		test->initial_state = &refusals[i];
	}
	return RUN_TESTS(tests);
}
