/*
 * lines.c
 *		Files of lines that are only ever added to.
 */
#include "lib/secagg/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/refuse.h"

/* Empty lines are nothing. */
static bool
read_all(FILE *file, FedLineReader reader, void *arg)
{
	char	   *line = NULL;
	size_t		size = 0;
	bool		ok = true;
	ssize_t		len;

	while (ok && (len = getline(&line, &size, file)) > 0 && line[len - 1] == '\n')
		ok = len == 1 || reader(arg, line);
	free(line);
	return ok && !ferror(file);
}

bool
fed_lines_read(const char *path, const char *what, FedLineReader reader, void *arg, FedError *err)
{
	FILE	   *file = fopen(path, "re");
	bool		ok;

	if (file == NULL && errno == ENOENT)
		return true;
	ok = file != NULL && read_all(file, reader, arg);
	if (file != NULL)
		fclose(file);
	return ok || fed_refuse(err, 19, "\"%s\", which says %s, cannot be read", path, what);
}

static bool
cut_torn_line(int fd)
{
	off_t		size = lseek(fd, 0, SEEK_END);
	char		last;

	while (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n')
		size--;
	return size >= 0 && ftruncate(fd, size) == 0;
}

bool
fed_lines_append(const char *path, const char *line, FedError *err)
{
	size_t		len = line == NULL ? 0 : strlen(line);
	int			fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool		ok = fd >= 0 && (line == NULL || (cut_torn_line(fd) && write(fd, line, len) == (ssize_t) len)) &&
		fed_alive("sync", err) && fsync(fd) == 0;

	if (!ok)
		fed_error_errno(err, "could not write \"%s\"", path);
	if (fd >= 0)
		close(fd);
	return ok && fed_alive("sync directory", err) && fed_sync_parent(path, err);
}
