/*
 * spool_test.c
 *		A kept update comes back as it was, or not at all.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "lib/slices.h"
#include "lib/spool.h"

/* The record of a kept update, with one more member. */
static bool
save_with(const char *dir, const uint8_t *digest, const char *member)
{
	char		hex[2 * FED_SHA256_BYTES + 1];
	char		text[512];
	char	   *path = fed_path_join(dir, "spool.json");
	bool		ok;

	fed_hex_encode(digest, FED_SHA256_BYTES, hex);
	snprintf(text, sizeof(text), "{\"round_id\": 7, \"session_id\": \"x\", \"evaluation\": false, \"digest\": \"%s\","
			 " \"num_samples\": 12, \"metrics\": \"{}\"%s}", hex, member);
	ok = fed_write_file(path, text, strlen(text), NULL);
	free(path);
	return ok;
}

int
main(void)
{
	char		dir[] = "/tmp/fed-spool-XXXXXX";
	FedTask		task = {.round_id = 7, .session_id = "00000000-0000-0000-0000-000000000000"};
	float		delta[3] = {1, -2, 0.5f};
	uint8_t		digest[FED_SHA256_BYTES];
	FedError	err = {0};
	FedSpool	spool;
	char	   *path;

	if (mkdtemp(dir) == NULL)
		return 1;
	path = fed_spool_delta_path(dir);
	check(!fed_spool_load(dir, &spool), "nothing is kept at first");
	check(fed_hash_vector((uint8_t *) delta, sizeof(delta), digest, NULL, &err) &&
		  fed_write_file(path, delta, sizeof(delta), &err), "a delta is written");
	check(!fed_spool_load(dir, &spool), "a delta without its record is none");
	check(fed_spool_save(dir, &task, FED_ENCODING_F16, digest, 12, "{}", &err), "the record makes it one");
	check(fed_spool_load(dir, &spool) && spool.round_id == 7 && spool.num_samples == 12 &&
		  spool.delta.len == sizeof(delta) && memcmp(spool.delta.data, delta, sizeof(delta)) == 0, "it comes back as it was");
	check(spool.encoding == FED_ENCODING_F16, "with its encoding");
	check(fed_spool_is_for(&spool, &task), "it is the result of its task");
	task.session_id[0] = '1';
	check(!fed_spool_is_for(&spool, &task), "and not of another server's round of the same number");
	task.session_id[0] = '0';
	fed_spool_close(&spool);
	check(save_with(dir, digest, "") && fed_spool_load(dir, &spool) && spool.encoding == FED_ENCODING_F32,
		  "kept by a program that had no other, it is float32");
	fed_spool_close(&spool);
	check(save_with(dir, digest, ", \"encoding\": \"f8\"") && !fed_spool_load(dir, &spool), "in an encoding that nobody knows it is none");
	delta[1] = 3;
	check(fed_write_file(path, delta, sizeof(delta), &err) && !fed_spool_load(dir, &spool), "a damaged one does not");
	fed_spool_drop(dir);
	check(access(path, F_OK) != 0, "it is gone when dropped");
	free(path);
	fed_remove_tree(dir);
	return checks_done();
}
