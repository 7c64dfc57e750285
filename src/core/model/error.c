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

/*
 * The length of the valid UTF-8 sequence at s, or 0. Surrogates and overlong
 * forms are invalid (RFC 3629, section 4). The terminating NUL ends any
 * sequence, as it is no continuation byte.
 */
static size_t
utf8_sequence(const unsigned char *s)
{
	size_t		len;
	unsigned	low = 0x80;		/* bounds of the second byte */
	unsigned	high = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;

	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;

	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static void
clean(char *message)
{
	unsigned char *s = (unsigned char *) message;

	while (*s != '\0')
	{
		size_t		len = utf8_sequence(s);

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
