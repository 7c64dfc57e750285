/*
 * dtype.c
 *		The element types of safetensors.
 */
#include "core/model/internal.h"

#include <string.h>

static const struct
{
	const char *name;
	size_t		size;			/* bytes */
} dtypes[FED_DTYPES] = {
	[FED_DTYPE_F64] = {"F64", 8},
	[FED_DTYPE_F32] = {"F32", 4},
	[FED_DTYPE_F16] = {"F16", 2},
	[FED_DTYPE_BF16] = {"BF16", 2},
	[FED_DTYPE_I64] = {"I64", 8},
	[FED_DTYPE_I32] = {"I32", 4},
	[FED_DTYPE_I16] = {"I16", 2},
	[FED_DTYPE_I8] = {"I8", 1},
	[FED_DTYPE_U64] = {"U64", 8},
	[FED_DTYPE_U32] = {"U32", 4},
	[FED_DTYPE_U16] = {"U16", 2},
	[FED_DTYPE_U8] = {"U8", 1},
	[FED_DTYPE_BOOL] = {"BOOL", 1},
	[FED_DTYPE_F8_E4M3] = {"F8_E4M3", 1},
	[FED_DTYPE_F8_E5M2] = {"F8_E5M2", 1}
};

const char *
fed_dtype_name(FedDtype dtype)
{
	return dtypes[dtype].name;
}

bool
fed_dtype_parse(const char *name, FedDtype *out)
{
	for (int i = 0; i < FED_DTYPES; i++)
	{
		if (strcmp(name, dtypes[i].name) == 0)
		{
			*out = (FedDtype) i;
			return true;
		}
	}
	return false;
}

size_t
fed_dtype_size(FedDtype dtype)
{
	return dtypes[dtype].size;
}

bool
fed_dtype_is_trainable(FedDtype dtype)
{
	return dtype == FED_DTYPE_F64 || dtype == FED_DTYPE_F32 ||
		dtype == FED_DTYPE_F16 || dtype == FED_DTYPE_BF16;
}

bool
fed_tensor_size(FedDtype dtype, size_t rank, const uint64_t *shape,
				uint64_t *count, uint64_t *bytes)
{
	uint64_t	product = 1;
	bool		empty = false;

	/*
	 * A dimension of 0 does not excuse the others: whoever multiplies the
	 * strides of such a tensor would overflow.
	 */
	for (size_t i = 0; i < rank; i++)
	{
		if (shape[i] == 0)
		{
			empty = true;
			continue;
		}
		if (product > UINT64_MAX / shape[i])
			return false;
		product *= shape[i];
	}
	if (product > UINT64_MAX / dtypes[dtype].size)
		return false;

	*count = empty ? 0 : product;
	*bytes = *count * dtypes[dtype].size;
	return true;
}
