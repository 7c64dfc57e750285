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
	check(fed_hash_vector((uint8_t *) delta, sizeof(delta), NULL, digest, NULL, &err) &&
		  fed_write_file(path, delta, sizeof(delta), &err), "a delta is written");
	check(!fed_spool_load(dir, &spool), "a delta without its record is none");
	check(fed_spool_save(dir, &task, digest, 12, "{}", &err), "the record makes it one");
	check(fed_spool_load(dir, &spool) && spool.round_id == 7 && spool.num_samples == 12 &&
		  spool.delta.len == sizeof(delta) && memcmp(spool.delta.data, delta, sizeof(delta)) == 0, "it comes back as it was");
	check(fed_spool_is_for(&spool, &task), "it is the result of its task");
	task.session_id[0] = '1';
	check(!fed_spool_is_for(&spool, &task), "and not of another server's round of the same number");
	task.session_id[0] = '0';
	fed_spool_close(&spool);
	delta[1] = 3;
	check(fed_write_file(path, delta, sizeof(delta), &err) && !fed_spool_load(dir, &spool), "a damaged one does not");
	fed_spool_drop(dir);
	check(access(path, F_OK) != 0, "it is gone when dropped");
	free(path);
	fed_remove_tree(dir);
	return checks_done();
}
