/*
 * options.c
 *		The command line: what every command shares.
 */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

static void
usage_error(const char *usage, const char *what, const char *argument)
{
	fprintf(stderr, "fed: %s%s%s\n%s", what, argument == NULL ? "" : " ", argument == NULL ? "" : argument, usage);
	exit(FED_EXIT_USAGE);
}

static const FedOption *
find(const FedOption *options, const char *name)
{
	for (; options->name != NULL; options++)
	{
		if (strcmp(options->name, name) == 0)
			return options;
	}
	return NULL;
}

/* Stores one option; true if it took the argument after it. */
static bool
store(const FedOption *option, const char *value, const char *usage)
{
	if (option->flag != NULL)
	{
		*option->flag = true;
		return false;
	}
	if (value == NULL)
		usage_error(usage, "a value is missing after", option->name);
	if (option->each != NULL)
		option->each(option->arg, value);
	else
		*option->text = value;
	return true;
}

void
fed_options_parse(int argc, char **argv, const char *usage, const FedOption *own, FedCommon *common,
				  const char **positional, int n_positional)
{
	const FedOption shared[] = {
		{"--dsn", &common->dsn, NULL, NULL, NULL},
		{"--url", &common->url, NULL, NULL, NULL},
		{"--token-file", &common->token_file, NULL, NULL, NULL},
		{"--ca-file", &common->ca_file, NULL, NULL, NULL},
		{"--insecure", NULL, &common->insecure, NULL, NULL},
		{"--json", NULL, &common->json, NULL, NULL},
		{NULL, NULL, NULL, NULL, NULL}
	};
	int			found = 0;

	for (int i = 0; i < argc; i++)
	{
		const FedOption *option = find(own, argv[i]);

		if (option == NULL)
			option = find(shared, argv[i]);
		if (strcmp(argv[i], "--help") == 0)
		{
			fputs(usage, stdout);
			exit(FED_EXIT_OK);
		}
		if (option != NULL)
			i += store(option, i + 1 < argc ? argv[i + 1] : NULL, usage);
		else if (argv[i][0] == '-')
			usage_error(usage, "unknown option", argv[i]);
		else if (found == n_positional)
			usage_error(usage, "one argument too many:", argv[i]);
		else
			positional[found++] = argv[i];
	}
	if (found < n_positional)
		usage_error(usage, "an argument is missing", NULL);
	if (common->url != NULL && common->dsn != NULL)
		usage_error(usage, "--dsn and --url name two servers: give one of them", NULL);
	if (common->url == NULL && (common->token_file != NULL || common->ca_file != NULL))
		usage_error(usage, "--token-file and --ca-file go with --url", NULL);
}

int64_t
fed_option_int(const char *name, const char *text, int64_t min, int64_t missing)
{
	char	   *end;
	long long	value;

	if (text == NULL)
		return missing;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || value < min)
	{
		fprintf(stderr, "fed: %s must be a whole number from %lld, not \"%s\"\n", name, (long long) min, text);
		exit(FED_EXIT_USAGE);
	}
	return value;
}

double
fed_option_seconds(const char *name, const char *text, double missing)
{
	char	   *end;
	double		value;

	if (text == NULL)
		return missing;
	value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(value) || value <= 0)
	{
		fprintf(stderr, "fed: %s must be a number of seconds above 0, not \"%s\"\n", name, text);
		exit(FED_EXIT_USAGE);
	}
	return value;
}

int
fed_fail(const char *context, const FedError *err)
{
	if (err->kind == FED_ERR_STOPPED)
		return FED_EXIT_OK;
	fed_log_error(context, err);
	return fed_error_exit_code(err);
}
