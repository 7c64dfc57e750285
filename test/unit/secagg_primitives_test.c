/*
 * secagg_primitives_test.c
 *		Known answers of RFC 7748, RFC 8032, RFC 5869 and FIPS 197, the key
 *		stream from any place, and what envelopes refuse.
 */
#include "support.h"

#include <openssl/evp.h>

#include "core/digest.h"
#include "core/secagg/envelope.h"
#include "core/secagg/hkdf.h"
#include "core/secagg/keys.h"
#include "core/secagg/prg.h"

static void
from_hex(const char *text, uint8_t *out)
{
	assert_true(fed_hex_decode(text, out, strlen(text) / 2));
}

static void
assert_bytes(const uint8_t *got, const char *expected)
{
	uint8_t		bytes[128];

	assert_true(strlen(expected) / 2 <= sizeof(bytes));
	from_hex(expected, bytes);
	assert_memory_equal(got, bytes, strlen(expected) / 2);
}

/* RFC 7748, section 6.1. */
static void
x25519(void **state)
{
	static const char shared[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
	uint8_t		alice[32];
	uint8_t		bob[32];
	uint8_t		alice_pk[32];
	uint8_t		bob_pk[32];
	uint8_t		got[32];

	(void) state;
	from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", alice);
	from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob);
	assert_true(fed_x25519_public(alice, alice_pk, NULL));
	assert_true(fed_x25519_public(bob, bob_pk, NULL));
	assert_bytes(alice_pk, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_bytes(bob_pk, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_true(fed_x25519_agree(alice, bob_pk, got, NULL));
	assert_bytes(got, shared);
	assert_true(fed_x25519_agree(bob, alice_pk, got, NULL));
	assert_bytes(got, shared);
}

/* Points of order 1, 2, 4, 8 and their other encodings. */
static void
low_order_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000080"
	};
	uint8_t		secret[32];
	uint8_t		good[32];

	(void) state;
	assert_true(fed_secret_fresh(secret, NULL));
	for (size_t i = 0; i < LENGTH(points); i++)
	{
		static const uint8_t zero[32];
		FedSecaggError err = {0};
		uint8_t		point[32];
		uint8_t		shared[32] = {1};

		from_hex(points[i], point);
		assert_false(fed_x25519_agree(secret, point, shared, &err));
		assert_int_equal(err.code, FED_SECAGG_REFUSED);
		assert_memory_equal(shared, zero, sizeof(zero));
		assert_false(fed_x25519_check(point, NULL));
	}
	assert_true(fed_x25519_public(secret, good, NULL));
	assert_true(fed_x25519_check(good, NULL));
}

/* RFC 8032, section 7.1, tests 1 and 2. */
static void
ed25519(void **state)
{
	static const struct
	{
		const char *seed;
		const char *public_key;
		const char *message;
		const char *signature;
	}			cases[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"}
	};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		FedSecaggError err = {0};
		uint8_t		seed[32];
		uint8_t		key[32];
		uint8_t		message[8];
		size_t		len = strlen(cases[i].message) / 2;
		uint8_t		signature[64];

		from_hex(cases[i].seed, seed);
		from_hex(cases[i].message, message);
		assert_true(fed_ed25519_public(seed, key, NULL));
		assert_bytes(key, cases[i].public_key);
		assert_true(fed_ed25519_sign(seed, message, len, signature, NULL));
		assert_bytes(signature, cases[i].signature);
		assert_true(fed_ed25519_verify(key, message, len, signature, NULL));
		message[len] = 'x';
		assert_false(fed_ed25519_verify(key, message, len + 1, signature, &err));
		assert_int_equal(err.code, FED_SECAGG_REFUSED);
		signature[63] ^= 0x20;
		assert_false(fed_ed25519_verify(key, message, len, signature, NULL));
	}
}

/* RFC 5869, appendix A.1 to A.3. */
static void
hkdf(void **state)
{
	uint8_t		ikm[80];
	uint8_t		salt[80];
	uint8_t		info[80];
	uint8_t		out[82];

	(void) state;
	memset(ikm, 0x0b, 22);
	from_hex("000102030405060708090a0b0c", salt);
	from_hex("f0f1f2f3f4f5f6f7f8f9", info);
	assert_true(fed_hkdf_sha256(ikm, 22, salt, 13, info, 10, out, 42, NULL));
	assert_bytes(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
	assert_true(fed_hkdf_sha256(ikm, 22, NULL, 0, NULL, 0, out, 42, NULL));
	assert_bytes(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
	for (int i = 0; i < 80; i++)
	{
		ikm[i] = (uint8_t) i;
		salt[i] = (uint8_t) (0x60 + i);
		info[i] = (uint8_t) (0xb0 + i);
	}
	assert_true(fed_hkdf_sha256(ikm, 80, salt, 80, info, 80, out, 82, NULL));
	assert_bytes(out, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

static void
encrypt_block(const uint8_t *key, const uint8_t *block, uint8_t *out)
{
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	int			len;

	assert_int_equal(EVP_EncryptInit_ex(aes, EVP_aes_256_ecb(), NULL, key, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(aes, out, &len, block, 16), 1);
	EVP_CIPHER_CTX_free(aes);
}

/* All bytes are drawn, and differently each time. */
static void
fresh_ones_differ(void **state)
{
	uint8_t		secrets[64][FED_KEY_BYTES];
	uint8_t		pids[64][FED_PID_BYTES];

	(void) state;
	for (size_t i = 0; i < LENGTH(secrets); i++)
	{
		assert_true(fed_secret_fresh(secrets[i], NULL));
		assert_true(fed_pid_fresh(pids[i], NULL));
		for (size_t j = 0; j < i; j++)
		{
			/* half of each, so that a part that is not drawn is seen */
			for (size_t part = 0; part < FED_KEY_BYTES; part += 16)
				assert_memory_not_equal(secrets[i] + part, secrets[j] + part, 16);
			for (size_t part = 0; part < FED_PID_BYTES; part += 8)
				assert_memory_not_equal(pids[i] + part, pids[j] + part, 8);
		}
	}
}

/* FIPS 197, appendix C.3; then SP 800-38A: the stream is AES of the counters. */
static void
key_stream(void **state)
{
	static const struct
	{
		uint64_t	stream;
		uint64_t	first;
		const char *counter;
	}			cases[] = {
		{0, 0, "00000000000000000000000000000000"},
		{1, 4, "00000000000000010000000000000001"},
		{2, 4 * 0x0102030405060708, "00000000000000020102030405060708"},
		{0xf1f2f3f4f5f6f7f8, 4 * UINT64_C(0xffffffff), "f1f2f3f4f5f6f7f800000000ffffffff"}
	};
	uint8_t		key[32];
	uint8_t		block[16];
	uint8_t		expected[16];
	FedPrg	   *prg;

	(void) state;
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t) i;
	from_hex("00112233445566778899aabbccddeeff", block);
	encrypt_block(key, block, expected);
	assert_bytes(expected, "8ea2b7ca516745bfeafc49904b496089");

	prg = fed_prg_new(key);
	assert_non_null(prg);
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		uint32_t	words[4];

		from_hex(cases[i].counter, block);
		encrypt_block(key, block, expected);
		assert_true(fed_prg_fill(prg, cases[i].stream, cases[i].first, words, 4));
		for (size_t w = 0; w < 4; w++)
			assert_int_equal(words[w], expected[4 * w] | expected[4 * w + 1] << 8 |
							 expected[4 * w + 2] << 16 | (uint32_t) expected[4 * w + 3] << 24);
	}
	fed_prg_free(prg);
}

/* Any range is the same part of the stream, whatever was asked for before. */
static void
seek(void **state)
{
	enum
	{
		ALL = 3 * FED_PRG_CHUNK
	};
	static uint32_t whole[ALL];
	uint64_t	random = 7;
	uint8_t		key[32];
	uint32_t	part[FED_PRG_CHUNK];
	FedPrg	   *prg;

	(void) state;
	fill_random(&random, key, sizeof(key));
	prg = fed_prg_new(key);
	assert_non_null(prg);
	for (size_t i = 0; i < ALL; i += FED_PRG_CHUNK)
		assert_true(fed_prg_fill(prg, 0, i, whole + i, FED_PRG_CHUNK));
	for (int i = 0; i < 500; i++)
	{
		size_t		first = next_random(&random) % (ALL / 4) * 4;
		size_t		count = next_random(&random) % (FED_PRG_CHUNK + 1);

		if (count > ALL - first)
			count = ALL - first;
		assert_true(fed_prg_fill(prg, 0, first, part, count));
		assert_memory_equal(part, whole + first, count * sizeof(uint32_t));
		assert_true(fed_prg_fill(prg, 2, first, part, 4));
		assert_memory_not_equal(part, whole + first, 16);
	}
	assert_false(fed_prg_fill(prg, 0, 2, part, 4));
	assert_false(fed_prg_fill(prg, 0, 0, part, FED_PRG_CHUNK + 1));
	fed_prg_free(prg);
}

/* Every changed bit, party or context is refused. */
static void
envelopes_refuse(void **state)
{
	static const FedShare zero;
	uint64_t	random = 1;
	uint8_t		key[32];
	uint8_t		ctx[32];
	uint8_t		envelope[FED_ENVELOPE_BYTES];
	uint8_t		again[FED_ENVELOPE_BYTES];
	FedShare	sk;
	FedShare	b;
	FedShare	got[2];
	FedSecaggError err = {0};

	(void) state;
	fill_random(&random, key, sizeof(key));
	fill_random(&random, ctx, sizeof(ctx));
	fill_random(&random, sk, sizeof(sk));
	fill_random(&random, b, sizeof(b));
	assert_true(fed_envelope_seal(key, ctx, 1, 2, NULL, sk, b, envelope, NULL));
	assert_true(fed_envelope_seal(key, ctx, 1, 2, NULL, sk, b, again, NULL));
	assert_memory_not_equal(envelope, again, FED_NONCE_BYTES);
	assert_true(fed_envelope_open(key, ctx, 1, 2, envelope, got[0], got[1], NULL));
	assert_memory_equal(got[0], sk, sizeof(sk));
	assert_memory_equal(got[1], b, sizeof(b));

	for (size_t bit = 0; bit < 8 * FED_ENVELOPE_BYTES; bit++)
	{
		envelope[bit / 8] ^= 1 << bit % 8;
		assert_false(fed_envelope_open(key, ctx, 1, 2, envelope, got[0], got[1], NULL));
		assert_memory_equal(got[0], zero, sizeof(zero));
		assert_memory_equal(got[1], zero, sizeof(zero));
		envelope[bit / 8] ^= 1 << bit % 8;
	}
	assert_false(fed_envelope_open(key, ctx, 2, 1, envelope, got[0], got[1], &err));
	assert_int_equal(err.code, FED_SECAGG_REFUSED);
	assert_false(fed_envelope_open(key, ctx, 1, 3, envelope, got[0], got[1], NULL));
	ctx[5] ^= 1;
	assert_false(fed_envelope_open(key, ctx, 1, 2, envelope, got[0], got[1], NULL));
}

/* A sender that knows the key, but puts in the share of somebody else. */
static void
foreign_share_refused(void **state)
{
	uint8_t		key[32] = {1};
	uint8_t		ctx[32] = {2};
	uint8_t		aad[11 + 32 + 8] = "FSA1 share";
	uint8_t		plain[66] = {0};
	uint8_t		envelope[FED_ENVELOPE_BYTES] = {0};
	FedShare	got[2];

	(void) state;
	memcpy(aad + 11, ctx, 32);
	aad[43] = 1;				/* from 1 */
	aad[47] = 2;				/* to 2 */
	for (int wrong = 0; wrong < 3; wrong++)
	{
		EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
		int			len;

		plain[0] = wrong == 1 ? 3 : 2;
		plain[33] = wrong == 2 ? 3 : 2;
		assert_int_equal(EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, envelope), 1);
		assert_int_equal(EVP_EncryptUpdate(gcm, NULL, &len, aad, sizeof(aad)), 1);
		assert_int_equal(EVP_EncryptUpdate(gcm, envelope + 12, &len, plain, sizeof(plain)), 1);
		assert_int_equal(EVP_EncryptFinal_ex(gcm, envelope + 78, &len), 1);
		assert_int_equal(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, 16, envelope + 78), 1);
		EVP_CIPHER_CTX_free(gcm);
		assert_int_equal(fed_envelope_open(key, ctx, 1, 2, envelope, got[0], got[1], NULL), wrong == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519),
		cmocka_unit_test(low_order_refused),
		cmocka_unit_test(ed25519),
		cmocka_unit_test(hkdf),
		cmocka_unit_test(fresh_ones_differ),
		cmocka_unit_test(key_stream),
		cmocka_unit_test(seek),
		cmocka_unit_test(envelopes_refuse),
		cmocka_unit_test(foreign_share_refused)
	};

	return RUN_TESTS(tests);
}
