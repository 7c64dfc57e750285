/*
 * encoding_fuzz.c
 *		libFuzzer target: any bytes as encoded values.
 *
 * The first byte chooses the encoding and how far the length is from the right
 * one. What is decoded, on every SIMD level, must be what the bytes say and
 * encode to them again; what is refused must be refused for its reason. Every
 * block has its exact size, so that AddressSanitizer sees a step beyond.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/encoding/encoding.h"
#include "core/kernels/kernels.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static void
check_finite(FedEncoding encoding, const uint8_t *bytes, size_t length,
			 const float *values, size_t n)
{
	uint8_t    *again = malloc(length + 1);
	float	   *plain = malloc(n * sizeof(float) + 1);

	CHECK(again != NULL && plain != NULL);
	fed_decode_plain(encoding, bytes, plain, n);
	CHECK(memcmp(plain, values, n * sizeof(float)) == 0);
	CHECK(fed_encode(encoding, values, n, again) == n);
	CHECK(memcmp(again, bytes, length) == 0);
	free(plain);
	free(again);
}

static void
check_nonfinite(const float *values, size_t n, size_t bad)
{
	CHECK(bad < n);
	CHECK(!isfinite(values[bad]));
	for (size_t i = 0; i < bad; i++)
		CHECK(isfinite(values[i]));
}

/* length bytes, said to be n values. */
static void
check_decode(FedEncoding encoding, const uint8_t *bytes, size_t length, size_t n)
{
	float	   *values = malloc(n * sizeof(float) + 1);
	size_t		expected = 0;
	size_t		bad = SIZE_MAX;

	CHECK(values != NULL);
	CHECK(fed_encoded_length(encoding, n, &expected));
	switch (fed_decode(encoding, bytes, length, values, n, &bad))
	{
		case FED_DECODE_OK:
			CHECK(length == expected && bad == SIZE_MAX);
			check_finite(encoding, bytes, length, values, n);
			break;
		case FED_DECODE_NONFINITE:
			CHECK(length == expected);
			check_nonfinite(values, n, bad);
			break;
		case FED_DECODE_LENGTH:
			CHECK(length != expected && bad == SIZE_MAX);
			break;
	}
	free(values);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	FedEncoding encoding;
	uint8_t    *bytes;
	size_t		one = 0;
	size_t		off;

	if (len == 0)
		return 0;
	encoding = (FedEncoding) (input[0] % FED_ENCODINGS);
	off = input[0] / FED_ENCODINGS % 2;
	len--;
	bytes = malloc(len + 1);
	CHECK(bytes != NULL && fed_encoded_length(encoding, 1, &one));

	/* At an odd address, as a slice of a message may be. */
	memcpy(bytes + 1, input + 1, len);
	for (int level = 0; level < FED_SIMD_LEVELS; level++)
	{
		if (fed_kernels_select((FedSimdLevel) level))
			check_decode(encoding, bytes + 1, len, len / one + off);
	}
	free(bytes);
	return 0;
}
