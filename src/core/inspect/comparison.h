/*
 * comparison.h
 *		How far two vectors are apart, piece by piece, in float64.
 */
#ifndef FED_CORE_INSPECT_COMPARISON_H
#define FED_CORE_INSPECT_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

/* All zeros: nothing compared yet. */
typedef struct FedComparison
{
	double		aa;				/* sums of squares and products */
	double		ab;
	double		bb;
	double		dd;				/* of the differences, not aa - 2 ab + bb */
	double		largest;		/* of their absolute values; NaN once one is */
} FedComparison;

/* Adds n values of both. */
extern void fed_comparison_add(FedComparison *comparison, const float *a,
							   const float *b, size_t n);

/* The cosine of the angle between them; false if there is none. */
extern bool fed_comparison_cosine(const FedComparison *comparison,
								  double *cosine);

#endif							/* FED_CORE_INSPECT_COMPARISON_H */
