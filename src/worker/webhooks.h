/*
 * webhooks.h
 *		The worker's care for the process that sends webhooks.
 */
#ifndef FED_WORKER_WEBHOOKS_H
#define FED_WORKER_WEBHOOKS_H

extern long fed_webhooks_supervise(MemoryContext context);

#endif							/* FED_WORKER_WEBHOOKS_H */
