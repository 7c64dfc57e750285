/*
 * file.h
 *		Model files in the server: core/model with ereport around it.
 */
#ifndef FED_MODELS_FILE_H
#define FED_MODELS_FILE_H

#include "core/model/model.h"
#include "utils/array.h"

extern FedModel *fed_file_parse(const char *header, Size length, int64 data_bytes);
extern void fed_file_set_trainable(FedModel *model, ArrayType *names);
extern FedSafetensors fed_file_split(bytea *file);
extern bytea *fed_file_set_metadata(bytea *header, const char *prefix, const FedMetadata *metadata, Size n);

#endif							/* FED_MODELS_FILE_H */
