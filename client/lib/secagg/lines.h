/*
 * lines.h
 *		Files of lines that are only ever added to: what an Island remembers for ever.
 *
 * One process writes them. A line that a crash has left without its end was never
 * durable, so nothing has followed from it.
 */
#ifndef FED_CLIENT_SECAGG_LINES_H
#define FED_CLIENT_SECAGG_LINES_H

#include "lib/error.h"

/* Looks at a line, with its end; false if it is not one of this file. */
typedef bool (*FedLineReader) (void *arg, const char *line);

/* Every line in turn; none if there is no file. C19, with what the file says in the message, if it cannot be read. */
extern bool fed_lines_read(const char *path, const char *what, FedLineReader reader, void *arg, FedError *err);

/*
 * Adds a line, with its end, and makes it durable, also the file's name. NULL
 * makes durable what is there: whoever wrote it may have been killed before.
 */
extern bool fed_lines_append(const char *path, const char *line, FedError *err);

#endif							/* FED_CLIENT_SECAGG_LINES_H */
