/*
 * fault.h
 *		Places at which a test kills an Island.
 *
 * Before and after everything that is made durable and everything that is sent:
 * file.c has those of files that are replaced. In the program there is nothing
 * here.
 */
#ifndef FED_CLIENT_SECAGG_FAULT_H
#define FED_CLIENT_SECAGG_FAULT_H

#include <stdbool.h>

#include "lib/error.h"

#ifdef FED_TEST_FAULTS
/* Whether the Island lives on; false fills err, and everything ends as it is. NULL: it does. */
extern bool (*fed_fault_hook) (const char *place, FedError *err);

#define fed_alive(place, err) (fed_fault_hook == NULL || fed_fault_hook(place, err))
#else
#define fed_alive(place, err) ((void) (place), (void) (err), true)
#endif

#endif							/* FED_CLIENT_SECAGG_FAULT_H */
