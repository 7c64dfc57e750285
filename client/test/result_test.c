/*
 * result_test.c
 *		What a trainer wrote becomes a delta, in the encoding that is wanted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "lib/result.h"
#include "lib/slices.h"

/* More values than there are in a slice, of any encoding. */
#define LONG 600000
#define PARAMETERS (3 + LONG)

static char dir[] = "/tmp/fed-result-XXXXXX";
static FedManifest *manifest;
static float received[PARAMETERS];
static float trained[PARAMETERS];
static FedPrivacy *privacy;

/* A model file with tensors "a" and "long". */
static char *
write_model(const char *name, const float *values)
{
	char	   *path = fed_path_join(dir, name);
	size_t		len;
	char	   *header = fed_manifest_vector_header(manifest, &len, NULL);
	int			fd = fed_replace_begin(path, NULL);
	uint64_t	at;

	if (header == NULL || fd < 0 || !fed_model_file_write_header(fd, path, header, len, &at, NULL) ||
		!fed_write_at(fd, values, PARAMETERS * sizeof(float), at, path, NULL) || !fed_replace_finish(fd, path, NULL))
		exit(1);
	free(header);
	return path;
}

/* The delta in an encoding: its bytes, malloc'd, and its digest. NULL, and err filled, if there is none. */
static uint8_t *
delta_of(FedEncoding encoding, bool is_delta, uint8_t *digest, size_t *len, FedError *err)
{
	FedResult	result = {.num_samples = 1, .is_delta = is_delta};
	char	   *update = write_model("update", trained);
	char	   *model = write_model("model", received);
	char	   *path = fed_path_join(dir, "delta");
	FedModelFile file;
	uint8_t    *bytes = NULL;

	if (!fed_model_file_open(model, FED_ERR_LOCAL, &file, err))
		exit(1);
	if (fed_result_delta(update, &result, manifest, &file, privacy, encoding, path, digest, NULL, err))
		bytes = (uint8_t *) fed_read_file(path, 4 * PARAMETERS + 1, len, err);
	fed_model_file_close(&file);
	unlink(path);
	free(path);
	free(model);
	free(update);
	return bytes;
}

static void
test_encodings(void)
{
	static float delta[PARAMETERS];
	static uint8_t expected[4 * PARAMETERS];

	for (size_t i = 0; i < PARAMETERS; i++)
	{
		received[i] = (float) (i % 1001) / 7;
		trained[i] = received[i] + (float) (i % 97) / 1000 - 0.05f;
		delta[i] = (float) ((double) trained[i] - (double) received[i]);
	}
	for (int e = 0; e < FED_ENCODINGS; e++)
	{
		FedError	err = {0};
		uint8_t		digest[FED_SHA256_BYTES];
		uint8_t		expected_digest[FED_SHA256_BYTES];
		size_t		len = 0;
		size_t		expected_len = 0;
		uint8_t    *bytes = delta_of((FedEncoding) e, false, digest, &len, &err);

		fed_encoded_length((FedEncoding) e, PARAMETERS, &expected_len);
		fed_encode((FedEncoding) e, delta, PARAMETERS, expected);
		fed_hash_vector(expected, expected_len, expected_digest, NULL, NULL);
		check(bytes != NULL && len == expected_len && memcmp(bytes, expected, len) == 0,
			  fed_encoding_name((FedEncoding) e));
		check(memcmp(digest, expected_digest, sizeof(digest)) == 0, "its digest is that of the bytes that are sent");
		free(bytes);
	}
}

static bool
refused(FedEncoding encoding, const char *words)
{
	FedError	err = {0};
	uint8_t		digest[FED_SHA256_BYTES];
	size_t		len;
	uint8_t    *bytes = delta_of(encoding, true, digest, &len, &err);
	bool		ok = bytes == NULL && err.kind == FED_ERR_TRAINER && strstr(err.message, words) != NULL;

	if (!ok)
		printf("# %s\n", bytes == NULL ? err.message : "accepted");
	free(bytes);
	return ok;
}

static void
test_limits(void)
{
	memset(trained, 0, sizeof(trained));
	trained[2] = 65519;
	trained[550000] = -70000;
	check(refused(FED_ENCODING_F16, "parameter 550000 of the update, in tensor \"long\", is -70000, too large for encoding f16;"
				  " f32 or bf16 would take it"), "what f16 does not reach is refused, with the ones that do");
	trained[2] = 3.4e38f;
	check(refused(FED_ENCODING_F16, "parameter 2 of the update, in tensor \"a\", is 3.4e+38, too large for encoding f16; f32 would"),
		  "the first one is named");
	check(refused(FED_ENCODING_BF16, "parameter 2 of the update, in tensor \"a\", is 3.4e+38, too large for encoding bf16; f32 would"),
		  "bf16 has an end too");
	trained[3] = NAN;
	check(refused(FED_ENCODING_F32, "parameter 3 in FED_UPDATE is NaN or infinite"), "NaN is refused in any encoding");
}

/* A private delta is within the clip norm but for its noise, and refused where a plain one is. */
static void
test_private(void)
{
	FedPrivacy	local;
	FedError	err = {0};
	uint8_t		digest[FED_SHA256_BYTES];
	uint8_t		expected[FED_SHA256_BYTES];
	size_t		len = 0;
	float	   *delta;
	double		squares = 0;

	if (!fed_privacy_begin(&local, 2, 0.001, &err))
		exit(1);
	privacy = &local;
	memset(received, 0, sizeof(received));
	for (size_t i = 0; i < PARAMETERS; i++)
		trained[i] = i % 2 == 0 ? 5 : -5;
	delta = (float *) delta_of(FED_ENCODING_F32, false, digest, &len, &err);
	for (size_t i = 0; delta != NULL && i < PARAMETERS; i++)
		squares += (double) delta[i] * delta[i];
	check(delta != NULL && len == sizeof(received) && fabs(squares - (4 + PARAMETERS * 4e-6)) < 0.1,
		  "a private delta has the clip norm's square and the noise's");
	fed_hash_vector((uint8_t *) delta, len, expected, NULL, NULL);
	check(memcmp(digest, expected, sizeof(digest)) == 0, "its digest is that of the noised bytes");
	free(delta);
	trained[PARAMETERS - 1] = NAN;
	check(refused(FED_ENCODING_F32, "is NaN or infinite"), "NaN in a private one is refused");
	fed_privacy_end(&local);
	if (!fed_privacy_begin(&local, 1e6, 1, &err))
		exit(1);
	trained[PARAMETERS - 1] = 0;
	check(refused(FED_ENCODING_F16, "too large for encoding f16"), "noise that f16 does not reach is refused");
	fed_privacy_end(&local);
	privacy = NULL;
}

static void
test_model(void)
{
	char	   *path = write_model("model", received);
	uint8_t		digest[FED_SHA256_BYTES];
	FedModelFile file;
	FedError	err = {0};

	if (!fed_model_file_open(path, FED_ERR_LOCAL, &file, NULL) ||
		!fed_hash_vector((uint8_t *) received, sizeof(received), digest, NULL, NULL))
		exit(1);
	check(fed_result_check_model(&file, digest, NULL, &err), "the model is as it was");
	digest[0] ^= 1;
	check(!fed_result_check_model(&file, digest, NULL, &err) && err.kind == FED_ERR_TRAINER, "or the trainer changed it");
	fed_model_file_close(&file);
	free(path);
}

int
main(void)
{
	FedError	err = {0};

	if (mkdtemp(dir) == NULL)
		return 1;
	manifest = fed_manifest_parse("{\"version_id\": 1, \"parameters\": 600003, \"frozen_bytes\": 0, \"tensors\": ["
								  "{\"name\": \"a\", \"dtype\": \"F32\", \"shape\": [3], \"trainable\": true},"
								  "{\"name\": \"long\", \"dtype\": \"F32\", \"shape\": [600000], \"trainable\": true}]}", &err);
	if (!check(manifest != NULL, "a manifest"))
		return 1;
	test_encodings();
	test_limits();
	test_private();
	test_model();
	fed_manifest_free(manifest);
	fed_remove_tree(dir);
	return checks_done();
}
