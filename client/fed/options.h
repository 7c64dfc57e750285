/*
 * options.h
 *		The command line: what every command shares.
 */
#ifndef FED_OPTIONS_H
#define FED_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/transport.h"

/* An option: --name VALUE into *text, or, with a NULL text, a switch. */
typedef struct FedOption
{
	const char *name;			/* with its hyphens; NULL ends the list */
	const char **text;
	bool	   *flag;
	void		(*each) (void *arg, const char *value); /* repeatable, instead of text */
	void	   *arg;
} FedOption;

typedef struct FedCommon
{
	const char *dsn;
	bool		insecure;
	bool		json;
} FedCommon;

/*
 * Reads options and exactly n_positional others. Prints what is wrong and
 * exits with 2; --help prints the usage and exits with 0.
 */
extern void fed_options_parse(int argc, char **argv, const char *usage, const FedOption *own, FedCommon *common,
							  const char **positional, int n_positional);

/* A number from min on; anything else is a usage error. */
extern int64_t fed_option_int(const char *name, const char *text, int64_t min, int64_t missing);
extern double fed_option_seconds(const char *name, const char *text, double missing);

/* A transport that is safe to use, or the exit code why not. */
extern FedTransport *fed_open_transport(const FedCommon *common, bool listen, int *exit_code);

/* Prints the error and gives its exit code. */
extern int	fed_fail(const char *context, const FedError *err);

extern int	fed_cmd_island_run(int argc, char **argv);
extern int	fed_cmd_model_import(int argc, char **argv);
extern int	fed_cmd_model_export(int argc, char **argv);
extern int	fed_cmd_session_start(int argc, char **argv);
extern int	fed_cmd_session_watch(int argc, char **argv);
extern int	fed_cmd_session_list(int argc, char **argv);
extern int	fed_cmd_session_cancel(int argc, char **argv);

#define FED_COMMON_USAGE \
	"  --dsn CONNINFO   libpq connection string without a password; else PGHOST, PGSERVICE, PGPASSFILE …\n" \
	"  --insecure       accept a remote server that does not prove who it is\n" \
	"  --json           JSON lines on standard output\n"

#endif							/* FED_OPTIONS_H */
