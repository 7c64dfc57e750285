/*
 * floats.c
 *		Little-endian float32 in a bytea.
 */
#include "postgres.h"

#include "base/compat.h"
#include "base/floats.h"

/*
 * fed_float_values finds the values in a bytea that may have a short header:
 * in place if they are aligned, else in a copy in the current memory context.
 * argument names it in the error (22023) about a length that no values have.
 */
const float *
fed_float_values(bytea *data, const char *argument, Size *n_values)
{
	Size		length = VARSIZE_ANY_EXHDR(data);
	const char *bytes = VARDATA_ANY(data);

	if (length % sizeof(float) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not an array of float32", argument),
				 errdetail("Its length is %zu bytes, no multiple of 4.", length)));
	*n_values = length / sizeof(float);
	if ((uintptr_t) bytes % sizeof(float) != 0)
		bytes = memcpy(palloc(length + 1), bytes, length);
	return (const float *) bytes;
}
