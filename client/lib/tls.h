/*
 * tls.h
 *		Which connection strings are safe enough to use.
 *
 * Two rules. A password never stands on a command line, where every user of the
 * machine can read it. A server that is neither a Unix socket nor this machine
 * must prove who it is: sslmode=verify-full.
 */
#ifndef FED_CLIENT_TLS_H
#define FED_CLIENT_TLS_H

#include <stdbool.h>

#include "lib/error.h"

/*
 * Refuses (FED_ERR_USAGE) a connection string that libpq can't read or that
 * holds a password. conninfo may be NULL. The message never repeats it.
 */
extern bool fed_conninfo_has_no_secret(const char *conninfo, FedError *err);

/*
 * Whether the servers that this string, completed by the environment and the
 * service file as libpq does it, can lead to are all safe. False, and err
 * filled (FED_ERR_POLICY), names the first host that is not.
 */
extern bool fed_conninfo_is_safe(const char *conninfo, FedError *err);

/*
 * The rule itself, on effective values as libpq has them: comma-separated
 * lists, NULL or "" for none. A hostaddr decides over its host. Returns the
 * first host that is remote and not verified, malloc'd, or NULL if all is well.
 */
extern char *fed_unverified_host(const char *hosts, const char *hostaddrs,
								 const char *sslmode);

/* Whether a host as libpq names it is this machine: loopback, a socket, "". */
extern bool fed_host_is_local(const char *host);

#endif							/* FED_CLIENT_TLS_H */
