/*
 * stop.c
 *		The wish to stop, and sleeping that a signal can end.
 *
 * The pipe is written once and never drained: it stays readable, so everyone
 * who polls it later notices too.
 */
#include "lib/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t n_requests = 0;
static int	pipe_fds[2] = {-1, -1};

bool
fed_stop_init(FedError *err)
{
	if (pipe_fds[0] >= 0)
		return true;
	if (pipe(pipe_fds) != 0)
		return fed_error_errno(err, "could not make a pipe");
	for (int i = 0; i < 2; i++)
	{
		fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC);
		fcntl(pipe_fds[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

int
fed_stop_request(void)
{
	int			saved = errno;

	n_requests = n_requests + 1;
	if (pipe_fds[1] >= 0 && write(pipe_fds[1], "x", 1) < 0)
	{
		/* Full: then it is readable already. */
	}
	errno = saved;
	return n_requests;
}

bool
fed_stop_requested(void)
{
	return n_requests > 0;
}

double
fed_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + now.tv_nsec * 1e-9;
}

bool
fed_poll(int fd, short events, double seconds, short *revents)
{
	double		until = fed_now() + seconds;
	struct pollfd fds[2];

	fds[0].fd = pipe_fds[0];	/* poll skips negative descriptors */
	fds[0].events = POLLIN;
	fds[1].fd = fd;
	fds[1].events = events;
	for (;;)
	{
		double		left = until - fed_now();
		int			ms = left <= 0 ? 0 : left > 3600 ? 3600000 : (int) (left * 1000) + 1;
		int			ready;

		fds[0].revents = fds[1].revents = 0;
		ready = poll(fds, 2, ms);
		if (fed_stop_requested())
			return false;
		if (ready < 0 && errno == EINTR)
			continue;
		if (revents != NULL)
			*revents = fds[1].revents;
		if (ready != 0 || left <= 0)
			return true;
	}
}

bool
fed_sleep(double seconds)
{
	return fed_poll(-1, 0, seconds, NULL);
}
