/*
 * sender.h
 *		Many requests at once, and one place to wait for all of them.
 */
#ifndef FED_WEBHOOK_SENDER_H
#define FED_WEBHOOK_SENDER_H

#include "webhook/request.h"

extern void fed_sender_init(void);
extern void fed_sender_start(const FedRequest *request);
extern int	fed_sender_active(void);
extern const FedOutcome *fed_sender_outcomes(int *n);
extern void fed_sender_forget_outcomes(void);
extern void fed_sender_wait(long timeout_ms);

#endif							/* FED_WEBHOOK_SENDER_H */
