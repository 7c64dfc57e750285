/*
 * cmd_session.c
 *		fed session start, watch, list and cancel.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cards.h"
#include "lib/log.h"
#include "lib/stop.h"
#include "options.h"
#include "server.h"

#define LOOK_SECONDS 0.3
#define LOOK_SECONDS_HTTP 1.0

static const char start_usage[] =
"usage: fed session start NAME --workload W --rounds N [--config JSON]\n"
"  Starts a session of the workload's current version and prints its id; what\n"
"  the server warns of goes to standard error.\n"
FED_COMMON_USAGE;

static const char watch_usage[] =
"usage: fed session watch ID\n"
"  Shows a session until it ends. Exit status 0 if it completed, 1 if not.\n"
FED_COMMON_USAGE;

static const char list_usage[] = "usage: fed session list\n" FED_COMMON_USAGE;

static const char cancel_usage[] = "usage: fed session cancel ID [--reason TEXT]\n" FED_COMMON_USAGE;

static const FedOption no_options[] = {{NULL, NULL, NULL, NULL, NULL}};

/* The server's words end with a line feed. */
static void
pass_on(const char *text)
{
	fputs(text, stderr);
}

static bool
start(FedTransport *t, const char *name, const char *workload, int64_t rounds, const char *config, char **id, FedError *err)
{
	int64_t		workload_id;

	if (!fed_find_workload(t, workload, &workload_id, err))
		return false;
	if (workload_id == 0)
		return fed_error_set(err, FED_ERR_SERVER, "there is no workload \"%s\"", workload);
	t->heard = pass_on;
	return fed_start_session(t, name, workload_id, rounds, config, id, err);
}

int
fed_cmd_session_start(int argc, char **argv)
{
	FedCommon	common = {0};
	const char *workload = NULL;
	const char *rounds = NULL;
	const char *config = "{}";
	const char *name;
	const FedOption options[] = {
		{"--workload", &workload, NULL, NULL, NULL}, {"--rounds", &rounds, NULL, NULL, NULL},
		{"--config", &config, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}
	};
	FedTransport *t;
	FedError	err = {0};
	char	   *id = NULL;
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, start_usage, options, &common, &name, 1);
	fed_log_configure(false, false);
	if (workload == NULL || rounds == NULL)
	{
		fprintf(stderr, "fed: --workload and --rounds are needed\n%s", start_usage);
		return FED_EXIT_USAGE;
	}
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	if (!start(t, name, workload, fed_option_int("--rounds", rounds, 1, 1), config, &id, &err))
		code = fed_fail("could not start the session", &err);
	else
		printf(common.json ? "{\"id\": \"%s\"}\n" : "%s\n", id);
	free(id);
	fed_transport_free(t);
	return code;
}

/* Until the session is over; its exit code. */
static int
watch(FedTransport *t, const char *id, double pause, bool json, FedError *err)
{
	FedCards	cards = {0};
	char	   *last = NULL;

	for (;;)
	{
		char	   *document = NULL;
		FedSession *session = fed_session(t, id, &document, err) ? fed_session_parse(document, err) : NULL;
		int			code = -1;

		if (session == NULL)
		{
			free(document);
			free(last);
			return fed_fail("could not watch the session", err);
		}
		if (!json)
			fed_cards_show(&cards, session);
		else if (last == NULL || strcmp(last, document) != 0)
		{
			puts(document);
			fflush(stdout);
		}
		if (fed_session_is_over(session))
		{
			code = strcmp(session->status, "completed") == 0 ? FED_EXIT_OK : FED_EXIT_FAILED;
			if (!json && session->reason[0] != '\0')
				printf("%s: %s\n", session->status, session->reason);
			if (!json && session->privacy_said != NULL)
				puts(session->privacy_said);
		}
		free(last);
		last = document;
		fed_session_free(session);
		if (code >= 0 || !fed_sleep(pause))
		{
			free(last);
			return code >= 0 ? code : FED_EXIT_OK;
		}
	}
}

int
fed_cmd_session_watch(int argc, char **argv)
{
	FedCommon	common = {0};
	const char *id;
	FedTransport *t;
	FedError	err = {0};
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, watch_usage, no_options, &common, &id, 1);
	fed_log_configure(false, false);
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	t->patience = 300;
	code = watch(t, id, common.url == NULL ? LOOK_SECONDS : LOOK_SECONDS_HTTP, common.json, &err);
	fed_transport_free(t);
	return code;
}

static void
print_list(const char *document)
{
	json_t	   *list = json_loads(document, 0, NULL);
	size_t		i;
	json_t	   *s;

	json_array_foreach(list, i, s)
	{
		printf("%s  %-11s %4lld/%-4lld %-20s %s\n", json_string_value(json_object_get(s, "id")),
			   json_string_value(json_object_get(s, "status")),
			   (long long) json_integer_value(json_object_get(s, "current_round")),
			   (long long) json_integer_value(json_object_get(s, "total_rounds")),
			   json_string_value(json_object_get(s, "workload")), json_string_value(json_object_get(s, "name")));
	}
	json_decref(list);
}

int
fed_cmd_session_list(int argc, char **argv)
{
	FedCommon	common = {0};
	FedTransport *t;
	FedError	err = {0};
	char	   *document = NULL;
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, list_usage, no_options, &common, NULL, 0);
	fed_log_configure(false, false);
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	if (!fed_list_sessions(t, &document, &err))
		code = fed_fail("could not list sessions", &err);
	else if (common.json)
		puts(document);
	else
		print_list(document);
	free(document);
	fed_transport_free(t);
	return code;
}

int
fed_cmd_session_cancel(int argc, char **argv)
{
	FedCommon	common = {0};
	const char *reason = NULL;
	const char *id;
	const FedOption options[] = {{"--reason", &reason, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
	FedTransport *t;
	FedError	err = {0};
	int			code = FED_EXIT_OK;

	fed_options_parse(argc, argv, cancel_usage, options, &common, &id, 1);
	fed_log_configure(false, common.json);
	t = fed_open_transport(&common, 0, &code);
	if (t == NULL)
		return code;
	if (!fed_cancel_session(t, id, reason, &err))
		code = fed_fail("could not cancel the session", &err);
	fed_transport_free(t);
	return code;
}
