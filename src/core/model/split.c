/*
 * split.c
 *		Finds the parts of a safetensors file.
 */
#include "core/model/internal.h"

#include <inttypes.h>

#include "core/model/byteorder.h"

#define LENGTH_BYTES 8

bool
fed_safetensors_split(const void *file, uint64_t file_len,
					  FedSafetensors *out, FedModelError *err)
{
	uint64_t	header_len;

	if (file_len < LENGTH_BYTES)
		return fed_model_fail(err, FED_MODEL_TRUNCATED,
							  "the file has %" PRIu64 " bytes; a safetensors file has at least %d",
							  file_len, LENGTH_BYTES);

	/* Too large before too short: other files read as an absurd length. */
	header_len = fed_load_le64(file);
	if (header_len > FED_MODEL_MAX_HEADER)
		return fed_model_fail(err, FED_MODEL_TOO_LARGE,
							  "not a safetensors file, or a broken one: its first 8 bytes announce a header of %" PRIu64 " bytes; at most %zu are allowed",
							  header_len, FED_MODEL_MAX_HEADER);
	if (header_len > file_len - LENGTH_BYTES)
		return fed_model_fail(err, FED_MODEL_TRUNCATED,
							  "the file is cut short: its header has %" PRIu64 " bytes, but only %" PRIu64 " follow",
							  header_len, file_len - LENGTH_BYTES);

	out->header = (const char *) file + LENGTH_BYTES;
	out->header_len = (size_t) header_len;
	out->data = (const uint8_t *) file + LENGTH_BYTES + header_len;
	out->data_bytes = file_len - LENGTH_BYTES - header_len;
	return true;
}
