/*
 * slices.h
 *		Slices: the unit in which vectors travel.
 */
#ifndef FED_PAGES_SLICES_H
#define FED_PAGES_SLICES_H

#include "pages/vectors.h"

extern bytea *fed_read_slice(const FedVector *vector, int slice, int bytes);

#endif							/* FED_PAGES_SLICES_H */
