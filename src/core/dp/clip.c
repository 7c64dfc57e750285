/*
 * clip.c
 *		How an update is clipped and becomes whole steps of a grid.
 */
#include "core/dp/clip.h"

/*
 * What the scale gives away so that no rounding lets an update reach beyond
 * its bound. With u = 2^-53, to first order:
 *
 *  * a square of a float32 is exact in double. The norm of an update adds up
 *	  squares in eight lanes per page of 2,016 (251 additions deep, 3 to fold
 *	  them), pages within a slice of 130, and slices: fewer than 2^24 additions
 *	  deep for 2^42 values. Nothing cancels, so that the sum is off by less than
 *	  2^24 u of itself, its root by less than 2^23 u, and u for the root;
 *  * the scale takes two roundings, each product with a value another.
 *
 * Together less than (2^23 + 4) u, or 2^-29.9. Float32, which the update came
 * in and the model will be in, is far coarser.
 */
#define MARGIN 0x1p-29

double
fed_clip_scale(double weight, double norm, double clip_norm, double steps)
{
	if (norm == 0)
		return 0;
	/* min(1, clip_norm / norm) / (clip_norm / steps), but never infinite. */
	return weight * (1.0 - MARGIN) * steps / (norm > clip_norm ? norm : clip_norm);
}
