/*
 * utf8.c
 *		UTF-8 (RFC 3629).
 */
#include "core/utf8.h"

size_t
fed_utf8_sequence(const unsigned char *s, size_t len)
{
	size_t		needed;
	unsigned	low = 0x80;		/* bounds of the second byte */
	unsigned	high = 0xbf;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		needed = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		needed = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		needed = 4;
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

	if (needed > len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < needed; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return needed;
}
