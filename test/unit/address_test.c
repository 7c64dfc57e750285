/*
 * address_test.c
 *		Unit tests of core/net/address: the first and the last address of each
 *		range, and their neighbours outside.
 */
#include <arpa/inet.h>

#include "core/net/address.h"
#include "support.h"

static const char *
special(const char *text)
{
	uint8_t		bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return fed_address_v4_special(bytes);
	assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
	return fed_address_v6_special(bytes);
}

typedef struct Case
{
	const char *address;
	const char *name;			/* NULL: public */
} Case;

static void
check_all(const Case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		const char *name = special(cases[i].address);

		if (cases[i].name == NULL ? name != NULL : name == NULL || strcmp(name, cases[i].name) != 0)
			fail_msg("%s is %s, expected %s", cases[i].address, name ? name : "public",
					 cases[i].name ? cases[i].name : "public");
	}
}

static void
test_v4(void **state)
{
	static const Case cases[] = {
		{"0.0.0.0", "unspecified"}, {"0.255.255.255", "unspecified"}, {"1.0.0.0", NULL},
		{"9.255.255.255", NULL}, {"10.0.0.0", "private"}, {"10.255.255.255", "private"}, {"11.0.0.0", NULL},
		{"100.63.255.255", NULL}, {"100.64.0.0", "shared"}, {"100.127.255.255", "shared"}, {"100.128.0.0", NULL},
		{"126.255.255.255", NULL}, {"127.0.0.1", "loopback"}, {"127.255.255.255", "loopback"}, {"128.0.0.0", NULL},
		{"169.253.255.255", NULL}, {"169.254.169.254", "link-local"}, {"169.255.0.0", NULL},
		{"172.15.255.255", NULL}, {"172.16.0.0", "private"}, {"172.31.255.255", "private"}, {"172.32.0.0", NULL},
		{"192.0.0.1", "reserved"}, {"192.0.1.0", NULL}, {"192.0.2.1", "documentation"}, {"192.0.3.0", NULL},
		{"192.88.99.1", "reserved"}, {"192.88.100.0", NULL},
		{"192.167.255.255", NULL}, {"192.168.0.0", "private"}, {"192.168.255.255", "private"}, {"192.169.0.0", NULL},
		{"198.17.255.255", NULL}, {"198.18.0.0", "benchmarking"}, {"198.19.255.255", "benchmarking"}, {"198.20.0.0", NULL},
		{"198.51.100.7", "documentation"}, {"203.0.113.7", "documentation"}, {"203.0.114.0", NULL},
		{"223.255.255.255", NULL}, {"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"},
		{"240.0.0.1", "reserved"}, {"255.255.255.255", "reserved"}, {"8.8.8.8", NULL},
	};

	(void) state;
	check_all(cases, LENGTH(cases));
}

static void
test_v6(void **state)
{
	static const Case cases[] = {
		{"::", "unspecified"}, {"::1", "loopback"}, {"::2", "reserved"}, {"::7f00:1", "reserved"},
		{"100::1", "reserved"}, {"1fff:ffff::", "reserved"}, {"2001:0:1::1", "reserved"}, {"2001:1ff:ffff::", "reserved"},
		{"2001:200::1", NULL}, {"2001:db7:ffff::", NULL}, {"2001:db8::1", "documentation"}, {"2001:db9::", NULL},
		{"2606:4700::1111", NULL}, {"3ffe:ffff::1", NULL}, {"3fff::1", "documentation"}, {"3fff:fff:ffff::", "documentation"},
		{"3fff:1000::", NULL}, {"4000::", "reserved"}, {"fbff::", "reserved"}, {"fc00::1", "private"}, {"fdff:ffff::", "private"},
		{"fe00::", "reserved"}, {"fe80::1", "link-local"}, {"febf::1", "link-local"}, {"fec0::1", "site-local"}, {"ff02::1", "multicast"},
	};

	(void) state;
	check_all(cases, LENGTH(cases));
}

static void
test_embedded(void **state)
{
	static const Case cases[] = {
		{"::ffff:127.0.0.1", "loopback"}, {"::ffff:10.1.2.3", "private"}, {"::ffff:8.8.8.8", NULL},
		{"64:ff9b::169.254.169.254", "link-local"}, {"64:ff9b::8.8.8.8", NULL}, {"64:ff9b:1::8.8.8.8", "reserved"},
		{"2002:7f00:1::", "loopback"}, {"2002:c0a8:101::1", "private"}, {"2002:808:808::1", NULL},
	};

	(void) state;
	check_all(cases, LENGTH(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_embedded),
	};

	return RUN_TESTS(tests);
}
