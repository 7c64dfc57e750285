/*
 * trainer.h
 *		Running somebody else's program, within limits.
 */
#ifndef FED_CLIENT_TRAINER_H
#define FED_CLIENT_TRAINER_H

#include <stdbool.h>

#include "lib/error.h"

/* Looked at while the trainer runs; false ends it (and fills err). */
typedef bool (*FedTrainerTick) (void *arg, FedError *err);

/*
 * Runs "sh -c command" with the environment entries ("NAME=value", ended by
 * NULL) added, in a process group of its own that dies with this process. True
 * if it exits with 0. False otherwise: FED_ERR_TRAINER for a bad exit, a signal
 * or more than timeout seconds (0: none); FED_ERR_STOPPED; or what tick said.
 * Nothing of the group is left running.
 */
extern bool fed_trainer_run(const char *command, const char *const *environment, double timeout, FedTrainerTick tick,
							void *arg, FedError *err);

#endif							/* FED_CLIENT_TRAINER_H */
