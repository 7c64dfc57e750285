/*
 * digest_test.c
 *		SHA-256 against the examples of FIPS 180-2, and hexadecimal text.
 */
#include "support.h"

#include "core/digest.h"

static const struct
{
	const char *message;
	const char *digest;
}			examples[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}
};

static const char million_as[] =
"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void
assert_digest(const uint8_t *digest, const char *expected)
{
	char		hex[FED_SHA256_HEX + 1];

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	assert_string_equal(hex, expected);
}

static void
sha256_matches_fips_examples(void **state)
{
	uint8_t		digest[FED_SHA256_BYTES];

	(void) state;
	for (size_t i = 0; i < LENGTH(examples); i++)
	{
		assert_true(fed_sha256(examples[i].message,
							   strlen(examples[i].message), digest));
		assert_digest(digest, examples[i].digest);
	}
	assert_true(fed_sha256(NULL, 0, digest));
	assert_digest(digest, examples[0].digest);
}

static void
sha256_incremental_cut_anywhere(void **state)
{
	const char *message = examples[3].message;
	size_t		len = strlen(message);
	uint8_t		digest[FED_SHA256_BYTES];
	FedSha256  *ctx = fed_sha256_new();

	(void) state;
	assert_non_null(ctx);
	for (size_t cut = 0; cut <= len; cut++)
	{
		/* The same context each time: _final must have started it afresh. */
		assert_true(fed_sha256_update(ctx, message, cut));
		assert_true(fed_sha256_update(ctx, NULL, 0));
		assert_true(fed_sha256_update(ctx, message + cut, len - cut));
		assert_true(fed_sha256_final(ctx, digest));
		assert_digest(digest, examples[3].digest);
	}
	fed_sha256_free(ctx);
}

static void
sha256_incremental_million(void **state)
{
	char		block[1000];
	uint8_t		digest[FED_SHA256_BYTES];
	FedSha256  *ctx = fed_sha256_new();

	(void) state;
	assert_non_null(ctx);
	memset(block, 'a', sizeof(block));
	for (int i = 0; i < 1000; i++)
		assert_true(fed_sha256_update(ctx, block, sizeof(block)));
	assert_true(fed_sha256_final(ctx, digest));
	assert_digest(digest, million_as);
	fed_sha256_free(ctx);
	fed_sha256_free(NULL);
}

static void
hex_round_trip(void **state)
{
	uint8_t		bytes[256];
	uint8_t		back[256];
	char		hex[513];

	(void) state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t) i;
	fed_hex_encode(bytes, sizeof(bytes), hex);
	assert_int_equal(strlen(hex), 512);
	assert_memory_equal(hex, "000102", 6);
	assert_true(fed_hex_decode(hex, back, sizeof(back)));
	assert_memory_equal(bytes, back, sizeof(back));

	assert_true(fed_hex_decode("aBCdeF", back, 3));
	assert_memory_equal(back, "\xab\xcd\xef", 3);
	assert_true(fed_hex_decode("", back, 0));
}

static void
hex_refuses_anything_else(void **state)
{
	static const char *const bad[] = {
		"", "00", "000", "00000", "000000", "0g00", "00 0", "0x00", "00\n0",
		"00\xff\x30", "/000", ":000", "@000", "G000", "`000"
	};
	uint8_t		out[2] = {1, 2};

	(void) state;
	for (size_t i = 0; i < LENGTH(bad); i++)
	{
		assert_false(fed_hex_decode(bad[i], out, sizeof(out)));
		assert_int_equal(out[0], 1);
		assert_int_equal(out[1], 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_matches_fips_examples),
		cmocka_unit_test(sha256_incremental_cut_anywhere),
		cmocka_unit_test(sha256_incremental_million),
		cmocka_unit_test(hex_round_trip),
		cmocka_unit_test(hex_refuses_anything_else)
	};

	return RUN_TESTS(tests);
}
