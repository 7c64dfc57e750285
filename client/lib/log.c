/*
 * log.c
 *		What the user is told: text on stderr, or JSON lines on stdout.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/json.h"

#define FED_MESSAGE_LEN 1400

static bool with_timestamps = false;
static bool with_json = false;

void
fed_log_configure(bool timestamps, bool json)
{
	with_timestamps = timestamps;
	with_json = json;
}

void
fed_timestamp(char out[FED_TIMESTAMP_LEN])
{
	struct timespec now;
	struct tm	utc;
	char		seconds[24];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, FED_TIMESTAMP_LEN, "%s.%03dZ", seconds,
			 (int) (now.tv_nsec / 1000000));
}

static void
print_json(const char *time, const char *level, const char *event,
		   const char *message, json_t *fields)
{
	json_t	   *line = json_pack("{s:s, s:s, s:s, s:o}", "time", time,
								 "level", level, "event", event,
								 "message", fed_json_message(message));
	char	   *text;

	if (line != NULL && fields != NULL)
		json_object_update_missing(line, fields);
	text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
	if (text != NULL)
		fprintf(stdout, "%s\n", text);
	fflush(stdout);
	free(text);
	json_decref(line);
}

static void
say(const char *level, const char *event, json_t *fields,
	const char *format, va_list args)
{
	char		message[FED_MESSAGE_LEN];
	char		time[FED_TIMESTAMP_LEN];

	vsnprintf(message, sizeof(message), format, args);
	fed_timestamp(time);
	if (with_timestamps)
		fprintf(stderr, "%s fed: %s\n", time, message);
	else
		fprintf(stderr, "fed: %s\n", message);
	if (with_json)
		print_json(time, level, event, message, fields);
}

void
fed_log_info(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("info", "message", NULL, format, args);
	va_end(args);
}

void
fed_log_warning(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("warning", "message", NULL, format, args);
	va_end(args);
}

static void
say_error(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("error", "message", NULL, format, args);
	va_end(args);
}

void
fed_log_error(const char *context, const FedError *err)
{
	say_error("%s%s%s%s%s", context == NULL ? "" : context,
			  context == NULL ? "" : ": ", err->message,
			  err->hint[0] == '\0' ? "" : "\n     hint: ", err->hint);
}

void
fed_log_event(const char *event, json_t *fields, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	say("info", event, fields, format, args);
	va_end(args);
	json_decref(fields);
}
