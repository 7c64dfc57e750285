/*
 * support.h
 *		What every unit test needs: cmocka and reproducible randomness.
 */
#ifndef FED_TEST_UNIT_SUPPORT_H
#define FED_TEST_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* One line per test, in TAP; the result is that of the program. */
#define RUN_TESTS(tests) \
	(cmocka_set_message_output(CM_OUTPUT_TAP), \
	 cmocka_run_group_tests(tests, NULL, NULL))

/*
 * splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine and
 * in every run.
 */
static inline uint64_t
next_random(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline void
fill_random(uint64_t *state, void *to, size_t len)
{
	uint8_t    *bytes = to;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t) next_random(state);
}

static inline uint32_t
bits_of_float(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static inline float
float_of_bits(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline uint64_t
bits_of_double(double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

#endif							/* FED_TEST_UNIT_SUPPORT_H */
