/*
 * comparison_test.c
 *		Two vectors against each other: sums of pieces, what is not finite.
 */
#include "support.h"

#include <float.h>
#include <math.h>

#include "core/inspect/comparison.h"

static void
sums_are_as_by_hand(void **state)
{
	const float a[] = {3, 4, 0};
	const float b[] = {0, 4, -2};
	FedComparison sums = {0};
	double		cosine;

	(void) state;
	assert_false(fed_comparison_cosine(&sums, &cosine));
	fed_comparison_add(&sums, a, b, 0);
	fed_comparison_add(&sums, a, b, 3);
	assert_true(sums.aa == 25 && sums.ab == 16 && sums.bb == 20);
	assert_true(sums.dd == 13 && sums.largest == 3);
	assert_true(fed_comparison_cosine(&sums, &cosine));
	assert_true(cosine == 16 / sqrt(500));
}

/* The largest difference is that of any piece, whatever their order. */
static void
pieces_add_up(void **state)
{
	const float a[] = {1, 10, 2};
	const float b[] = {0, 0, 0};
	FedComparison sums = {0};

	(void) state;
	for (size_t i = 0; i < 3; i++)
		fed_comparison_add(&sums, a + i, b + i, 1);
	assert_true(sums.largest == 10 && sums.dd == 105 && sums.aa == 105);
}

/* Where float32 has no room: near 2^24, at its ends. */
static void
float64_has_room(void **state)
{
	const float a[] = {16777216, FLT_MAX, FLT_TRUE_MIN};
	const float b[] = {16777215, -FLT_MAX, -FLT_TRUE_MIN};
	FedComparison sums = {0};
	double		cosine;

	(void) state;
	fed_comparison_add(&sums, a, b, 1);
	assert_true(sums.dd == 1);
	fed_comparison_add(&sums, a + 1, b + 1, 2);
	assert_true(sums.largest == 2 * (double) FLT_MAX && isfinite(sums.dd));
	assert_true(fed_comparison_cosine(&sums, &cosine) && cosine == -1);
	memset(&sums, 0, sizeof(sums));
	fed_comparison_add(&sums, a + 2, b + 2, 1);
	assert_true(sums.aa > 0 && sums.largest > 0);
}

/* NaN is not smaller than anything: it stays. */
static void
nan_stays(void **state)
{
	const float a[] = {1, NAN, 5};
	const float b[] = {0, 0, 0};
	FedComparison sums = {0};

	(void) state;
	for (size_t i = 0; i < 3; i++)
		fed_comparison_add(&sums, a + i, b + i, 1);
	assert_true(isnan(sums.largest) && isnan(sums.dd));
	memset(&sums, 0, sizeof(sums));
	fed_comparison_add(&sums, a, b, 3);
	assert_true(isnan(sums.largest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_as_by_hand),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(float64_has_room),
		cmocka_unit_test(nan_stays)
	};

	return RUN_TESTS(tests);
}
