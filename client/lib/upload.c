/*
 * upload.c
 *		Sending long things, slice by slice, so that nothing is sent twice.
 */
#include "lib/upload.h"

#include <stdlib.h>
#include <string.h>

/* How often an update is begun anew when the server has lost a part of it. */
#define MAX_RESTARTS 3

/* The slices that are missing; stops early when one is rejected. */
static bool
put_slices(FedTransport *t, int64_t update_id, const FedSpool *spool, const uint8_t *hashes, const FedSliceSet *present,
		   const FedStep *step, FedReply *out, FedError *err)
{
	uint64_t	bytes = spool->delta.len;

	for (uint64_t slice = 0; slice < fed_slice_count(bytes); slice++)
	{
		if (!fed_slice_set_has(present, slice) &&
			!fed_put_slice(t, update_id, slice, hashes + slice * FED_SHA256_BYTES,
						   spool->delta.data + slice * FED_SLICE_BYTES, fed_slice_length(bytes, slice), out, err))
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
send_once(FedTransport *t, const FedSpool *spool, const uint8_t *hashes, const FedStep *step, FedReply *out, bool *begun,
		  FedError *err)
{
	FedSliceSet present = {0};
	int64_t		update_id;
	bool		ok = fed_slice_set_init(&present, fed_slice_count(spool->delta.len), err) &&
		fed_begin_update(t, spool->round_id, spool->digest, spool->encoding, out, &present, err);

	*begun = ok && out->status == FED_REPLY_UPLOADING;
	if (*begun)
	{
		update_id = out->update_id;
		ok = put_slices(t, update_id, spool, hashes, &present, step, out, err) &&
			(out->status == FED_REPLY_REJECTED ||
			 fed_commit_update(t, update_id, spool->digest, spool->num_samples, spool->metrics, out, err));
	}
	fed_slice_set_free(&present);
	return ok;
}

bool
fed_upload_update(FedTransport *t, const FedSpool *spool, const FedStep *step, FedReply *out, FedError *err)
{
	uint8_t    *hashes = malloc((size_t) fed_slice_count(spool->delta.len) * FED_SHA256_BYTES + 1);
	uint8_t		digest[FED_SHA256_BYTES];
	bool		begun;
	bool		ok;

	if (hashes == NULL)
		return fed_error_memory(err);
	ok = fed_hash_vector(spool->delta.data, spool->delta.len, hashes, digest, NULL, err);
	if (ok)
	{
		int			attempts = 0;

		do
			ok = send_once(t, spool, hashes, step, out, &begun, err);
		while (was_lost(begun, ok, out, err) && ++attempts < MAX_RESTARTS);
	}
	free(hashes);
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
