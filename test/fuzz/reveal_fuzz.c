/*
 * reveal_fuzz.c
 *		libFuzzer target: reveals. The first bytes say who reveals in which
 *		cohort, and which owners are in U2 and U3.
 *
 * What is taken is written again as the same bytes; what passes the check has
 * exactly one kind for each owner that is due.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/secagg/reveal.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

#define HEAD (2 + 2 * sizeof(FedSecaggSet))

static void
check_kinds(const FedReveal *entries, size_t count, const FedSecaggSet *u2, const FedSecaggSet *u3)
{
	CHECK(count == fed_set_size(u2));
	for (size_t i = 0; i < count; i++)
	{
		CHECK(fed_set_has(u2, entries[i].owner));
		CHECK((entries[i].kind == FED_REVEAL_B) == fed_set_has(u3, entries[i].owner));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	FedReveal	entries[FED_SECAGG_MAX_COHORT];
	uint8_t		again[FED_SECAGG_MAX_COHORT * FED_REVEAL_BYTES];
	FedSecaggSet sets[2];
	FedSecaggError err = {0};
	size_t		count;
	uint32_t	n;

	if (len < HEAD)
		return 0;
	n = input[1] % FED_SECAGG_MAX_COHORT + 1;
	memcpy(sets, input + 2, sizeof(sets));
	len -= HEAD;
	if (!fed_reveal_parse(input + HEAD, len, input[0], n, entries, &count, &err))
	{
		CHECK(err.code == FED_SECAGG_MALFORMED);
		return 0;
	}
	CHECK(count <= n && len == count * FED_REVEAL_BYTES);
	fed_reveal_pack(entries, count, again);
	CHECK(memcmp(again, input + HEAD, len) == 0);
	if (fed_reveal_check(entries, count, &sets[0], &sets[1], NULL, NULL))
		check_kinds(entries, count, &sets[0], &sets[1]);
	return 0;
}
