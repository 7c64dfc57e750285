/*
 * main.c
 *		fed: trains on an Island, moves models, starts and watches sessions.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/stop.h"
#include "options.h"

static const struct
{
	const char *object;
	const char *verb;
	int			(*run) (int argc, char **argv);
	const char *purpose;
}			commands[] = {
	{"island", "run", fed_cmd_island_run, "take tasks, train, send updates"},
	{"island", "enroll", fed_cmd_island_enroll, "an Island's first token, for an invite"},
	{"island", "keygen", fed_cmd_island_keygen, "an Island's identity key, for secure aggregation"},
	{"island", "trust", fed_cmd_island_trust, "the identity keys of other Islands that are believed"},
	{"model", "import", fed_cmd_model_import, "safetensors file into a workload"},
	{"model", "export", fed_cmd_model_export, "version of a workload into a safetensors file"},
	{"session", "start", fed_cmd_session_start, "start a training session"},
	{"session", "watch", fed_cmd_session_watch, "progress until it ends"},
	{"session", "list", fed_cmd_session_list, "sessions that you may see"},
	{"session", "cancel", fed_cmd_session_cancel, "end a session without a result"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void
print_usage(FILE *out)
{
	fputs("usage: fed COMMAND [OPTION]...\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s%-8s %s\n", commands[i].object, commands[i].verb, commands[i].purpose);
	fputs("fed COMMAND --help tells more, fed --version the version.\n"
		  "Exit status: 0 done, 1 failed, 2 usage, 3 no connection, 4 refused by a rule of this side.\n", out);
}

/* The first asks, the second insists. */
static void
on_signal(int signal_number)
{
	if (fed_stop_request() > 1)
		_exit(128 + signal_number);
}

static void
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	FedError	err;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
	{
		puts("fed " FED_VERSION);
		return FED_EXIT_OK;
	}
	if (argc >= 2 && strcmp(argv[1], "--help") == 0)
	{
		print_usage(stdout);
		return FED_EXIT_OK;
	}
	if (!fed_stop_init(&err))
		return fed_fail(NULL, &err);
	catch_signals();
	for (size_t i = 0; argc >= 3 && i < N_COMMANDS; i++)
	{
		if (strcmp(argv[1], commands[i].object) == 0 && strcmp(argv[2], commands[i].verb) == 0)
			return commands[i].run(argc - 3, argv + 3);
	}
	print_usage(stderr);
	return FED_EXIT_USAGE;
}
