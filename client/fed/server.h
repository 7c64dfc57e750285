/*
 * server.h
 *		Which server the options mean, and whether it is safe to talk to.
 */
#ifndef FED_SERVER_H
#define FED_SERVER_H

#include "lib/transport.h"
#include "options.h"

/*
 * A transport that is safe to use, or NULL and the exit code why not. poll: who
 * waits for tasks looks that often, in seconds, where they are not announced;
 * 0: waits for none.
 */
extern FedTransport *fed_open_transport(const FedCommon *common, double poll, int *exit_code);

/* The server of --url, or false and err filled. */
extern bool fed_find_server(const FedCommon *common, FedHttpServer *out, FedError *err);

#endif							/* FED_SERVER_H */
