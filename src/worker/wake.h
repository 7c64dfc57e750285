/*
 * wake.h
 *		What is to happen when the current transaction commits.
 */
#ifndef FED_WORKER_WAKE_H
#define FED_WORKER_WAKE_H

/* Wishes; any set of them. */
#define FED_WAKE_WORKER		0x01	/* this database's worker looks now */
#define FED_WAKE_LAUNCH		0x02	/* this database is given a worker now */
#define FED_WAKE_SCAN		0x04	/* the launcher looks for databases now */
#define FED_WAKE_WEBHOOK	0x08	/* what is in this database's outbox is sent now */

extern void fed_wake_at_commit(int wishes);
extern void fed_wake_release_at_end(Oid database);

#endif							/* FED_WORKER_WAKE_H */
