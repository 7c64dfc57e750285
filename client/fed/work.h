/*
 * work.h
 *		The trainer's files, and the trainer itself.
 */
#ifndef FED_WORK_H
#define FED_WORK_H

#include "island.h"
#include "lib/trainer.h"

/* Files of the round in work; all but the model are in work/ of the state directory. */
typedef struct FedWork
{
	char	   *dir;
	char	   *model;
	char	   *task;
	char	   *update;
	char	   *result;
} FedWork;

/* Makes the directory, empty. fed_work_end in any case. */
extern bool fed_work_begin(const FedIsland *island, FedWork *work, FedError *err);
extern void fed_work_end(FedWork *work);

/* Runs the trainer with document as FED_TASK. */
extern bool fed_work_train(const FedIsland *island, const FedTask *task, const FedWork *work, const char *document,
						   FedTrainerTick tick, void *arg, FedError *err);

#endif							/* FED_WORK_H */
