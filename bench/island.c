/*
 * island.c
 *		An Island for benchmarks: what libfederated does, without a trainer.
 *
 *	island upload ROUND FILE		sends FILE, raw float32, as the update of a round
 *	island download VERSION PATH	writes a model's vector to a file, durably
 *	island receive VERSION			the same into memory; nothing is written
 *	island play SESSION				trains nothing, in every round, until it is ended
 *
 * The server and the role are libpq's environment. The first three print the
 * seconds that they took, connected and with everything in memory before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/backoff.h"
#include "lib/download.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "lib/upload.h"

#define SAMPLES 100

static void
fail(const FedError *err)
{
	fprintf(stderr, "island: %s %s\n", err->message, err->sqlstate);
	exit(1);
}

static void
check(bool ok, const FedError *err)
{
	if (!ok)
		fail(err);
}

static void
expect_accepted(const FedReply *reply)
{
	if (reply->status != FED_REPLY_ACCEPTED)
	{
		fprintf(stderr, "island: the update is not accepted: %s, %s\n", reply->reason, reply->detail);
		exit(1);
	}
}

static void
touch(const FedMapping *mapping)
{
	volatile uint8_t sink = 0;

	for (uint64_t at = 0; at < mapping->len; at += 4096)
		sink ^= mapping->data[at];
}

static void
print_seconds(double began)
{
	printf("%.6f\n", fed_now() - began);
}

static void
upload(FedTransport *t, const char *round, const char *path)
{
	FedError	err = {0};
	FedReply	reply = {0};
	FedSpool	spool = {.round_id = strtoll(round, NULL, 10), .num_samples = SAMPLES, .metrics = (char *) "{}"};
	double		began;

	check(fed_map_file(path, &spool.delta, &err), &err);
	touch(&spool.delta);
	check(fed_hash_vector(spool.delta.data, spool.delta.len, spool.digest, NULL, &err), &err);
	began = fed_now();
	check(fed_upload_update(t, &spool, NULL, &reply, &err), &err);
	print_seconds(began);
	expect_accepted(&reply);
	fed_unmap(&spool.delta);
}

static void
download(FedTransport *t, const char *version, const char *path)
{
	FedError	err = {0};
	FedManifest *manifest;
	uint8_t		digest[FED_SHA256_BYTES];
	double		began = fed_now();

	check(fed_model(t, strtoll(version, NULL, 10), &manifest, &err), &err);
	check(fed_download_vector(t, manifest, FED_ENCODING_F32, path, digest, NULL, &err), &err);
	print_seconds(began);
	fed_manifest_free(manifest);
}

/* Every slice, dropped again; the bytes that came. */
static uint64_t
take_model(FedTransport *t, int64_t version_id, uint64_t bytes)
{
	FedError	err = {0};
	uint64_t	taken = 0;
	uint64_t	slices = fed_slice_count(bytes);

	for (uint64_t slice = 0; slice < slices; slice++)
	{
		FedBytes	data = {0};

		check(fed_model_slice(t, version_id, FED_SECTION_VECTOR, slice, slices - slice - 1, FED_ENCODING_F32, &data, &err), &err);
		taken += data.len;
		fed_bytes_free(&data);
	}
	return taken;
}

static void
receive(FedTransport *t, const char *version)
{
	FedError	err = {0};
	FedManifest *manifest;
	double		began = fed_now();

	check(fed_model(t, strtoll(version, NULL, 10), &manifest, &err), &err);
	if (take_model(t, manifest->version_id, manifest->parameters * 4) != manifest->parameters * 4)
		check(fed_error_set(&err, FED_ERR_PROTOCOL, "the model came in part"), &err);
	print_seconds(began);
	fed_manifest_free(manifest);
}

/* Receives the model and sends an update of zeros: all of a round but the training. */
static void
do_task(FedTransport *t, const FedTask *task)
{
	FedError	err = {0};
	FedReply	reply = {0};
	FedSpool	spool = {.round_id = task->round_id, .num_samples = SAMPLES, .metrics = (char *) "{}"};

	if (task->evaluate_only)
	{
		check(fed_submit_evaluation(t, task->round_id, SAMPLES, "{}", &reply, &err), &err);
		return;
	}
	take_model(t, task->version_id, task->parameters * 4);
	spool.delta.len = task->parameters * 4;
	spool.delta.data = calloc(task->parameters, 4);
	if (spool.delta.data == NULL)
		check(fed_error_memory(&err), &err);
	check(fed_hash_vector(spool.delta.data, spool.delta.len, spool.digest, NULL, &err), &err);
	check(fed_upload_update(t, &spool, NULL, &reply, &err), &err);
	expect_accepted(&reply);
	free(spool.delta.data);
}

static void
play(FedTransport *t, const char *session)
{
	FedError	err = {0};
	bool		announced;

	check(fed_heartbeat(t, NULL, NULL, &err), &err);
	for (;;)
	{
		FedTask    *task = NULL;

		check(fed_next_task(t, session, &task, &err), &err);
		if (task != NULL)
			do_task(t, task);
		else if (!fed_transport_wait(t, 10, &announced, &err))
			return;
		fed_task_free(task);
	}
}

int
main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	bool		plays = strcmp(command, "play") == 0;
	FedTransport *t;
	FedError	err = {0};

	fed_log_configure(true, false);
	t = fed_transport_pq(NULL, plays);
	if (t == NULL)
		check(fed_error_memory(&err), &err);
	t->patience = 30;
	check(t->ops->connect(t, &err), &err);
	if (argc == 4 && strcmp(command, "upload") == 0)
		upload(t, argv[2], argv[3]);
	else if (argc == 4 && strcmp(command, "download") == 0)
		download(t, argv[2], argv[3]);
	else if (argc == 3 && strcmp(command, "receive") == 0)
		receive(t, argv[2]);
	else if (argc == 3 && plays)
		play(t, argv[2]);
	else
		check(fed_error_set(&err, FED_ERR_USAGE, "usage: upload ROUND FILE, download VERSION PATH, receive VERSION or play SESSION"), &err);
	fed_transport_free(t);
	return 0;
}
