/*
 * modelfile.c
 *		A safetensors file on this machine, mapped and understood.
 */
#include "lib/modelfile.h"

#include <string.h>

bool
fed_model_file_open(const char *path, FedErrorKind kind, FedModelFile *out,
					FedError *err)
{
	FedModelError why;

	memset(out, 0, sizeof(*out));
	if (!fed_map_file(path, &out->mapping, err))
		return false;
	if (fed_safetensors_split(out->mapping.data, out->mapping.len,
							  &out->parts, &why))
		out->model = fed_model_parse(out->parts.header, out->parts.header_len,
									 out->parts.data_bytes, &why);
	if (out->model != NULL)
		return true;
	fed_unmap(&out->mapping);
	return fed_error_set(err, kind, "\"%s\" is not a safetensors file: %s",
						 path, why.message);
}

void
fed_model_file_close(FedModelFile *file)
{
	fed_model_free(file->model);
	file->model = NULL;
	fed_unmap(&file->mapping);
}

bool
fed_model_file_write_header(int fd, const char *path, const char *header,
							size_t len, uint64_t *data_offset, FedError *err)
{
	uint8_t		word[8];

	for (int i = 0; i < 8; i++)
		word[i] = (uint8_t) ((uint64_t) len >> (8 * i));
	*data_offset = 8 + (uint64_t) len;
	return fed_write_at(fd, word, sizeof(word), 0, path, err) &&
		fed_write_at(fd, header, len, sizeof(word), path, err);
}
