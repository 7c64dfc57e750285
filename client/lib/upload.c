/*
 * upload.c
 *		Sending long things, slice by slice, so that nothing is sent twice.
 */
#include "lib/upload.h"

#include <stdlib.h>
#include <string.h>

/* How often an update is begun anew when the server has lost a part of it. */
#define MAX_RESTARTS 3

/* The hash of the slice that will be sent next, made while the server stores the one before. */
typedef struct NextHash
{
	const FedSpool *spool;
	uint64_t	slice;
	bool		known;
	uint8_t		hash[FED_SHA256_BYTES];
} NextHash;

static void
hash_next(void *arg)
{
	NextHash   *next = arg;
	const FedMapping *delta = &next->spool->delta;

	if (!next->known && next->slice < fed_slice_count(delta->len))
		next->known = fed_sha256(delta->data + next->slice * FED_SLICE_BYTES, fed_slice_length(delta->len, next->slice),
								 next->hash);
}

/* Sends one slice, whose hash may be there already, and has the next one's made. */
static bool
put_slice(FedTransport *t, int64_t update_id, uint64_t slice, NextHash *next, FedReply *out, FedError *err)
{
	const FedMapping *delta = &next->spool->delta;
	uint8_t		hash[FED_SHA256_BYTES];
	bool		ok;

	if (next->slice != slice)
		*next = (NextHash) {next->spool, slice};
	hash_next(next);
	if (!next->known)
		return fed_digest_error(err);
	memcpy(hash, next->hash, sizeof(hash));
	*next = (NextHash) {next->spool, slice + 1};
	t->meanwhile = hash_next;
	t->meanwhile_arg = next;
	ok = fed_put_slice(t, update_id, slice, hash, delta->data + slice * FED_SLICE_BYTES,
					   fed_slice_length(delta->len, slice), out, err);
	t->meanwhile = NULL;
	return ok;
}

/* The slices that are missing; stops early when one is rejected. */
static bool
put_slices(FedTransport *t, int64_t update_id, const FedSpool *spool, const FedSliceSet *present, const FedStep *step,
		   FedReply *out, FedError *err)
{
	uint64_t	bytes = spool->delta.len;
	NextHash	next = {spool};

	for (uint64_t slice = 0; slice < fed_slice_count(bytes); slice++)
	{
		if (!fed_slice_set_has(present, slice) && !put_slice(t, update_id, slice, &next, out, err))
			return false;
		if (out->status == FED_REPLY_REJECTED)
			return true;
		if (!fed_step(step, slice * FED_SLICE_BYTES + fed_slice_length(bytes, slice), bytes, err))
			return false;
	}
	return true;
}

/*
 * Whether the server has lost the update, or a part of it, after the sending
 * began: in a failover (it knows no such update, P0002) or a crash with
 * unlogged pages ("stale"). Only beginning again tells whether the round is over.
 */
static bool
was_lost(bool begun, bool ok, const FedReply *reply, const FedError *err)
{
	if (!ok)
		return begun && err->kind == FED_ERR_SERVER && strcmp(err->sqlstate, "P0002") == 0;
	return reply->status == FED_REPLY_REJECTED &&
		(fed_rejection_meaning(reply) == FED_REJECTION_RETRY || (begun && strcmp(reply->reason, "stale_round") == 0));
}

/* *begun: the server took the update as one that it is to receive. */
static bool
send_once(FedTransport *t, const FedSpool *spool, const FedStep *step, FedReply *out, bool *begun, FedError *err)
{
	FedSliceSet present = {0};
	int64_t		update_id;
	bool		ok = fed_slice_set_init(&present, fed_slice_count(spool->delta.len), err) &&
		fed_begin_update(t, spool->round_id, spool->digest, spool->encoding, out, &present, err);

	*begun = ok && out->status == FED_REPLY_UPLOADING;
	if (*begun)
	{
		update_id = out->update_id;
		ok = put_slices(t, update_id, spool, &present, step, out, err) &&
			(out->status == FED_REPLY_REJECTED ||
			 fed_commit_update(t, update_id, spool->digest, spool->num_samples, spool->metrics, out, err));
	}
	fed_slice_set_free(&present);
	return ok;
}

bool
fed_upload_update(FedTransport *t, const FedSpool *spool, const FedStep *step, FedReply *out, FedError *err)
{
	int			attempts = 0;
	bool		begun;
	bool		ok;

	do
		ok = send_once(t, spool, step, out, &begun, err);
	while (was_lost(begun, ok, out, err) && ++attempts < MAX_RESTARTS);
	return ok;
}

static void
read_section(const FedModelFile *file, FedSection section, uint64_t first_byte, size_t bytes, void *out)
{
	if (section == FED_SECTION_FROZEN)
		fed_model_read_frozen(file->model, file->parts.data, first_byte, bytes, out);
	else
	{
		fed_model_read_vector(file->model, file->parts.data, first_byte / 4, bytes / 4, out);
		fed_floats_to_wire(out, bytes / 4);
	}
}

/* Hashed and sent in turn: what is overlapped for updates, which come every round, would save little here. */
static bool
put_section(FedTransport *t, int64_t version_id, const FedModelFile *file, FedSection section, uint64_t total,
			const FedSliceSet *present, uint64_t before, uint64_t grand_total, const FedStep *step, FedError *err)
{
	uint8_t		hash[FED_SHA256_BYTES];
	void	   *buffer = malloc(FED_SLICE_BYTES);
	bool		ok = buffer != NULL || fed_error_memory(err);

	for (uint64_t slice = 0; ok && slice < fed_slice_count(total); slice++)
	{
		size_t		bytes = fed_slice_length(total, slice);

		if (!fed_slice_set_has(present, slice))
		{
			read_section(file, section, slice * FED_SLICE_BYTES, bytes, buffer);
			ok = (fed_sha256(buffer, bytes, hash) || fed_digest_error(err)) &&
				fed_put_model_slice(t, version_id, section, slice, hash, buffer, bytes, err);
		}
		ok = ok && fed_step(step, before + slice * FED_SLICE_BYTES + bytes, grand_total, err);
	}
	free(buffer);
	return ok;
}

bool
fed_upload_model(FedTransport *t, int64_t workload_id, const FedModelFile *file, const FedStep *step, int64_t *version,
				 FedError *err)
{
	FedManifest *manifest = NULL;
	uint64_t	vector_bytes;
	uint64_t	total;
	bool		ok = fed_begin_import(t, workload_id, file->parts.header, file->parts.header_len, file->parts.data_bytes,
									  &manifest, err) &&
		fed_manifest_apply(manifest, file->model, err);

	if (ok)
	{
		vector_bytes = manifest->parameters * 4;
		total = vector_bytes + manifest->frozen_bytes;
		ok = put_section(t, manifest->version_id, file, FED_SECTION_VECTOR, vector_bytes, &manifest->vector_present, 0,
						 total, step, err) &&
			put_section(t, manifest->version_id, file, FED_SECTION_FROZEN, manifest->frozen_bytes,
						&manifest->frozen_present, vector_bytes, total, step, err) &&
			fed_commit_import(t, manifest->version_id, version, err);
	}
	fed_manifest_free(manifest);
	return ok;
}
