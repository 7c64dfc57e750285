/*
 * address.c
 *		Which IP addresses are for everybody.
 *
 * The ranges are those of IANA's registries of special-purpose addresses (RFC
 * 6890 and its updates). For IPv6 it is the other way round: only 2000::/3 is
 * given out at all, so everything else is special, named or not.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/net/address.h"

typedef struct Range
{
	uint8_t		prefix[16];
	int			bits;
	const char *name;
} Range;

static const Range v4_ranges[] = {
	{{0}, 8, "unspecified"},
	{{10}, 8, "private"},
	{{100, 64}, 10, "shared"},	/* behind a carrier's NAT */
	{{127}, 8, "loopback"},
	{{169, 254}, 16, "link-local"},
	{{172, 16}, 12, "private"},
	{{192, 0, 0}, 24, "reserved"},
	{{192, 0, 2}, 24, "documentation"},
	{{192, 88, 99}, 24, "reserved"},	/* relays of 6to4 */
	{{192, 168}, 16, "private"},
	{{198, 18}, 15, "benchmarking"},
	{{198, 51, 100}, 24, "documentation"},
	{{203, 0, 113}, 24, "documentation"},
	{{224}, 4, "multicast"},
	{{240}, 4, "reserved"},
};

static const Range v6_ranges[] = {
	{{0}, 128, "unspecified"},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "loopback"},
	{{0x20, 0x01}, 23, "reserved"}, /* Teredo among others */
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
	{{0x3f, 0xff}, 20, "documentation"},
	{{0xfc}, 7, "private"},
	{{0xfe, 0x80}, 10, "link-local"},
	{{0xfe, 0xc0}, 10, "site-local"},
	{{0xff}, 8, "multicast"},
};

/* Where an IPv6 address has an IPv4 address inside, and where that begins. */
typedef struct Embedding
{
	Range		range;
	int			offset;
} Embedding;

static const Embedding embeddings[] = {
	{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, "mapped"}, 12},
	{{{0, 0x64, 0xff, 0x9b}, 96, "NAT64"}, 12},
	{{{0x20, 0x02}, 16, "6to4"}, 2},
};

static bool
is_in(const uint8_t *address, const Range *range)
{
	int			bytes = range->bits / 8;
	int			rest = range->bits % 8;
	uint8_t		mask = (uint8_t) (0xff << (8 - rest));

	if (memcmp(address, range->prefix, (size_t) bytes) != 0)
		return false;
	return rest == 0 || (address[bytes] & mask) == range->prefix[bytes];
}

const char *
fed_address_v4_special(const uint8_t address[4])
{
	for (size_t i = 0; i < sizeof(v4_ranges) / sizeof(v4_ranges[0]); i++)
	{
		if (is_in(address, &v4_ranges[i]))
			return v4_ranges[i].name;
	}
	return NULL;
}

const char *
fed_address_v6_special(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++)
	{
		if (is_in(address, &embeddings[i].range))
			return fed_address_v4_special(address + embeddings[i].offset);
	}
	for (size_t i = 0; i < sizeof(v6_ranges) / sizeof(v6_ranges[0]); i++)
	{
		if (is_in(address, &v6_ranges[i]))
			return v6_ranges[i].name;
	}
	return (address[0] & 0xe0) == 0x20 ? NULL : "reserved";
}
