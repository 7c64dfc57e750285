/*
 * envelope_fuzz.c
 *		libFuzzer target: envelopes. Any 94 bytes stay shut; one that was sealed
 *		opens, and no longer when a bit of it has been changed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/secagg/envelope.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static const uint8_t key[FED_KEY_BYTES] = {1, 2, 3};
static const uint8_t ctx[FED_CTX_BYTES] = {4, 5, 6};

static bool
opens(const uint8_t *envelope, FedShare sk, FedShare b)
{
	static const FedShare zero;
	FedSecaggError err = {0};

	if (fed_envelope_open(key, ctx, 7, 9, envelope, sk, b, &err))
		return true;
	CHECK(err.code == FED_SECAGG_REFUSED);
	CHECK(memcmp(sk, zero, sizeof(zero)) == 0 && memcmp(b, zero, sizeof(zero)) == 0);
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	uint8_t		envelope[FED_ENVELOPE_BYTES];
	FedShare	sk;
	FedShare	b;
	unsigned	bit;

	if (len < FED_ENVELOPE_BYTES)
		return 0;
	CHECK(!opens(input, sk, b));

	/* the same bytes as nonce and shares, and which bit */
	CHECK(fed_envelope_seal(key, ctx, 7, 9, input, input + 12, input + 44, envelope, NULL));
	CHECK(opens(envelope, sk, b));
	CHECK(memcmp(sk, input + 12, sizeof(sk)) == 0 && memcmp(b, input + 44, sizeof(b)) == 0);
	bit = (input[76] | input[77] << 8) % (8 * FED_ENVELOPE_BYTES);
	envelope[bit / 8] ^= (uint8_t) (1 << bit % 8);
	CHECK(!opens(envelope, sk, b));
	return 0;
}
