/*
 * sender.c
 *		Many requests at once, and one place to wait for all of them.
 *
 * libcurl tells which sockets it waits for and until when; we wait for those,
 * for our latch and for the end of the postmaster together, so that SIGTERM, a
 * barrier or news of the outbox need not wait for a receiver.
 *
 * libcurl resolves names in threads. A signal of ours must not be handled in
 * one of them, so all are blocked while libcurl is in control: its threads
 * inherit that. Everything here is this process's own and goes with it; at its
 * end requests are left as they are, since to end them might mean to wait for a
 * name.
 */
#include "postgres.h"

#include <signal.h>

#include <curl/curl.h>

#include "base/compat.h"
#include "base/settings.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "webhook/sender.h"
#include "webhook/transfer.h"

#define MAX_EVENTS	64			/* taken from one wait */

typedef struct Watched
{
	curl_socket_t socket;
	int			what;			/* CURL_POLL_… */
} Watched;

static CURLM *multi = NULL;
static int	n_active = 0;

static Watched *watched = NULL; /* in TopMemoryContext, as are the outcomes */
static int	n_watched = 0;
static int	max_watched = 0;

static FedOutcome *outcomes = NULL;
static int	n_outcomes = 0;
static int	max_outcomes = 0;

static TimestampTz timer_at = 0;	/* when libcurl wants to be called; 0: no time */

/* Room for one more element; the array is in TopMemoryContext. */
static void *
grow(void *array, int n, int *max, Size size)
{
	if (n < *max)
		return array;
	*max = Max(2 * *max, 64);
	if (array == NULL)
		return MemoryContextAlloc(TopMemoryContext, mul_size(*max, size));
	return repalloc(array, mul_size(*max, size));
}

/* libcurl says what it waits for at a socket. Nothing here may fail but for want of memory. */
static int
watch_socket(CURL *easy, curl_socket_t socket, int what, void *data, void *socket_data)
{
	int			i = 0;

	while (i < n_watched && watched[i].socket != socket)
		i++;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < n_watched)
			watched[i] = watched[--n_watched];
		return 0;
	}
	if (i == n_watched)
	{
		watched = grow(watched, n_watched, &max_watched, sizeof(Watched));
		n_watched++;
	}
	watched[i].socket = socket;
	watched[i].what = what;
	return 0;
}

static int
set_timer(CURLM *handle, long timeout_ms, void *data)
{
	timer_at = timeout_ms < 0 ? 0 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
	return 0;
}

static void
check(CURLMcode code)
{
	if (code != CURLM_OK)
		elog(ERROR, "could not send webhooks: %s", curl_multi_strerror(code));
}

/* Let libcurl work on a socket, or on what its timer was about. */
static void
work(curl_socket_t socket, int bits)
{
	sigset_t	all;
	sigset_t	before;
	int			running;
	CURLMcode	code;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	code = curl_multi_socket_action(multi, socket, bits, &running);
	sigprocmask(SIG_SETMASK, &before, NULL);
	check(code);
}

/* Take the requests that have ended out of libcurl. */
static void
collect(void)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL	   *easy = message->easy_handle;
		CURLcode	code = message->data.result;
		char	   *data = NULL;
		FedTransfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, &data);
		transfer = (FedTransfer *) data;
		outcomes = grow(outcomes, n_outcomes, &max_outcomes, sizeof(FedOutcome));
		fed_transfer_finish(transfer, code, &outcomes[n_outcomes++]);
		check(curl_multi_remove_handle(multi, easy));
		fed_transfer_free(transfer);
		n_active--;
	}
}

/* fed_sender_init makes this process one that has libcurl; once in its life. */
void
fed_sender_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		elog(ERROR, "could not initialise libcurl");
	multi = curl_multi_init();
	if (multi == NULL)
		elog(ERROR, "could not initialise libcurl");
	check(curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket));
	check(curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer));
	check(curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING));
	/* idle ones that are kept to be used again; sockets are for all of them */
	check(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) fed_setting_webhook_connections));
}

/* fed_sender_start begins a request, which is copied. */
void
fed_sender_start(const FedRequest *request)
{
	FedTransfer *transfer = fed_transfer_new(request);

	check(curl_multi_add_handle(multi, fed_transfer_handle(transfer)));
	n_active++;
}

/* fed_sender_active says how many requests are under way. */
int
fed_sender_active(void)
{
	return n_active;
}

/* fed_sender_outcomes are those of requests that have ended, until they are forgotten. */
const FedOutcome *
fed_sender_outcomes(int *n)
{
	*n = n_outcomes;
	return outcomes;
}

/* fed_sender_forget_outcomes: they have been recorded. */
void
fed_sender_forget_outcomes(void)
{
	n_outcomes = 0;
}

static uint32
events_of(int what)
{
	return (what & CURL_POLL_IN ? WL_SOCKET_READABLE : 0) |
		(what & CURL_POLL_OUT ? WL_SOCKET_WRITEABLE : 0);
}

static int
bits_of(uint32 events)
{
	return (events & WL_SOCKET_READABLE ? CURL_CSELECT_IN : 0) |
		(events & WL_SOCKET_WRITEABLE ? CURL_CSELECT_OUT : 0);
}

/* Wait for sockets, latch and postmaster; returns how many sockets have something. */
static int
wait_for_events(long timeout_ms, Watched *ready)
{
	static uint32 wait_event = 0;
	WaitEventSet *set = fed_create_wait_set(n_watched + 2);
	WaitEvent	events[MAX_EVENTS];
	int			n_events;
	int			n_ready = 0;

	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < n_watched; i++)
		AddWaitEventToSet(set, events_of(watched[i].what), watched[i].socket, NULL, NULL);

	n_events = WaitEventSetWait(set, timeout_ms, events, MAX_EVENTS,
								fed_wait_event(&wait_event, "FederatedWebhookMain"));
	for (int i = 0; i < n_events; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		else if (events[i].fd != PGINVALID_SOCKET)
		{
			ready[n_ready].socket = events[i].fd;
			ready[n_ready++].what = bits_of(events[i].events);
		}
	}
	FreeWaitEventSet(set);
	return n_ready;
}

/*
 * fed_sender_wait lets requests go on until one of them moves, the latch is set
 * or the time is over.
 */
void
fed_sender_wait(long timeout_ms)
{
	Watched		ready[MAX_EVENTS];
	int			n_ready;

	if (timer_at != 0)
		timeout_ms = Min(timeout_ms, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), timer_at));

	n_ready = wait_for_events(timeout_ms, ready);
	for (int i = 0; i < n_ready; i++)
		work(ready[i].socket, ready[i].what);
	if (timer_at != 0 && timer_at <= GetCurrentTimestamp())
	{
		timer_at = 0;
		work(CURL_SOCKET_TIMEOUT, 0);
	}
	collect();
}
