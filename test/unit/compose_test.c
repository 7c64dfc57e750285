/*
 * compose_test.c
 *		Headers that we write: read back the same, refused where unreadable.
 */
#include "support.h"

#include "core/model/model.h"

static const uint64_t shape_23[] = {2, 3};
static const uint64_t shape_0[] = {0};

static const FedTensorSpec specs[] = {
	{"z", FED_DTYPE_F32, 2, shape_23},
	{"a \"quoted\" \\ name\n\t\x01", FED_DTYPE_F16, 2, shape_23},
	{"scalar", FED_DTYPE_I64, 0, NULL},
	{"empty", FED_DTYPE_F64, 1, shape_0},
	{"\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xa2", FED_DTYPE_F8_E5M2, 2, shape_23}
};

static const FedMetadata metadata[] = {
	{"format", "pt"},
	{"quote\"", "line\nbreak \x1f"},
	{"", ""}
};

static void
reads_back_the_same(void **state)
{
	FedModelError err;
	FedModel   *model;
	size_t		len;
	uint64_t	begin = 0;
	char	   *header = fed_model_compose_header(specs, LENGTH(specs), metadata,
												  LENGTH(metadata), &len, &err);

	(void) state;
	assert_non_null(header);
	assert_int_equal(strlen(header), len);
	assert_int_equal(len % 8, 0);
	model = fed_model_parse(header, len, 24 + 12 + 8 + 0 + 6, &err);
	assert_non_null(model);
	assert_int_equal(model->n_tensors, LENGTH(specs));
	for (size_t i = 0; i < LENGTH(specs); i++)
	{
		const FedTensor *t = fed_model_find(model, specs[i].name);

		assert_non_null(t);
		assert_int_equal(t->dtype, specs[i].dtype);
		assert_int_equal(t->rank, specs[i].rank);
		for (size_t d = 0; d < t->rank; d++)
			assert_int_equal(t->shape[d], specs[i].shape[d]);
		assert_int_equal(t->begin, begin);
		begin = t->end;
	}
	fed_model_free(model);
	free(header);
}

static void
writes_the_text_expected(void **state)
{
	size_t		len;
	char	   *header = fed_model_compose_header(specs, 1, metadata, 1, &len, NULL);

	(void) state;
	assert_string_equal(header, "{\"__metadata__\":{\"format\":\"pt\"},"
						"\"z\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}");
	free(header);
	header = fed_model_compose_header(NULL, 0, NULL, 0, &len, NULL);
	assert_string_equal(header, "{}      ");
	free(header);
}

static void
assert_not_composed(const FedTensorSpec *tensors, size_t n,
					FedModelErrorCode code)
{
	FedModelError err;
	size_t		len;

	assert_null(fed_model_compose_header(tensors, n, NULL, 0, &len, &err));
	assert_int_equal(err.code, code);
	assert_null(fed_model_compose_header(tensors, n, NULL, 0, &len, NULL));
}

static void
refuses_what_parse_would(void **state)
{
	static const uint64_t ones[FED_MODEL_MAX_RANK + 1] = {1};
	static const uint64_t huge[] = {UINT64_C(1) << 40, UINT64_C(1) << 40};
	static const uint64_t large[] = {UINT64_C(1) << 59};
	static const uint64_t beyond_json[] = {0, UINT64_C(1) << 63};
	FedTensorSpec twice[] = {specs[0], specs[0]};
	FedTensorSpec not_utf8[] = {{"\xff", FED_DTYPE_U8, 0, NULL}};
	FedTensorSpec reserved[] = {{"__metadata__", FED_DTYPE_U8, 0, NULL}};
	FedTensorSpec rank[] = {{"a", FED_DTYPE_U8, FED_MODEL_MAX_RANK + 1, ones}};
	FedTensorSpec overflow[] = {{"a", FED_DTYPE_U8, 2, huge}};
	FedTensorSpec sum[] = {{"a", FED_DTYPE_U8, 1, large}, {"b", FED_DTYPE_U16, 1, large}};
	FedTensorSpec number[] = {{"a", FED_DTYPE_U8, 2, beyond_json}};

	(void) state;
	assert_not_composed(twice, 2, FED_MODEL_BAD_NAME);
	assert_not_composed(not_utf8, 1, FED_MODEL_BAD_JSON);
	assert_not_composed(reserved, 1, FED_MODEL_BAD_METADATA);
	assert_not_composed(rank, 1, FED_MODEL_BAD_SHAPE);
	assert_not_composed(overflow, 1, FED_MODEL_BAD_SHAPE);
	assert_not_composed(sum, 2, FED_MODEL_TOO_LARGE);
	assert_not_composed(number, 1, FED_MODEL_BAD_JSON);
}

static void
refuses_metadata_given_twice(void **state)
{
	FedMetadata twice[] = {{"a", "1"}, {"a", "2"}};
	FedModelError err;
	size_t		len;

	(void) state;
	assert_null(fed_model_compose_header(specs, 1, twice, 2, &len, &err));
	assert_int_equal(err.code, FED_MODEL_BAD_JSON);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_the_same),
		cmocka_unit_test(writes_the_text_expected),
		cmocka_unit_test(refuses_what_parse_would),
		cmocka_unit_test(refuses_metadata_given_twice)
	};

	return RUN_TESTS(tests);
}
