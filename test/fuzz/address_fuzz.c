/*
 * address_fuzz.c
 *		libFuzzer target: any 16 bytes as an IPv6 address, the first 4 as an IPv4 one.
 *
 * What carries an IPv4 address is what that one is, wherever it is carried. And
 * whatever libc's own macros call special must be so here.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/address.h"

int			LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);

#define CHECK(condition) \
	do { if (!(condition)) abort(); } while (0)

static void
check_embedded(const uint8_t *v4)
{
	uint8_t		mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t		nat64[16] = {0, 0x64, 0xff, 0x9b};
	uint8_t		sixto4[16] = {0x20, 0x02};
	const char *name = fed_address_v4_special(v4);

	memcpy(mapped + 12, v4, 4);
	memcpy(nat64 + 12, v4, 4);
	memcpy(sixto4 + 2, v4, 4);
	CHECK(fed_address_v6_special(mapped) == name);
	CHECK(fed_address_v6_special(nat64) == name);
	CHECK(fed_address_v6_special(sixto4) == name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
	struct in6_addr v6;
	uint32_t	v4;

	if (len < sizeof(v6))
		return 0;
	memcpy(&v6, input, sizeof(v6));
	memcpy(&v4, input, sizeof(v4));
	v4 = ntohl(v4);

	check_embedded(input);
	if (IN_MULTICAST(v4) || IN_EXPERIMENTAL(v4) || (v4 >> 24) == IN_LOOPBACKNET)
		CHECK(fed_address_v4_special(input) != NULL);
	if (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
		IN6_IS_ADDR_LINKLOCAL(&v6) || IN6_IS_ADDR_SITELOCAL(&v6) || IN6_IS_ADDR_V4COMPAT(&v6))
		CHECK(fed_address_v6_special(input) != NULL);
	if (fed_address_v6_special(input) == NULL)
		CHECK((input[0] & 0xe0) == 0x20 || memcmp(input, "\0\x64\xff\x9b", 4) == 0 || IN6_IS_ADDR_V4MAPPED(&v6));
	return 0;
}
