/*
 * http_script.h
 *		A server on this machine that answers by a script, and remembers what it was asked.
 *
 * It runs in a thread; steps are answered in order, each to one request. What it
 * remembers may be read once script_stop has returned.
 */
#ifndef FED_TEST_HTTP_SCRIPT_H
#define FED_TEST_HTTP_SCRIPT_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Step
{
	const char *head;			/* status and headers; NULL: no answer, the connection ends */
	const char *body;			/* sent with its length; NULL: the head is all, and says of itself */
	size_t		more;			/* bytes of rubbish at the end */
	bool		keep;			/* the connection stays open for the next step */
	void		(*before) (void);	/* what happens between request and answer */
} Step;

#define MAX_STEPS 8

typedef struct Script
{
	const Step *steps;
	int			n;
	int			listener;
	int			port;
	pthread_t	thread;
	int			n_connections;
	int			n_requests;
	char		requests[MAX_STEPS][4096];
} Script;

/* Head and body of a request, as far as they fit; false if none comes. */
static bool
read_request(int fd, char *out, size_t size)
{
	size_t		used = 0;
	size_t		wanted = 0;

	while (wanted == 0 || used < wanted)
	{
		ssize_t		n = recv(fd, out + used, size - 1 - used, 0);
		char	   *end;

		if (n <= 0)
			return false;
		used += (size_t) n;
		out[used] = '\0';
		if (wanted == 0 && (end = strstr(out, "\r\n\r\n")) != NULL)
		{
			const char *length = strcasestr(out, "\r\nContent-Length:");

			wanted = (size_t) (end + 4 - out) + (length == NULL ? 0 : (size_t) atol(length + 17));
		}
	}
	return true;
}

static void
send_all(int fd, const char *data, size_t len)
{
	while (len > 0)
	{
		ssize_t		n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t) n;
	}
}

static void
answer_step(int fd, const Step *step)
{
	static const char rubbish[65536];

	if (step->before != NULL)
		step->before();
	if (step->head == NULL)
		return;
	send_all(fd, step->head, strlen(step->head));
	if (step->body != NULL)
	{
		char		length[64];

		snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", strlen(step->body));
		send_all(fd, length, strlen(length));
		send_all(fd, step->body, strlen(step->body));
	}
	for (size_t left = step->more; left > 0; left -= left < sizeof(rubbish) ? left : sizeof(rubbish))
		send_all(fd, rubbish, left < sizeof(rubbish) ? left : sizeof(rubbish));
}

/* The connection that the next request comes on: the one that was kept (-1: none), or a new one. */
static int
next_connection(Script *script, int kept)
{
	struct pollfd fds[2] = {{.fd = script->listener, .events = POLLIN}, {.fd = kept, .events = POLLIN}};

	poll(fds, 2, -1);
	if (fds[0].revents == 0)
		return kept;
	if (kept >= 0)
		close(kept);
	kept = accept(script->listener, NULL, NULL);
	script->n_connections += kept >= 0;
	return kept;
}

static void *
play(void *arg)
{
	Script	   *script = arg;
	int			fd = -1;

	for (int i = 0; i < script->n; i++)
	{
		fd = next_connection(script, fd);
		if (fd < 0 || !read_request(fd, script->requests[i], sizeof(script->requests[i])))
			break;
		script->n_requests++;
		answer_step(fd, &script->steps[i]);
		if (!script->steps[i].keep)
		{
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void
script_start(Script *script, const Step *steps, int n)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	len = sizeof(address);

	memset(script, 0, sizeof(*script));
	script->steps = steps;
	script->n = n;
	script->listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(script->listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(script->listener, 8) != 0 ||
		getsockname(script->listener, (struct sockaddr *) &address, &len) != 0 ||
		pthread_create(&script->thread, NULL, play, script) != 0)
	{
		perror("scripted server");
		exit(1);
	}
	script->port = ntohs(address.sin_port);
}

/* Whatever of the script was not played, is not. */
static void
script_stop(Script *script)
{
	shutdown(script->listener, SHUT_RDWR);
	pthread_join(script->thread, NULL);
	close(script->listener);
}

#endif							/* FED_TEST_HTTP_SCRIPT_H */
