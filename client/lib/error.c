/*
 * error.c
 *		What went wrong, in a form that callers can act on.
 */
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
fill(FedError *err, FedErrorKind kind, const char *format, va_list args)
{
	err->kind = kind;
	err->sqlstate[0] = '\0';
	err->retry_after = 0;
	err->hint[0] = '\0';
	vsnprintf(err->message, sizeof(err->message), format, args);
}

bool
fed_error_set(FedError *err, FedErrorKind kind, const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return false;
	va_start(args, format);
	fill(err, kind, format, args);
	va_end(args);
	return false;
}

bool
fed_error_errno(FedError *err, const char *format,...)
{
	int			saved = errno;
	size_t		used;
	va_list		args;

	if (err == NULL)
		return false;
	va_start(args, format);
	fill(err, FED_ERR_LOCAL, format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s",
			 strerror(saved));
	return false;
}

bool
fed_error_memory(FedError *err)
{
	return fed_error_set(err, FED_ERR_LOCAL, "out of memory");
}

bool
fed_error_hint(FedError *err, const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return false;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return false;
}

bool
fed_error_is_transient(const FedError *err)
{
	return err->kind == FED_ERR_CONNECTION || err->kind == FED_ERR_BUSY;
}

int
fed_error_exit_code(const FedError *err)
{
	switch (err->kind)
	{
		case FED_ERR_NONE:
		case FED_ERR_STOPPED:
			return FED_EXIT_OK;
		case FED_ERR_CONNECTION:
			return FED_EXIT_CONNECTION;
		case FED_ERR_POLICY:
			return FED_EXIT_REFUSED;
		case FED_ERR_USAGE:
			return FED_EXIT_USAGE;
		default:
			return FED_EXIT_FAILED;
	}
}
