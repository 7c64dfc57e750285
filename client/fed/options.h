/*
 * options.h
 *		The command line: what every command shares.
 */
#ifndef FED_OPTIONS_H
#define FED_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

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
	const char *url;
	const char *token_file;
	const char *ca_file;
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

/* Prints the error and gives its exit code. */
extern int	fed_fail(const char *context, const FedError *err);

extern int	fed_cmd_island_run(int argc, char **argv);
extern int	fed_cmd_island_enroll(int argc, char **argv);
extern int	fed_cmd_island_keygen(int argc, char **argv);
extern int	fed_cmd_island_trust(int argc, char **argv);
extern int	fed_cmd_model_import(int argc, char **argv);
extern int	fed_cmd_model_export(int argc, char **argv);
extern int	fed_cmd_session_start(int argc, char **argv);
extern int	fed_cmd_session_watch(int argc, char **argv);
extern int	fed_cmd_session_list(int argc, char **argv);
extern int	fed_cmd_session_cancel(int argc, char **argv);

#define FED_URL_USAGE \
	"  --url URL        the coordinator over HTTPS, https://HOST[:PORT][/PATH]; HTTPS_PROXY and NO_PROXY are honoured\n" \
	"  --token-file F   the token for --url, a file of mode 0600; else FED_TOKEN_FILE\n" \
	"  --ca-file F      certificates of a private authority for --url; else CURL_CA_BUNDLE, SSL_CERT_FILE, the system's\n"

#define FED_OTHER_USAGE \
	"  --insecure       accept a remote server that does not prove who it is\n" \
	"  --json           JSON lines on standard output\n"

#define FED_COMMON_USAGE \
	"  --dsn CONNINFO   libpq connection string without a password; else PGHOST, PGSERVICE, PGPASSFILE …\n" \
	FED_URL_USAGE FED_OTHER_USAGE

#endif							/* FED_OPTIONS_H */
