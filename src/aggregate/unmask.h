/*
 * unmask.h
 *		The masks that are left on a sum, out of the shares that Islands revealed.
 */
#ifndef FED_AGGREGATE_UNMASK_H
#define FED_AGGREGATE_UNMASK_H

#include "core/secagg/mask.h"

extern FedMask *fed_unmask_open(int64 attempt_id);

#endif							/* FED_AGGREGATE_UNMASK_H */
