/*
 * state.c
 *		What an Island must not forget of a session with secure aggregation.
 */
#include "lib/secagg/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/digest.h"
#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/refuse.h"
#include "lib/slices.h"

#define STATE_NAME "state"
#define SECRETS_NAME "secrets"
#define MASKED_NAME "masked"

/*
 * A file of one struct, for this machine and this program: a name for what it is,
 * the struct's length, the struct, and the SHA-256 of all that. What is not just
 * so cannot be read.
 */
typedef struct Header
{
	char		what[16];
	uint64_t	len;
} Header;

#define SEALED_BYTES(len) (sizeof(Header) + (len) + FED_SHA256_BYTES)

static void
free_sealed(void *bytes, size_t len)
{
	if (bytes != NULL)
		OPENSSL_cleanse(bytes, len);
	free(bytes);
}

static uint8_t *
seal(const char *what, const void *data, size_t len, FedError *err)
{
	uint8_t    *bytes = calloc(1, SEALED_BYTES(len));
	Header		header = {.len = len};

	if (bytes == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	strncpy(header.what, what, sizeof(header.what) - 1);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), data, len);
	if (fed_sha256(bytes, sizeof(header) + len, bytes + sizeof(header) + len))
		return bytes;
	free_sealed(bytes, SEALED_BYTES(len));
	fed_digest_error(err);
	return NULL;
}

static bool
write_sealed(const char *dir, const char *name, const char *what, const void *data, size_t len, FedError *err)
{
	char	   *path = fed_path_join(dir, name);
	uint8_t    *bytes = path == NULL ? NULL : seal(what, data, len, err);
	bool		ok = path != NULL || fed_error_memory(err);

	ok = ok && bytes != NULL && fed_write_file(path, bytes, SEALED_BYTES(len), err);
	free_sealed(bytes, SEALED_BYTES(len));
	free(path);
	return ok;
}

/* Whether the file is there, whole, and what it should be. */
static bool
read_sealed(const char *path, const char *what, void *out, size_t len)
{
	size_t		got;
	char	   *bytes = fed_read_file(path, SEALED_BYTES(len), &got, NULL);
	Header		header = {.what = ""};
	uint8_t		digest[FED_SHA256_BYTES];
	bool		ok = bytes != NULL && got == SEALED_BYTES(len);

	if (ok)
	{
		memcpy(&header, bytes, sizeof(header));
		ok = strncmp(header.what, what, sizeof(header.what)) == 0 && header.len == len &&
			fed_sha256(bytes, sizeof(header) + len, digest) &&
			memcmp(digest, bytes + sizeof(header) + len, sizeof(digest)) == 0;
	}
	if (ok)
		memcpy(out, bytes + sizeof(header), len);
	free_sealed(bytes, got);
	return ok;
}

char *
fed_state_dir(const char *root, const char *session_id, FedError *err)
{
	char	   *dir = fed_path_join(root, session_id);

	if (dir == NULL)
		fed_error_memory(err);
	else if (!fed_make_directory(dir, err))
	{
		free(dir);
		dir = NULL;
	}
	return dir;
}

bool
fed_state_load(const char *dir, const char *session_id, FedState *out, FedError *err)
{
	char	   *path = fed_path_join(dir, STATE_NAME);
	bool		none = path != NULL && access(path, F_OK) != 0 && errno == ENOENT;
	bool		ok = path != NULL || fed_error_memory(err);

	memset(out, 0, sizeof(*out));
	if (ok && none)
		snprintf(out->session_id, sizeof(out->session_id), "%s", session_id);
	else if (ok && (!read_sealed(path, STATE_NAME, out, sizeof(*out)) || strcmp(out->session_id, session_id) != 0))
		ok = fed_refuse(err, 19, "the state in \"%s\" cannot be read", path);
	/* Whoever wrote it may have been killed before it could make the name durable; what is sent now relies on it. */
	else if (ok)
		ok = fed_sync_parent(path, err);
	free(path);
	return ok;
}

bool
fed_state_save(const char *dir, const FedState *state, FedError *err)
{
	return write_sealed(dir, STATE_NAME, STATE_NAME, state, sizeof(*state), err);
}

static bool
fresh_coefficients(FedShare *coefficients, FedSecaggError *why)
{
	return fed_shamir_fresh(coefficients, FED_SECAGG_MAX_COHORT, why);
}

/* Whole secrets are drawn, and what nonces do not need is left. */
static bool
fresh_nonces(FedSecrets *out, FedSecaggError *why)
{
	uint8_t		secret[FED_KEY_BYTES];
	bool		ok = true;

	for (int v = 0; ok && v < FED_SECAGG_MAX_COHORT; v++)
	{
		ok = fed_secret_fresh(secret, why);
		memcpy(out->nonces[v], secret, FED_NONCE_BYTES);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

bool
fed_secrets_make(FedSecrets *out, FedError *err)
{
	FedSecaggError why;

	memset(out, 0, sizeof(*out));
	if (fed_secret_fresh(out->c_sk, &why) && fed_secret_fresh(out->m_sk, &why) && fed_secret_fresh(out->b, &why) &&
		fresh_coefficients(out->sk_coefficients, &why) && fresh_coefficients(out->b_coefficients, &why) &&
		fresh_nonces(out, &why))
		return true;
	fed_secrets_wipe(out);
	return fed_core_failed(err, &why);
}

bool
fed_secrets_save(const char *dir, const FedSecrets *secrets, FedError *err)
{
	return write_sealed(dir, SECRETS_NAME, SECRETS_NAME, secrets, sizeof(*secrets), err);
}

bool
fed_secrets_load(const char *dir, FedSecrets *out, FedError *err)
{
	char	   *path = fed_path_join(dir, SECRETS_NAME);
	bool		ok = path != NULL || fed_error_memory(err);

	memset(out, 0, sizeof(*out));
	ok = ok && (read_sealed(path, SECRETS_NAME, out, sizeof(*out)) ||
				fed_refuse(err, 19, "the keys of this attempt are lost, or were erased"));
	free(path);
	return ok;
}

void
fed_secrets_wipe(FedSecrets *secrets)
{
	OPENSSL_cleanse(secrets, sizeof(*secrets));
}

/* Over the bytes themselves, so that they are gone from the blocks that the file had; then the file. */
static bool
overwrite(const char *path, FedError *err)
{
	static const uint8_t zeroes[4096];
	int			fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	bool		ok;

	if (fd < 0)
		return fed_error_errno(err, "could not open \"%s\"", path);
	ok = fstat(fd, &st) == 0 || fed_error_errno(err, "could not look at \"%s\"", path);
	for (off_t at = 0; ok && at < st.st_size; at += (off_t) sizeof(zeroes))
	{
		off_t		left = st.st_size - at;

		ok = fed_write_at(fd, zeroes, left < (off_t) sizeof(zeroes) ? (size_t) left : sizeof(zeroes), (uint64_t) at, path, err);
	}
	ok = ok && fed_alive("sync", err) && (fsync(fd) == 0 || fed_error_errno(err, "could not sync \"%s\"", path)) &&
		fed_alive("remove", err);
	close(fd);
	return ok && (unlink(path) == 0 || fed_error_errno(err, "could not remove \"%s\"", path)) &&
		fed_alive("sync directory", err) && fed_sync_parent(path, err);
}

/* A file that a crash left half written is a copy, too. */
static bool
erase(const char *dir, const char *name, FedError *err)
{
	char	   *path = fed_path_join(dir, name);
	bool		ok = path == NULL ? fed_error_memory(err) : access(path, F_OK) != 0 || overwrite(path, err);

	free(path);
	return ok;
}

bool
fed_secrets_erase(const char *dir, FedError *err)
{
	return fed_alive("erase", err) && erase(dir, SECRETS_NAME, err) && erase(dir, SECRETS_NAME ".tmp", err) &&
		fed_alive("erase", err);
}

char *
fed_masked_path(const char *dir)
{
	return fed_path_join(dir, MASKED_NAME);
}

bool
fed_state_drop_attempt(const char *dir, FedState *state, FedError *err)
{
	char	   *masked = fed_masked_path(dir);
	const size_t of_attempt = offsetof(FedState, progress);

	if (masked == NULL)
		return fed_error_memory(err);
	if (!fed_secrets_erase(dir, err))
	{
		free(masked);
		return false;
	}
	(void) unlink(masked);
	free(masked);
	memset((uint8_t *) state + of_attempt, 0, sizeof(*state) - of_attempt);
	return fed_state_save(dir, state, err);
}
