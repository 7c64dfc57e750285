/*
 * large_model_test.c
 *		Models whose sizes do not fit into 32 bits.
 */
#include "support.h"

#include <sys/mman.h>

#include "core/model/model.h"

/* 24 GB of address space, of which a few pages are ever touched. */
static void
reaches_beyond_32_bits(void **state)
{
	static const uint64_t three_g[] = {3, UINT64_C(1) << 30};
	static const uint64_t one[] = {1};
	const FedTensorSpec large[] = {
		{"b", FED_DTYPE_F32, 2, three_g},
		{"c", FED_DTYPE_BF16, 2, three_g},
		{"a", FED_DTYPE_F32, 1, one},
		{"d", FED_DTYPE_U16, 2, three_g}
	};
	uint64_t	bytes = UINT64_C(24) * (1 << 30) + 4;
	const float in[] = {1.0f, 2.0f, 3.0f, 4.0f};
	float		out[4] = {0};
	uint16_t	frozen = 0xbeef;
	uint16_t	back = 0;
	size_t		len;
	char	   *header = fed_model_compose_header(large, 4, NULL, 0, &len, NULL);
	FedModel   *model = fed_model_parse(header, len, bytes, NULL);
	void	   *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
							MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void) state;
	assert_non_null(model);
	assert_true(model->vector_values == (UINT64_C(6) << 30) + 1);
	if (data == MAP_FAILED)
		skip();

	/* Two values of b and two of c, whose data lies apart: a is first. */
	fed_model_write_vector(model, data, (UINT64_C(3) << 30) - 1, 4, in);
	fed_model_read_vector(model, data, (UINT64_C(3) << 30) - 1, 4, out);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal((uint8_t *) data + (UINT64_C(12) << 30) - 4, &in[1], 4);

	fed_model_write_frozen(model, data, (UINT64_C(6) << 30) - 2, 2, &frozen);
	fed_model_read_frozen(model, data, (UINT64_C(6) << 30) - 2, 2, &back);
	assert_int_equal(back, frozen);
	assert_memory_equal((uint8_t *) data + bytes - 2, &frozen, 2);

	munmap(data, bytes);
	fed_model_free(model);
	free(header);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_beyond_32_bits)
	};

	return RUN_TESTS(tests);
}
