/*
 * model.h
 *		A model file (safetensors) seen as a flat float32 vector plus the rest.
 *
 * A FedModel is the manifest read from a file's header: names, types, shapes
 * and places of the tensors, never their data. Of its tensors those marked
 * trainable make up the vector that is trained, sent and averaged: in name
 * order, as float32, without gaps. What the vector cannot restore bit for bit,
 * tensors that are not trained and those of type F64, makes up the frozen
 * bytes, which travel once with the base version.
 *
 * The data section itself belongs to the caller (a mapped file, a bytea); the
 * read_ and write_ functions move any range between it and the two forms. They
 * check nothing: ranges must lie inside what the model says, and data must be
 * data_bytes long. It needs no alignment.
 *
 * Memory comes from malloc. A FedModel may be read by many threads at once.
 */
#ifndef FED_CORE_MODEL_MODEL_H
#define FED_CORE_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits on a header; beyond them it is refused rather than believed. */
#define FED_MODEL_MAX_HEADER ((size_t) 100000000)
#define FED_MODEL_MAX_TENSORS ((size_t) 1000000)
#define FED_MODEL_MAX_RANK 32
#define FED_MODEL_MAX_NAME 1024 /* bytes */
#define FED_MODEL_MAX_METADATA ((size_t) 16 << 20)	/* bytes of JSON */
#define FED_MODEL_MAX_DATA ((uint64_t) 1 << 60) /* bytes */

#define FED_NO_OFFSET UINT64_MAX

typedef enum FedDtype
{
	FED_DTYPE_F64,
	FED_DTYPE_F32,
	FED_DTYPE_F16,
	FED_DTYPE_BF16,
	FED_DTYPE_I64,
	FED_DTYPE_I32,
	FED_DTYPE_I16,
	FED_DTYPE_I8,
	FED_DTYPE_U64,
	FED_DTYPE_U32,
	FED_DTYPE_U16,
	FED_DTYPE_U8,
	FED_DTYPE_BOOL,
	FED_DTYPE_F8_E4M3,
	FED_DTYPE_F8_E5M2
} FedDtype;

#define FED_DTYPES 15

typedef struct FedTensor
{
	const char *name;			/* UTF-8, no NUL inside */
	FedDtype	dtype;
	size_t		rank;			/* 0: a scalar */
	const uint64_t *shape;		/* rank dimensions */
	uint64_t	count;			/* product of shape; 1 for a scalar */
	uint64_t	begin,			/* bytes, in the data section */
				end;
	bool		trainable;
	uint64_t	vector_offset;	/* float32 values; FED_NO_OFFSET if none */
	uint64_t	frozen_offset;	/* bytes; FED_NO_OFFSET if none */
} FedTensor;

typedef struct FedModel
{
	size_t		n_tensors;
	FedTensor  *tensors;		/* sorted by name, bytewise */
	uint64_t	data_bytes;
	uint64_t	vector_values;	/* float32 values in the vector */
	uint64_t	frozen_bytes;

	/*
	 * Kept by fed_model_layout for the searches: indexes into tensors of what
	 * takes part, in name order, without empty tensors.
	 */
	size_t		n_vector;
	size_t		n_frozen;
	uint32_t   *vector_order;
	uint32_t   *frozen_order;
} FedModel;

typedef enum FedModelErrorCode
{
	FED_MODEL_OK,
	FED_MODEL_NO_MEMORY,
	FED_MODEL_TRUNCATED,		/* shorter than it says it is */
	FED_MODEL_TOO_LARGE,		/* beyond one of the limits above */
	FED_MODEL_BAD_JSON,			/* not JSON, or not UTF-8 */
	FED_MODEL_BAD_HEADER,		/* JSON, but not a safetensors header */
	FED_MODEL_BAD_NAME,			/* a name too long, or given twice */
	FED_MODEL_BAD_DTYPE,
	FED_MODEL_BAD_SHAPE,
	FED_MODEL_BAD_OFFSETS,		/* outside, reversed, of the wrong size */
	FED_MODEL_BAD_COVERAGE,		/* tensors overlap or leave a hole */
	FED_MODEL_BAD_METADATA
} FedModelErrorCode;

typedef struct FedModelError
{
	FedModelErrorCode code;
	char		message[512];	/* UTF-8, lower case, no full stop */
} FedModelError;

/* Where the parts of a safetensors file lie; pointers into the file's bytes. */
typedef struct FedSafetensors
{
	const char *header;			/* JSON text, not terminated */
	size_t		header_len;
	const uint8_t *data;
	uint64_t	data_bytes;
} FedSafetensors;

/* What fed_model_compose_header is to describe. */
typedef struct FedTensorSpec
{
	const char *name;
	FedDtype	dtype;
	size_t		rank;
	const uint64_t *shape;
} FedTensorSpec;

typedef struct FedMetadata
{
	const char *key;
	const char *value;
} FedMetadata;

/* The name safetensors gives a type ("F32"), and back; false if unknown. */
extern const char *fed_dtype_name(FedDtype dtype);
extern bool fed_dtype_parse(const char *name, FedDtype *out);

/* Bytes per element: 1, 2, 4 or 8. */
extern size_t fed_dtype_size(FedDtype dtype);

/* Whether a tensor of this type can be trained: F64, F32, F16, BF16. */
extern bool fed_dtype_is_trainable(FedDtype dtype);

/*
 * Finds header and data in a whole safetensors file: 8 bytes of little-endian
 * header length, the header, the data. False, and err filled, if it is cut
 * short or says an impossible length. The header is not looked into.
 */
extern bool fed_safetensors_split(const void *file, uint64_t file_len,
								  FedSafetensors *out, FedModelError *err);

/*
 * Reads the JSON header of a safetensors file whose data section has
 * data_bytes bytes, believing nothing: every tensor is checked, and together
 * they must cover the data section exactly once. Everything of a trainable
 * type starts trainable, and the layout is made. NULL, and err filled, on a
 * broken or hostile header. err may be NULL. Free with fed_model_free.
 */
extern FedModel *fed_model_parse(const char *header, size_t header_len,
								 uint64_t data_bytes, FedModelError *err);
extern void fed_model_free(FedModel *model);

/* The tensor of that name, or NULL. O(log n). */
extern FedTensor *fed_model_find(const FedModel *model, const char *name);

/*
 * Marks a tensor; fed_model_layout must follow before anything else. False,
 * and nothing changed, if there is no such tensor or its type can't be trained.
 */
extern bool fed_model_set_trainable(FedModel *model, const char *name,
									bool trainable);

/*
 * Gives each tensor its place. The vector holds the trainable tensors in name
 * order; the frozen bytes hold, in name order, the raw bytes of each tensor
 * that is not trainable and of each trainable F64 one, which float32 cannot
 * restore.
 */
extern void fed_model_layout(FedModel *model);

/*
 * n values of the vector, from first_value on, taken from a data section.
 * F64 is rounded to nearest; the other types are exact. out is in the byte
 * order of this machine.
 */
extern void fed_model_read_vector(const FedModel *model, const void *data,
								  uint64_t first_value, size_t n, float *out);

/* n of the frozen bytes, from first_byte on, taken from a data section. */
extern void fed_model_read_frozen(const FedModel *model, const void *data,
								  uint64_t first_byte, size_t n, void *out);

/* The reverse: puts n frozen bytes into a data section. */
extern void fed_model_write_frozen(const FedModel *model, void *data,
								   uint64_t first_byte, size_t n,
								   const void *in);

/*
 * Puts n values of the vector into a data section. F16 and BF16 are rounded to
 * nearest, ties to even. An F64 value that already rounds to the given one
 * stays, so that what nobody trained is restored bit for bit: write the frozen
 * bytes first.
 */
extern void fed_model_write_vector(const FedModel *model, void *data,
								   uint64_t first_value, size_t n,
								   const float *in);

/*
 * The JSON header of a new file whose data section holds n tensors in the
 * order given, padded with spaces to a multiple of 8 bytes so that the data
 * starts aligned. metadata may be NULL when n_metadata is 0. The text is
 * malloc'd, len bytes and a NUL. NULL, and err filled (it may be NULL), if the
 * tensors are not ones fed_model_parse would take.
 */
extern char *fed_model_compose_header(const FedTensorSpec *tensors, size_t n,
									  const FedMetadata *metadata,
									  size_t n_metadata, size_t *len,
									  FedModelError *err);

/*
 * A header that fed_model_parse takes, with entries of its "__metadata__" set:
 * those whose keys begin with prefix are removed first, the others stay.
 * Tensors are described as before; padded with spaces as above. The text is
 * malloc'd, len bytes and a NUL. NULL, and err filled (it may be NULL), if it
 * would leave the limits or a value is not UTF-8.
 */
extern char *fed_model_set_metadata(const char *header, size_t header_len,
									const char *prefix,
									const FedMetadata *metadata, size_t n,
									size_t *len, FedModelError *err);

#endif							/* FED_CORE_MODEL_MODEL_H */
