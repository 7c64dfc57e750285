/*
 * cards.h
 *		A session as a person sees it: a bar, and a card per participant.
 */
#ifndef FED_CARDS_H
#define FED_CARDS_H

#include "lib/session.h"

typedef struct FedCards
{
	int			lines;			/* drawn last, on a terminal */
	char		last[512];		/* printed last, elsewhere */
} FedCards;

/* Shows what has changed: redrawn in place on a terminal, else one line. */
extern void fed_cards_show(FedCards *cards, const FedSession *session);

#endif							/* FED_CARDS_H */
