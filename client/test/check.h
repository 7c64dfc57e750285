/*
 * check.h
 *		Assertions of the library's own tests: a line per check, TAP.
 */
#ifndef FED_TEST_CHECK_H
#define FED_TEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int	checks;
static int	failures;

static inline bool
check(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++checks, what);
	failures += !ok;
	return ok;
}

static inline int
checks_done(void)
{
	printf("1..%d\n", checks);
	return failures > 0;
}

#endif							/* FED_TEST_CHECK_H */
