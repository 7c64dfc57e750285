/*
 * masked.c
 *		The update as it is sent: integers under masks, and their manifest.
 */
#include "lib/secagg/masked.h"

#include <stdlib.h>
#include <string.h>

#include "core/secagg/mask.h"
#include "core/secagg/quantiser.h"
#include "lib/secagg/refuse.h"
#include "lib/slices.h"

static FedMask *
own_mask(const FedState *state, const FedSecrets *secrets, FedError *err)
{
	uint8_t		m_pk[FED_SECAGG_MAX_COHORT][FED_KEY_BYTES];
	FedSecaggError why;
	FedSecaggAdv adv;
	FedMask    *mask;

	for (uint32_t v = 0; v < state->n; v++)
	{
		fed_adv_unpack(state->advs[v], &adv);
		memcpy(m_pk[v], adv.m_pk, FED_KEY_BYTES);
	}
	mask = fed_mask_of_island(state->u, secrets->b, secrets->m_sk, state->ctx, (const uint8_t (*)[FED_KEY_BYTES]) m_pk,
							  state->n, &state->u2, &why);
	if (mask == NULL)
		fed_core_failed(err, &why);
	return mask;
}

/*
 * C11 once more, as what follows from it cannot be taken back: without others in
 * U2 the mask would be b's alone, and b is given away to open the sum.
 */
static bool
has_peers(const FedState *state, FedError *err)
{
	return (state->progress >= FED_PROGRESS_INBOX && fed_set_has(&state->u2, state->u) &&
			fed_set_size(&state->u2) >= FED_SECAGG_MIN_COHORT) ||
		fed_refuse(err, 11, "there are no others in U2 under whose masks this Island's integers could be");
}

/* One slice of q under the mask, into out as on the wire. */
static bool
mask_slice(FedMask *mask, const FedMapping *q, uint64_t slice, uint32_t *values, uint8_t *out, FedError *err)
{
	size_t		n = fed_slice_length(q->len, slice) / 4;
	FedSecaggError why;

	fed_words_unpack(q->data + slice * FED_SLICE_BYTES, n, values);
	if (!fed_mask_apply(mask, FED_STREAM_DELTA, slice * FED_SLICE_VALUES, values, n, &why))
		return fed_core_failed(err, &why);
	fed_words_pack(values, n, out);
	return true;
}

static bool
write_values(FedMask *mask, const FedMapping *q, int fd, const char *path, FedError *err)
{
	uint32_t   *values = malloc(FED_SLICE_BYTES);
	uint8_t    *out = malloc(FED_SLICE_BYTES);
	bool		ok = (values != NULL && out != NULL) || fed_error_memory(err);

	for (uint64_t slice = 0; ok && slice < fed_slice_count(q->len); slice++)
		ok = mask_slice(mask, q, slice, values, out, err) &&
			fed_write_at(fd, out, fed_slice_length(q->len, slice), slice * FED_SLICE_BYTES, path, err);
	free(values);
	free(out);
	return ok;
}

static bool
make_file(const char *path, FedMask *mask, const FedMapping *q, FedError *err)
{
	int			fd = fed_replace_begin(path, err);

	if (fd < 0)
		return false;
	if (!write_values(mask, q, fd, path, err))
	{
		fed_replace_abandon(fd, path);
		return false;
	}
	return fed_replace_finish(fd, path, err);
}

static bool
mask_aux(FedMask *mask, const FedKept *kept, FedState *state, FedError *err)
{
	uint32_t	values[FED_MAX_AUX];
	FedSecaggError why;

	memcpy(values, kept->aux, kept->aux_len * sizeof(*values));
	if (!fed_mask_apply(mask, FED_STREAM_AUX, 0, values, kept->aux_len, &why))
		return fed_core_failed(err, &why);
	fed_words_pack(values, kept->aux_len, state->aux);
	state->aux_len = 4 * kept->aux_len;
	return true;
}

/* Hashes of the slices, and the manifest over them and the masked aux. */
static bool
make_manifest(const FedState *state, const FedMapping *values, uint8_t *hashes, uint8_t manifest[FED_SHA256_BYTES])
{
	uint64_t	n = fed_slice_count(values->len);
	FedSecaggManifest *sum = fed_upload_manifest_new(state->ctx, state->u, n > 0 ? 1 : 0);
	bool		ok = sum != NULL && (n == 0 || fed_upload_manifest_vector(sum, FED_STREAM_DELTA, (uint32_t) n));

	for (uint64_t slice = 0; ok && slice < n; slice++)
	{
		uint8_t    *hash = hashes + slice * FED_SHA256_BYTES;

		ok = fed_sha256(values->data + slice * FED_SLICE_BYTES, fed_slice_length(values->len, slice), hash) &&
			fed_upload_manifest_slice(sum, hash);
	}
	ok = ok && fed_upload_manifest_final(sum, state->aux, state->aux_len, manifest);
	fed_upload_manifest_free(sum);
	return ok;
}

/* Maps the file of an update; none for an evaluation. */
static bool
open_file(const char *dir, const FedState *state, bool evaluation, FedMasked *out, uint8_t manifest[FED_SHA256_BYTES])
{
	char	   *path = fed_masked_path(dir);
	bool		ok;

	memset(out, 0, sizeof(*out));
	ok = path != NULL && (evaluation || fed_map_file(path, &out->values, NULL));
	free(path);
	out->hashes = ok ? malloc((size_t) fed_slice_count(out->values.len) * FED_SHA256_BYTES + 1) : NULL;
	ok = out->hashes != NULL && make_manifest(state, &out->values, out->hashes, manifest);
	if (!ok)
		fed_masked_close(out);
	return ok;
}

bool
fed_masked_make(const char *dir, const FedKept *kept, const FedSecrets *secrets, FedState *state, FedError *err)
{
	bool		evaluation = kept->q.data == NULL;
	FedMask    *mask = has_peers(state, err) ? own_mask(state, secrets, err) : NULL;
	char	   *path = fed_masked_path(dir);
	FedMasked	masked;
	bool		ok = mask != NULL && (path != NULL || fed_error_memory(err)) &&
		(evaluation || make_file(path, mask, &kept->q, err)) && mask_aux(mask, kept, state, err);

	if (ok)
	{
		ok = open_file(dir, state, evaluation, &masked, state->manifest) || fed_digest_error(err);
		if (ok)
			fed_masked_close(&masked);
	}
	fed_mask_free(mask);
	free(path);
	return ok;
}

bool
fed_masked_open(const char *dir, const FedState *state, bool evaluation, FedMasked *out)
{
	uint8_t		manifest[FED_SHA256_BYTES];

	if (!open_file(dir, state, evaluation, out, manifest))
		return false;
	if (memcmp(manifest, state->manifest, sizeof(manifest)) == 0)
		return true;
	fed_masked_close(out);
	return false;
}

void
fed_masked_close(FedMasked *masked)
{
	fed_unmap(&masked->values);
	free(masked->hashes);
	memset(masked, 0, sizeof(*masked));
}
