/*
 * journal.h
 *		A record, on the Island's own disk, of everything that left it.
 *
 * JSON lines, appended and synced before the first byte leaves.
 */
#ifndef FED_CLIENT_JOURNAL_H
#define FED_CLIENT_JOURNAL_H

#include "lib/error.h"
#include "lib/policy.h"
#include "lib/reply.h"
#include "lib/spool.h"
#include "lib/task.h"

/*
 * For whoever has a budget: no other process that has one goes by this journal
 * until this one ends, or both could spend what is left. FED_ERR_POLICY if one does.
 */
extern bool fed_journal_hold(const char *path, FedError *err);

/* What is about to be sent. path may be NULL: no journal is kept. */
extern bool fed_journal_sending(const char *path, const char *host_id, const FedTask *task, const FedSpool *spool,
								FedError *err);

/*
 * A message of secure aggregation that is about to be sent: its name
 * ("advertise" …) and its bytes, of which the SHA-256 is recorded.
 */
extern bool fed_journal_message(const char *path, const char *host_id, const FedTask *task, int64_t attempt,
								const char *message, const void *data, size_t len, FedError *err);

/* What the server said to it. */
extern bool fed_journal_outcome(const char *path, const char *host_id, const FedTask *task, const FedReply *reply,
								FedError *err);

/*
 * What all updates that were sent have cost, each counted once: the same bytes
 * once, and of secure aggregation each attempt's. A line that a crash cut off
 * counts nothing.
 */
extern bool fed_journal_spent(const char *path, FedSpent *spent, FedError *err);

/* Whether the update of this digest is among them, in *has. */
extern bool fed_journal_has(const char *path, const FedTask *task, const uint8_t digest[FED_SHA256_BYTES], bool *has,
							FedError *err);

#endif							/* FED_CLIENT_JOURNAL_H */
