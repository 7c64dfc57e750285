/*
 * sums_fuzz.c
 *		libFuzzer target: any bytes as the serial form of an aggregate's state.
 *
 * What is refused must be refused for a reason. What is accepted must be a
 * state that can be computed with, and have exactly these bytes. Every block
 * has its exact size, so that AddressSanitizer sees a step beyond.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/inspect/sums.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static void
check_packed(const FedSums *sums, const uint8_t *bytes, size_t len)
{
	uint8_t    *again = malloc(len);

	CHECK(again != NULL);
	CHECK(fed_sums_packed_length(sums) == len);
	fed_sums_pack(sums, again);
	CHECK(memcmp(again, bytes, len) == 0);
	free(again);
}

static void
check_usable(FedSums *sums, size_t size)
{
	FedSums    *total = malloc(size);

	CHECK(total != NULL);
	CHECK(sums->rows > 0);
	CHECK(fed_sums_finite(sums));
	CHECK(fed_sums_size(sums->kind, sums->n_values) == size);
	if (sums->kind == FED_SUMS_NORM || sums->kind == FED_SUMS_COSINE)
		CHECK(!isnan(sqrt(sums->sums[0])));
	if (sums->kind == FED_SUMS_COSINE)
		CHECK(!isnan(sqrt(sums->sums[2])));

	fed_sums_init(total, sums->kind, sums->n_values);
	CHECK(fed_sums_add(total, sums) && total->rows == sums->rows);
	CHECK(total->sums[0] == sums->sums[0]);
	free(total);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	uint8_t    *block = malloc(len + 1);
	size_t		size = 0;
	const char *problem;

	/* At an odd address, as behind a short header. */
	CHECK(block != NULL);
	memcpy(block + 1, input, len);
	problem = fed_sums_problem(block + 1, len, &size);
	if (problem == NULL)
	{
		FedSums    *sums = malloc(size);

		CHECK(sums != NULL);
		fed_sums_unpack(block + 1, sums);
		check_usable(sums, size);
		check_packed(sums, block + 1, len);
		free(sums);
	}
	else
		CHECK(*problem != '\0' && size == 0);
	free(block);
	return 0;
}
