/*
 * secagg_files_test.c
 *		What an Island keeps of secure aggregation: keys, trust, state, and what it has revealed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "lib/file.h"
#include "lib/secagg/identity.h"
#include "lib/secagg/kept.h"
#include "lib/secagg/revealed.h"
#include "lib/secagg/state.h"
#include "lib/secagg/trust.h"

#define SESSION "5f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101"

static char dir[] = "/tmp/fed-secagg-XXXXXX";
static FedError err;

static char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
test_identity(void)
{
	FedIdentity made;
	FedIdentity read;
	struct stat st;
	char		fingerprint[FED_FINGERPRINT_LEN];
	char	   *path = in_dir("identity");

	check(fed_identity_create(path, &made, &err) && fed_identity_load(path, &read, &err) &&
		  memcmp(&made, &read, sizeof(made)) == 0, "an identity is read back as it was made");
	check(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "its file is the owner's alone");
	check(!fed_identity_create(path, &read, &err) && fed_identity_load(path, &read, &err) &&
		  memcmp(&made, &read, sizeof(made)) == 0, "one that is there is not replaced");
	check(fed_fingerprint(made.public_key, fingerprint, &err) && strlen(fingerprint) == 39, "it has a fingerprint to read out");
	check(chmod(path, 0640) == 0 && !fed_identity_load(path, &read, &err) && err.kind == FED_ERR_POLICY,
		  "a file that others can read is refused");
	check(chmod(path, 0600) == 0 && truncate(path, 63) == 0 && !fed_identity_load(path, &read, &err) &&
		  err.kind == FED_ERR_USAGE, "and one that is too short");
}

static void
test_trust(void)
{
	const char *one = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	const char *two = "FF0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	uint8_t		key[FED_KEY_BYTES];
	char	   *path = in_dir("trust");
	FedTrust   *trust = fed_trust_load(path, true, &err);

	check(trust != NULL && fed_trust_load(path, false, &err) == NULL, "no file is an empty one only where that is asked for");
	check(fed_trust_add(trust, "a", one, &err) && fed_trust_add(trust, "a", one, &err), "a key may be pinned twice");
	check(!fed_trust_add(trust, "a", two, &err), "but not exchanged");
	check(!fed_trust_add(trust, "b", one, &err), "nor be that of two Islands");
	check(!fed_trust_add(trust, "b", "abc", &err), "nor be anything but 32 bytes");
	check(fed_trust_add(trust, "b", two, &err) && fed_trust_save(trust, path, &err), "they are saved");
	fed_trust_free(trust);
	trust = fed_trust_load(path, false, &err);
	check(trust != NULL && fed_hex_decode(two, key, sizeof(key)) && fed_trust_has(trust, key), "and read");
	check(fed_trust_remove(trust, "b", &err) && !fed_trust_has(trust, key), "a key that is taken out is believed no more");
	check(!fed_trust_remove(trust, "b", &err), "and cannot be taken out again");
	fed_trust_free(trust);
	check(fed_write_file(path, "{\"a\": 1}", 8, &err) && fed_trust_load(path, false, &err) == NULL, "what is no key is refused");
}

static void
test_state(void)
{
	FedState	state;
	FedState	read;
	FedSecrets	secrets;
	FedSecrets	back;
	char	   *session = fed_state_dir(dir, SESSION, &err);
	char		path[160];
	char		copy[160];
	uint8_t		zero[sizeof(FedSecrets)] = {0};
	char	   *old;
	size_t		len;

	check(fed_state_load(session, SESSION, &state, &err) && state.round == 0, "no state is an empty one");
	state.round = 3;
	state.progress = FED_PROGRESS_ADVERTISED;
	check(fed_state_save(session, &state, &err) && fed_state_load(session, SESSION, &read, &err) &&
		  memcmp(&state, &read, sizeof(state)) == 0, "a state is read back as it was saved");
	check(!fed_state_load(session, "6f1d3a52-0c4e-4a77-9b1e-2d6c8f00a101", &read, &err), "but only as that of its session");
	check(!fed_secrets_load(session, &back, &err) && strstr(err.message, "C19") != NULL, "keys that are not there are lost");
	check(fed_secrets_make(&secrets, &err) && fed_secrets_save(session, &secrets, &err) &&
		  fed_secrets_load(session, &back, &err) && memcmp(&secrets, &back, sizeof(secrets)) == 0, "keys are read back");
	/* The same blocks under another name, to see what becomes of them. */
	snprintf(path, sizeof(path), "%s/secrets", session);
	snprintf(copy, sizeof(copy), "%s/link", session);
	check(link(path, copy) == 0 && fed_state_drop_attempt(session, &state, &err) && access(path, F_OK) != 0,
		  "an attempt is given up");
	old = fed_read_file(copy, 1 << 20, &len, &err);
	check(old != NULL && len > sizeof(FedSecrets) && memcmp(old, zero, sizeof(zero)) == 0, "its keys are overwritten, not only removed");
	free(old);
	check(fed_state_load(session, SESSION, &read, &err) && read.round == 3 && read.progress == FED_PROGRESS_NONE,
		  "that it was there is remembered");
	snprintf(path, sizeof(path), "%s/state", session);
	check(truncate(path, 2000) == 0 && !fed_state_load(session, SESSION, &read, &err) && strstr(err.message, "C19") != NULL,
		  "a damaged state is refused");
	free(session);
}

static bool
append(const char *text)
{
	int			fd = open(in_dir("revealed"), O_WRONLY | O_APPEND);
	bool		ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);

	close(fd);
	return ok;
}

static void
test_revealed(void)
{
	static FedState state = {.session_id = SESSION, .round = 2};
	uint8_t		sets[FED_SHA256_BYTES] = {1};
	uint8_t		other_base[FED_SHA256_BYTES] = {2};
	const char *short_line = SESSION " 2 00 00 00\n";
	char		copy[128];
	FedRevealed found;

	snprintf(copy, sizeof(copy), "%s/copy", dir);

	check(fed_revealed_find(dir, SESSION, 2, state.base, NULL, NULL, &found, &err) && !found.other, "nothing is revealed at first");
	check(fed_revealed_add(dir, &state, sets, &err) && fed_revealed_add(dir, &state, sets, &err) &&
		  fed_revealed_find(dir, SESSION, 2, state.base, state.ctx, sets, &found, &err) && found.same && !found.other &&
		  found.of_base == 1, "what is revealed is written down, once");
	check(fed_revealed_find(dir, SESSION, 2, other_base, state.ctx, sets, &found, &err) && found.of_base == 0 &&
		  (found.same || found.other), "it is found by its round");
	check(fed_revealed_find(dir, SESSION, 9, state.base, NULL, NULL, &found, &err) && found.other, "and by its base");
	check(fed_revealed_find(dir, "other", 2, state.base, NULL, NULL, &found, &err) && !found.other && found.of_base == 1,
		  "in another session only the base counts");
	check(append("5f1d3a52") && fed_revealed_find(dir, SESSION, 2, state.base, NULL, NULL, &found, &err) && found.of_base == 1,
		  "a line that a crash cut off counts nothing");
	state.round = 3;
	check(fed_revealed_add(dir, &state, sets, &err) && fed_revealed_find(dir, SESSION, 3, state.base, NULL, NULL, &found, &err) &&
		  found.of_base == 2, "and the next one takes its place");
	check(rename(in_dir("revealed"), copy) == 0 &&
		  fed_write_file(in_dir("revealed"), short_line, strlen(short_line), &err) &&
		  !fed_revealed_find(dir, SESSION, 2, state.base, NULL, NULL, &found, &err) && strstr(err.message, "C19") != NULL,
		  "a line of which something is missing is no line of another model");
	check(rename(copy, in_dir("revealed")) == 0, "the file is put back");
	check(append("rubbish\n") && !fed_revealed_find(dir, SESSION, 2, state.base, NULL, NULL, &found, &err) &&
		  strstr(err.message, "C19") != NULL, "what cannot be read is refused");
}

/* A crash leaves integers half written, under their temporary name. */
static void
test_kept_drop(void)
{
	static const char *const names[] = {"kept", "kept.json", "kept.tmp", "kept.json.tmp"};
	bool		ok = true;

	for (int i = 0; i < 4; i++)
		ok = ok && fed_write_file(in_dir(names[i]), "x", 1, NULL);
	fed_kept_drop(dir);
	for (int i = 0; i < 4; i++)
		ok = ok && access(in_dir(names[i]), F_OK) != 0;
	check(ok, "nothing of a round's integers is left when they are dropped");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_identity();
	test_trust();
	test_state();
	test_revealed();
	test_kept_drop();
	fed_remove_tree(dir);
	return checks_done();
}
