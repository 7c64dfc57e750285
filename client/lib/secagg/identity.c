/*
 * identity.c
 *		The key by which other Islands know this one.
 */
#include "lib/secagg/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/digest.h"
#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/refuse.h"

#define HEX_LEN (2 * FED_KEY_BYTES)

static bool
complete(FedIdentity *identity, FedError *err)
{
	FedSecaggError why;

	return (fed_ed25519_public(identity->seed, identity->public_key, &why) &&
			fed_pid_of_identity(identity->public_key, identity->pid, &why)) || fed_core_failed(err, &why);
}

/* A new file, never one that is there, synced. */
static bool
write_new(const char *path, const char *text, size_t len, FedError *err)
{
	int			fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool		ok;

	if (fd < 0)
		return fed_error_errno(err, "could not create \"%s\"", path);
	ok = fed_alive("write", err) && fed_write_at(fd, text, len, 0, path, err) && fed_alive("sync", err) &&
		(fsync(fd) == 0 || fed_error_errno(err, "could not sync \"%s\"", path)) && fed_alive("sync directory", err);
	close(fd);
	ok = ok && fed_sync_parent(path, err) && fed_alive("synced", err);
	if (!ok)
		unlink(path);
	return ok;
}

bool
fed_identity_create(const char *path, FedIdentity *out, FedError *err)
{
	FedSecaggError why;
	char		text[HEX_LEN + 2];
	bool		ok = fed_secret_fresh(out->seed, &why) || fed_core_failed(err, &why);

	if (ok)
	{
		fed_hex_encode(out->seed, FED_KEY_BYTES, text);
		strcpy(text + HEX_LEN, "\n");
		ok = complete(out, err) && write_new(path, text, HEX_LEN + 1, err);
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (!ok)
		fed_identity_wipe(out);
	return ok;
}

bool
fed_identity_load(const char *path, FedIdentity *out, FedError *err)
{
	char	   *text = fed_read_secret(path, HEX_LEN + 2, err);
	size_t		len;
	bool		ok;

	if (text == NULL)
		return false;
	len = strlen(text);
	if (len == HEX_LEN + 1 && text[HEX_LEN] == '\n')
		text[HEX_LEN] = '\0';
	ok = (fed_hex_decode(text, out->seed, FED_KEY_BYTES) ||
		  fed_error_set(err, FED_ERR_USAGE, "\"%s\" is not an identity key: it must hold %d hexadecimal digits", path, HEX_LEN)) &&
		complete(out, err);
	OPENSSL_cleanse(text, len);
	free(text);
	if (!ok)
		fed_identity_wipe(out);
	return ok;
}

void
fed_identity_wipe(FedIdentity *identity)
{
	OPENSSL_cleanse(identity, sizeof(*identity));
}

bool
fed_fingerprint(const uint8_t public_key[FED_KEY_BYTES], char out[FED_FINGERPRINT_LEN], FedError *err)
{
	FedSecaggError why;
	uint8_t		pid[FED_PID_BYTES];
	char		digits[2 * FED_PID_BYTES + 1];

	if (!fed_pid_of_identity(public_key, pid, &why))
		return fed_core_failed(err, &why);
	fed_hex_encode(pid, FED_PID_BYTES, digits);
	for (int group = 0; group < 8; group++)
		snprintf(out + 5 * group, 6, "%.4s%s", digits + 4 * group, group < 7 ? " " : "");
	return true;
}
