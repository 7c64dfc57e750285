/*
 * turn.h
 *		One look of a member at one task: what its steps share.
 */
#ifndef FED_CLIENT_SECAGG_TURN_H
#define FED_CLIENT_SECAGG_TURN_H

#include "lib/secagg/checks.h"
#include "lib/secagg/member.h"

typedef struct FedTurn
{
	FedMember  *m;
	const FedTask *task;
	const FedMemberWork *work;
	FedAttemptId id;
	char	   *dir;			/* of the session */
	FedPlan		plan;
	FedState	state;
	bool		made;			/* integers were made for the attempt's base: they are not made again */
} FedTurn;

/* Reads the task text (C2) and the state (C19); C1 and C2 hold for every step, not only the first. */
extern bool fed_turn_begin(FedTurn *turn, FedMember *m, const FedTask *task, const FedMemberWork *work, FedError *err);
extern void fed_turn_end(FedTurn *turn);
extern bool fed_turn_save(FedTurn *turn, FedError *err);

/* Writes down that a message is about to be sent. */
extern bool fed_turn_note(const FedTurn *turn, const char *message, const void *data, size_t len, FedError *err);

/* Whether the server took it; FED_ERR_SERVER with its reason if not. */
extern bool fed_turn_taken(const char *message, const FedReply *reply, FedError *err);

/* The steps. Each is one that a task can say is due. */
extern bool fed_turn_advertise(FedTurn *turn, FedError *err);
extern bool fed_turn_share(FedTurn *turn, FedError *err);
extern bool fed_turn_upload(FedTurn *turn, FedError *err);
extern bool fed_turn_agree(FedTurn *turn, FedError *err);
extern bool fed_turn_reveal(FedTurn *turn, FedError *err);

/* Whether the integers that will be masked are still to be made. */
extern bool fed_turn_wants_training(const FedTurn *turn);

/* Trains, unless integers for the attempt's base are kept. The state then is as the trainer's time has left it. */
extern bool fed_turn_train(FedTurn *turn, FedError *err);

/* Opens the envelope of one owner. Refuses (FED_ERR_POLICY) one that does not open. */
extern bool fed_turn_open(const FedTurn *turn, const FedSecrets *secrets, uint32_t owner,
						  const uint8_t envelope[FED_ENVELOPE_BYTES], FedShare sk_share, FedShare b_share, FedError *err);

/* All shares of the own secrets: of holder x at [x - 1]. The caller cleanses them. */
extern bool fed_turn_deal(const FedTurn *turn, const FedSecrets *secrets, FedShare *sk_shares, FedShare *b_shares,
						  FedError *err);

#endif							/* FED_CLIENT_SECAGG_TURN_H */
