/*
 * clip.h
 *		How an update is clipped and becomes whole steps of a grid.
 *
 * Value x of an update becomes trunc(x * scale) steps (clipped_sum of the
 * kernels), so that a sum over updates is one of integers, exact in a double,
 * to which discrete noise can be added. Floating-point noise on floating-point
 * sums would not do: which doubles can be reached tells the sum (Mironov 2012).
 */
#ifndef FED_CORE_DP_CLIP_H
#define FED_CORE_DP_CLIP_H

/*
 * fed_clip_scale returns the scale of an update with this L2 norm and a weight
 * from 0 to 1, as weight * min(1, clip_norm / norm) (McMahan et al. 2018,
 * section 3) in steps of which clip_norm has `steps`, a power of two. With it,
 * the square root of the sum of the squares of all trunc(x * scale) is at most
 * weight * steps, exactly.
 *
 * The norm is the square root of a sum of squares that was added up in double,
 * of up to 2^42 float32; the margin in the scale covers its rounding. An update
 * of zeros has scale 0. Finite for every clip_norm > 0, however small.
 */
extern double fed_clip_scale(double weight, double norm, double clip_norm, double steps);

#endif							/* FED_CORE_DP_CLIP_H */
