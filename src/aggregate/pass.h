/*
 * pass.h
 *		Going once over a range of pages, all vectors in lockstep.
 */
#ifndef FED_AGGREGATE_PASS_H
#define FED_AGGREGATE_PASS_H

#include "aggregate/stages.h"

typedef struct FedPass FedPass;

extern FedPass *fed_pass_open(const FedPlan *plan, int first_page, bool step);
extern FedPageWork *fed_pass_next(FedPass *pass);
extern void fed_pass_close(FedPass *pass);

#endif							/* FED_AGGREGATE_PASS_H */
