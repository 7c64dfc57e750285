/*
 * failure.c
 *		What went wrong in secure aggregation.
 */
#include "core/secagg/failure.h"

#include <stdarg.h>
#include <stdio.h>

bool
fed_secagg_fail(FedSecaggError *err, FedSecaggErrorCode code,
				const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return false;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return false;
}
