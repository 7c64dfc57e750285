/*
 * comparison.c
 *		How far two vectors are apart, piece by piece, in float64.
 *
 * Each piece is summed up on its own first: of many small terms fewer bits are
 * lost on a sum that has grown large. Squares of float32 values are exact in
 * float64, and their sums far within its range.
 */
#include "core/inspect/comparison.h"

#include <math.h>

/* The larger of two; NaN if one is. */
static double
larger(double one, double other)
{
	return one > other || isnan(one) ? one : other;
}

void
fed_comparison_add(FedComparison *comparison, const float *a, const float *b,
				   size_t n)
{
	FedComparison piece = {0};

	for (size_t i = 0; i < n; i++)
	{
		double		x = a[i];
		double		y = b[i];
		double		apart = fabs(x - y);

		piece.aa += x * x;
		piece.ab += x * y;
		piece.bb += y * y;
		piece.dd += apart * apart;
		piece.largest = larger(piece.largest, apart);
	}
	comparison->aa += piece.aa;
	comparison->ab += piece.ab;
	comparison->bb += piece.bb;
	comparison->dd += piece.dd;
	comparison->largest = larger(comparison->largest, piece.largest);
}

bool
fed_comparison_cosine(const FedComparison *comparison, double *cosine)
{
	if (comparison->aa == 0 || comparison->bb == 0)
		return false;
	/* Under one root it is exactly 1 for equal vectors. */
	*cosine = comparison->ab / sqrt(comparison->aa * comparison->bb);
	*cosine = fmax(-1.0, fmin(1.0, *cosine));
	return true;
}
