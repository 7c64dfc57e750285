/*
 * modelfile.h
 *		A safetensors file on this machine, mapped and understood.
 */
#ifndef FED_CLIENT_MODELFILE_H
#define FED_CLIENT_MODELFILE_H

#include <stdint.h>

#include "core/model/model.h"
#include "lib/error.h"
#include "lib/file.h"

typedef struct FedModelFile
{
	FedMapping	mapping;
	FedSafetensors parts;		/* pointers into the mapping */
	FedModel   *model;			/* every float tensor trainable */
} FedModelFile;

/*
 * Maps and parses. False, and err filled, if it cannot be read (FED_ERR_LOCAL)
 * or is no sound safetensors file (the kind given: whose fault that is). Close
 * with fed_model_file_close; a failed open leaves nothing to close.
 */
extern bool fed_model_file_open(const char *path, FedErrorKind kind,
								FedModelFile *out, FedError *err);
extern void fed_model_file_close(FedModelFile *file);

/*
 * Writes the length word and the header at the start of fd. data_offset
 * receives where the data section begins.
 */
extern bool fed_model_file_write_header(int fd, const char *path,
										const char *header, size_t len,
										uint64_t *data_offset, FedError *err);

#endif							/* FED_CLIENT_MODELFILE_H */
