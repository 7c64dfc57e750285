/*
 * answers.h
 *		What messages.c and answers.c share.
 */
#ifndef FED_CLIENT_SECAGG_ANSWERS_H
#define FED_CLIENT_SECAGG_ANSWERS_H

#include "lib/secagg/messages.h"

/* A call that begins with session, round and attempt. */
extern FedNamedCall fed_attempt_call(const char *function, const FedAttemptId *id);

#endif							/* FED_CLIENT_SECAGG_ANSWERS_H */
