/*
 * error.h
 *		What went wrong, in a form that callers can act on.
 *
 * Functions that can fail take a FedError and return false (or NULL). The kind
 * says what to do about it: try again, tell the user, give the task back.
 * Messages are for people: lower case, no full stop, and never a secret.
 */
#ifndef FED_CLIENT_ERROR_H
#define FED_CLIENT_ERROR_H

#include <stdbool.h>

typedef enum FedErrorKind
{
	FED_ERR_NONE,
	FED_ERR_CONNECTION,			/* no server: connect again */
	FED_ERR_BUSY,				/* the server could not just now: call again */
	FED_ERR_SERVER,				/* the server refuses */
	FED_ERR_PROTOCOL,			/* the server sent what it must not send */
	FED_ERR_LOCAL,				/* this machine: files, memory, processes */
	FED_ERR_TRAINER,			/* the trainer failed or wrote nonsense */
	FED_ERR_POLICY,				/* a rule of this side forbids it */
	FED_ERR_USAGE,				/* asked in a way that makes no sense */
	FED_ERR_STOPPED				/* asked to stop meanwhile */
} FedErrorKind;

typedef struct FedError
{
	FedErrorKind kind;
	char		sqlstate[6];	/* "" unless a server said one */
	double		retry_after;	/* seconds; 0 unless a server asked for it */
	char		message[640];
	char		hint[320];		/* "" if there is nothing to advise */
} FedError;

/* The exit codes of fed. */
#define FED_EXIT_OK 0
#define FED_EXIT_FAILED 1
#define FED_EXIT_USAGE 2
#define FED_EXIT_CONNECTION 3
#define FED_EXIT_REFUSED 4

/*
 * Fills err (NULL is allowed) and clears what else it holds. Always false, so
 * that "return fed_error_set(...)" reads well.
 */
extern bool fed_error_set(FedError *err, FedErrorKind kind,
						  const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Same, for a failed system call: appends ": " and the text of errno. */
extern bool fed_error_errno(FedError *err, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* FED_ERR_LOCAL, "out of memory". */
extern bool fed_error_memory(FedError *err);

/* Adds advice; after fed_error_set. Always false. */
extern bool fed_error_hint(FedError *err, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Whether the same call may succeed later without anybody doing anything. */
extern bool fed_error_is_transient(const FedError *err);

/* The exit code that stands for this kind of error. */
extern int	fed_error_exit_code(const FedError *err);

#endif							/* FED_CLIENT_ERROR_H */
