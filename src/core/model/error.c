/*
 * error.c
 *		Messages about models.
 *
 * Messages quote what a stranger wrote: names cut at any byte, text that is
 * not UTF-8, control characters. They end up in logs, terminals and database
 * errors, so they are cleaned here, once, whatever went into them.
 */
#include "core/model/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static void
clean(char *message)
{
	unsigned char *s = (unsigned char *) message;
	unsigned char *end = s + strlen(message);

	while (s < end)
	{
		size_t		len = fed_utf8_sequence(s, (size_t) (end - s));

		if (len == 0 || *s < ' ' || *s == 0x7f)
		{
			*s = '?';
			len = 1;
		}
		s += len;
	}
}

bool
fed_model_fail(FedModelError *err, FedModelErrorCode code,
			   const char *format,...)
{
	va_list		args;

	if (err == NULL)
		return false;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	clean(err->message);
	return false;
}
