/*
 * download.c
 *		Models from the server: the part that is trained, or the whole file.
 *
 * Slices are taken one by one and written where they belong, so that memory is
 * a slice whatever the model's size. A file has its name only once it is whole
 * and its digest is the one that the server stated.
 */
#include "lib/download.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/modelfile.h"

#define HASH_PIECE (64 * 1024)

/* What to do with each slice of a section. */
typedef bool (*SliceUse) (void *arg, uint64_t first_byte, const uint8_t *data, size_t len, FedError *err);

/* What is fetched, and what it is a part of. */
typedef struct Fetch
{
	FedTransport *t;
	const FedManifest *manifest;
	FedSection	section;
	FedEncoding encoding;		/* on the way; what is used is float32, or the frozen bytes */
	const FedStep *step;
	uint64_t	before;			/* bytes of other sections */
	uint64_t	total;			/* and of all */
} Fetch;

/* Puts n values as little-endian float32 in the place of encoded ones. */
static bool
widen(FedBytes *bytes, FedEncoding encoding, size_t n, FedError *err)
{
	float	   *values = malloc(n * sizeof(float) + 1);

	if (values == NULL)
		return fed_error_memory(err);
	fed_decode_plain(encoding, bytes->data, values, n);
	fed_floats_to_wire(values, n);
	fed_bytes_free(bytes);
	*bytes = (FedBytes) {(const uint8_t *) values, n * sizeof(float), free, values};
	return true;
}

/* Of a slice, in pieces; the next one, which is on its way, would not fit where the system keeps it meanwhile. */
static bool
hash_slice(const Fetch *fetch, const FedBytes *bytes, uint8_t *hash, FedError *err)
{
	FedSha256  *sha = fed_sha256_new();
	bool		ok = sha != NULL;

	for (size_t done = 0; ok && done < bytes->len; done += HASH_PIECE)
	{
		size_t		left = bytes->len - done;

		ok = fed_sha256_update(sha, bytes->data + done, left < HASH_PIECE ? left : HASH_PIECE);
		fed_transport_take_in(fetch->t);
	}
	ok = ok && fed_sha256_final(sha, hash);
	fed_sha256_free(sha);
	return ok || fed_digest_error(err);
}

/* len: of the slice as it is used; following: as in fed_model_slice. */
static bool
take_slice(const Fetch *fetch, uint64_t slice, uint64_t following, size_t len, uint8_t *hash, SliceUse use, void *arg, FedError *err)
{
	FedBytes	bytes = {0};
	bool		narrow = fetch->encoding != FED_ENCODING_F32;
	size_t		expected = len;
	bool		ok = fed_model_slice(fetch->t, fetch->manifest->version_id, fetch->section, slice, following, fetch->encoding,
									  &bytes, err);

	if (narrow)
		(void) fed_encoded_length(fetch->encoding, len / 4, &expected);
	if (ok && bytes.len != expected)
		ok = fed_error_set(err, FED_ERR_PROTOCOL, "slice %llu of the model has %zu bytes, expected %zu",
						   (unsigned long long) slice, bytes.len, expected);
	ok = ok && (!narrow || widen(&bytes, fetch->encoding, len / 4, err)) &&
		hash_slice(fetch, &bytes, hash, err) &&
		use(arg, slice * FED_SLICE_BYTES, bytes.data, bytes.len, err);
	fed_bytes_free(&bytes);
	return ok;
}

/* The digest that the server stated is that of the float32 values: rounded on their way, they have another. */
static bool
is_as_stated(const Fetch *fetch, const uint8_t *digest, FedError *err)
{
	return fetch->section != FED_SECTION_VECTOR || fetch->encoding != FED_ENCODING_F32 || !fetch->manifest->has_digest ||
		memcmp(digest, fetch->manifest->digest, FED_SHA256_BYTES) == 0 ||
		fed_error_set(err, FED_ERR_PROTOCOL, "the model that arrived does not have the digest that the server stated");
}

/* Every slice of a section; digest is that of what was used. */
static bool
take_section(const Fetch *fetch, SliceUse use, void *arg, uint8_t digest[FED_SHA256_BYTES], FedError *err)
{
	uint64_t	total = fetch->section == FED_SECTION_VECTOR ? fetch->manifest->parameters * 4 : fetch->manifest->frozen_bytes;
	uint64_t	slices = fed_slice_count(total);
	uint8_t    *hashes = malloc((size_t) slices * FED_SHA256_BYTES + 1);
	bool		ok = hashes != NULL || fed_error_memory(err);

	for (uint64_t slice = 0; ok && slice < slices; slice++)
	{
		size_t		len = fed_slice_length(total, slice);

		ok = take_slice(fetch, slice, slices - slice - 1, len, hashes + slice * FED_SHA256_BYTES, use, arg, err) &&
			fed_step(fetch->step, fetch->before + slice * FED_SLICE_BYTES + len, fetch->total, err);
	}
	ok = ok && fed_vector_digest(hashes, slices, digest, err) && is_as_stated(fetch, digest, err);
	free(hashes);
	return ok;
}

typedef struct VectorFile
{
	int			fd;
	const char *path;
	uint64_t	offset;
} VectorFile;

static bool
write_to_file(void *arg, uint64_t first_byte, const uint8_t *data, size_t len, FedError *err)
{
	VectorFile *file = arg;

	if (!fed_write_at(file->fd, data, len, file->offset + first_byte, file->path, err))
		return false;
	fed_write_back(file->fd, file->offset + first_byte, len);
	return true;
}

/* Whether the file is there and holds the version that is wanted. */
static bool
is_downloaded(const FedManifest *manifest, const char *path)
{
	FedModelFile file;
	uint8_t		digest[FED_SHA256_BYTES];
	bool		same;

	if (!manifest->has_digest || access(path, R_OK) != 0 || !fed_model_file_open(path, FED_ERR_LOCAL, &file, NULL))
		return false;
	same = file.parts.data_bytes == manifest->parameters * 4 &&
		fed_hash_vector(file.parts.data, file.parts.data_bytes, digest, NULL, NULL) &&
		memcmp(digest, manifest->digest, sizeof(digest)) == 0;
	fed_model_file_close(&file);
	return same;
}

bool
fed_download_vector(FedTransport *t, const FedManifest *manifest, FedEncoding encoding, const char *path,
					uint8_t digest[FED_SHA256_BYTES], const FedStep *step, FedError *err)
{
	Fetch		fetch = {t, manifest, FED_SECTION_VECTOR, encoding, step, 0, manifest->parameters * 4};
	VectorFile	file = {-1, path, 0};
	size_t		header_len;
	char	   *header;
	bool		ok;

	if (encoding == FED_ENCODING_F32 && is_downloaded(manifest, path))
	{
		memcpy(digest, manifest->digest, FED_SHA256_BYTES);
		return true;
	}
	header = fed_manifest_vector_header(manifest, &header_len, err);
	if (header == NULL)
		return false;
	file.fd = fed_replace_begin(path, err);
	ok = file.fd >= 0 && fed_model_file_write_header(file.fd, path, header, header_len, &file.offset, err) &&
		take_section(&fetch, write_to_file, &file, digest, err) &&
		fed_replace_finish(file.fd, path, err);
	if (!ok && file.fd >= 0)
		fed_replace_abandon(file.fd, path);
	free(header);
	return ok;
}

typedef struct ModelTarget
{
	const FedModel *model;
	uint8_t    *data;
} ModelTarget;

static bool
write_frozen(void *arg, uint64_t first_byte, const uint8_t *data, size_t len, FedError *err)
{
	ModelTarget *target = arg;

	(void) err;
	fed_model_write_frozen(target->model, target->data, first_byte, len, data);
	return true;
}

static bool
write_vector(void *arg, uint64_t first_byte, const uint8_t *data, size_t len, FedError *err)
{
	ModelTarget *target = arg;
	float	   *values = malloc(len + 1);

	if (values == NULL)
		return fed_error_memory(err);
	memcpy(values, data, len);
	fed_floats_to_wire(values, len / 4);
	fed_model_write_vector(target->model, target->data, first_byte / 4, len / 4, values);
	free(values);
	return true;
}

/* The frozen bytes first: what nobody trained in float64 stays as it was. */
static bool
fill(FedTransport *t, const FedManifest *manifest, ModelTarget *target, const FedStep *step, FedError *err)
{
	uint64_t	total = manifest->frozen_bytes + manifest->parameters * 4;
	Fetch		frozen = {t, manifest, FED_SECTION_FROZEN, FED_ENCODING_F32, step, 0, total};
	Fetch		vector = {t, manifest, FED_SECTION_VECTOR, FED_ENCODING_F32, step, manifest->frozen_bytes, total};
	uint8_t		digest[FED_SHA256_BYTES];

	return take_section(&frozen, write_frozen, target, digest, err) &&
		take_section(&vector, write_vector, target, digest, err);
}

static bool
write_model(FedTransport *t, const FedManifest *manifest, const FedBytes *header, int fd, const char *path,
			const FedStep *step, FedError *err)
{
	FedModelError reason;
	FedModel   *model = fed_model_parse((const char *) header->data, header->len, manifest->data_bytes, &reason);
	FedMapping	mapping = {0};
	ModelTarget target = {model, NULL};
	uint64_t	offset;
	bool		ok;

	if (model == NULL)
		return fed_error_set(err, FED_ERR_PROTOCOL, "the server sent a broken model header: %s", reason.message);
	ok = fed_manifest_apply(manifest, model, err) &&
		fed_model_file_write_header(fd, path, (const char *) header->data, header->len, &offset, err) &&
		fed_map_for_writing(fd, offset + manifest->data_bytes, path, &mapping, err);
	if (ok)
	{
		target.data = mapping.data + offset;
		ok = fill(t, manifest, &target, step, err);
		fed_unmap(&mapping);
	}
	fed_model_free(model);
	return ok;
}

bool
fed_download_model(FedTransport *t, const FedManifest *manifest, const char *path, const FedStep *step, FedError *err)
{
	FedBytes	header = {0};
	int			fd = -1;
	bool		ok = fed_model_header(t, manifest->version_id, &header, err) && (fd = fed_replace_begin(path, err)) >= 0 &&
		write_model(t, manifest, &header, fd, path, step, err) && fed_replace_finish(fd, path, err);

	if (!ok && fd >= 0)
		fed_replace_abandon(fd, path);
	fed_bytes_free(&header);
	return ok;
}
