/*
 * trainer.c
 *		Running somebody else's program, within limits.
 */
#include "lib/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/stop.h"

/* How long a trainer that is asked to end may take to do so. */
#define GRACE_SECONDS 2.0
/* How often it is looked at; short ones first, so that a quick one is not waited for. */
#define FIRST_LOOK 0.005
#define LAST_LOOK 0.1

static void
become_trainer(const char *command, const char *const *environment, pid_t parent)
{
	int			in = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	/* Standard output may carry our JSON lines; a read from a terminal would stop the group. */
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	unsetenv("PGPASSWORD");
	for (; *environment != NULL; environment++)
		putenv((char *) *environment);
	execl("/bin/sh", "sh", "-c", command, (char *) NULL);
	_exit(127);
}

/* Ends the group: asks, waits, then insists. */
static void
end_group(pid_t group)
{
	double		until = fed_now() + GRACE_SECONDS;
	int			status;
	bool		gone = false;

	kill(-group, SIGTERM);
	while (!gone && fed_now() < until)
	{
		gone = waitpid(group, &status, WNOHANG) != 0;
		if (!gone)
			usleep(20000);
	}
	kill(-group, SIGKILL);
	if (!gone)
		waitpid(group, &status, 0);
}

static bool
judge(int status, FedError *err)
{
	if (WIFSIGNALED(status))
		return fed_error_set(err, FED_ERR_TRAINER, "the trainer was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fed_error_set(err, FED_ERR_TRAINER, "the trainer exited with status %d", WEXITSTATUS(status));
	return true;
}

static bool
watch(pid_t pid, double timeout, FedTrainerTick tick, void *arg, FedError *err)
{
	double		started = fed_now();
	double		look = FIRST_LOOK;
	int			status;

	for (;;)
	{
		pid_t		done = waitpid(pid, &status, WNOHANG);
		bool		go_on;

		if (done == pid)
		{
			/* What it left behind must not go on in its name. */
			kill(-pid, SIGKILL);
			return judge(status, err);
		}
		go_on = (fed_sleep(look) || fed_error_set(err, FED_ERR_STOPPED, "asked to stop")) &&
			(timeout <= 0 || fed_now() - started < timeout ||
			 fed_error_set(err, FED_ERR_TRAINER, "the trainer took longer than %g s", timeout)) &&
			(tick == NULL || tick(arg, err));
		if (!go_on)
		{
			end_group(pid);
			return false;
		}
		look = look * 2 < LAST_LOOK ? look * 2 : LAST_LOOK;
	}
}

bool
fed_trainer_run(const char *command, const char *const *environment, double timeout, FedTrainerTick tick, void *arg,
				FedError *err)
{
	pid_t		parent = getpid();
	pid_t		pid = fork();

	if (pid < 0)
		return fed_error_errno(err, "could not start the trainer");
	if (pid == 0)
		become_trainer(command, environment, parent);
	setpgid(pid, pid);
	return watch(pid, timeout, tick, arg, err);
}
