/*
 * cards.c
 *		A session as a person sees it: a bar, and a card per participant.
 */
#include "cards.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int
terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

/* One line, cut to the terminal, the rest of what stood there erased. */
static void
put_line(FedCards *cards, int width, const char *text)
{
	printf("%.*s\033[K\n", width - 1, text);
	cards->lines++;
}

static void
put_bar(FedCards *cards, int width, const FedSession *session)
{
	char		line[512];
	char		bar[64];
	int			cells = width > 70 ? 30 : 10;
	int			full = session->total_rounds == 0 ? 0
		: (int) (cells * session->current_round / session->total_rounds);

	memset(bar, '.', (size_t) cells);
	memset(bar, '#', (size_t) full);
	bar[cells] = '\0';
	snprintf(line, sizeof(line), "[%s] round %" PRId64 "/%" PRId64 "  %s  %s", bar, session->current_round,
			 session->total_rounds, session->status, session->metrics);
	put_line(cards, width, line);
}

static void
draw(FedCards *cards, const FedSession *session)
{
	int			width = terminal_width();
	char		line[512];

	if (cards->lines > 0)
		printf("\033[%dA", cards->lines);
	cards->lines = 0;
	put_line(cards, width, session->name);
	put_bar(cards, width, session);
	if (session->privacy[0] != '\0')
	{
		snprintf(line, sizeof(line), "privacy: %s", session->privacy);
		put_line(cards, width, line);
	}
	if (session->secagg[0] != '\0')
	{
		snprintf(line, sizeof(line), "secure aggregation: %s", session->secagg);
		put_line(cards, width, line);
	}
	for (size_t i = 0; i < session->n_participants; i++)
	{
		const FedParticipant *p = &session->participants[i];

		snprintf(line, sizeof(line), "  %-20.20s %-13s %4" PRId64 " rounds %8" PRId64 " samples  %s", p->host_id, p->status,
				 p->rounds_completed, p->total_samples, p->metrics);
		put_line(cards, width, line);
	}
	fflush(stdout);
}

static void
print_change(FedCards *cards, const FedSession *session)
{
	char		line[sizeof(cards->last)];
	int			used = snprintf(line, sizeof(line), "round %" PRId64 "/%" PRId64 " %s %s%s%s%s%s", session->current_round,
								session->total_rounds, session->status, session->metrics,
								session->privacy[0] != '\0' ? " | " : "", session->privacy,
								session->secagg[0] != '\0' ? " | secure aggregation: " : "", session->secagg);

	for (size_t i = 0; i < session->n_participants && used < (int) sizeof(line); i++)
		used += snprintf(line + used, sizeof(line) - (size_t) used, " | %s %s", session->participants[i].host_id,
						 session->participants[i].status);
	if (strcmp(line, cards->last) == 0)
		return;
	puts(line);
	fflush(stdout);
	memcpy(cards->last, line, sizeof(line));
}

void
fed_cards_show(FedCards *cards, const FedSession *session)
{
	if (isatty(STDOUT_FILENO))
		draw(cards, session);
	else
		print_change(cards, session);
}
