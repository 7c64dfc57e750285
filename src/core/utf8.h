/*
 * utf8.h
 *		UTF-8 (RFC 3629).
 */
#ifndef FED_CORE_UTF8_H
#define FED_CORE_UTF8_H

#include <stddef.h>

/*
 * The length of the valid UTF-8 sequence at the beginning of len bytes, or 0.
 * Surrogates and overlong forms are invalid (RFC 3629, section 4).
 */
extern size_t fed_utf8_sequence(const unsigned char *s, size_t len);

#endif							/* FED_CORE_UTF8_H */
