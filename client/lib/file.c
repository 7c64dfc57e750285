/*
 * file.c
 *		Files that are whole or not there at all, and files seen as memory.
 */
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secagg/fault.h"

#ifdef FED_TEST_FAULTS
bool		(*fed_fault_hook) (const char *place, FedError *err);
#endif

char *
fed_path_join(const char *dir, const char *name)
{
	size_t		len = strlen(dir) + strlen(name) + 2;
	char	   *path = malloc(len);

	if (path != NULL)
		snprintf(path, len, "%s/%s", dir, name);
	return path;
}

static bool
is_plain(const char *name, size_t i)
{
	char		c = name[i];

	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_')
		return true;
	return c == '.' && i > 0;
}

char *
fed_path_encode(const char *name)
{
	char	   *out = malloc(3 * strlen(name) + 1);
	char	   *end = out;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; name[i] != '\0'; i++)
	{
		if (is_plain(name, i))
			*end++ = name[i];
		else
			end += sprintf(end, "%%%02X", (unsigned char) name[i]);
	}
	*end = '\0';
	return out;
}

bool
fed_make_directory(const char *dir, FedError *err)
{
	char	   *path = strdup(dir);

	if (path == NULL)
		return fed_error_memory(err);
	for (char *at = path + 1;; at++)
	{
		bool		last = *at == '\0';

		if (!last && *at != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
		{
			fed_error_errno(err, "could not create directory \"%s\"", path);
			free(path);
			return false;
		}
		if (last)
			break;
		*at = '/';
	}
	free(path);
	return true;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void) st;
	(void) type;
	(void) at;
	return remove(path);
}

void
fed_remove_tree(const char *dir)
{
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static char *
read_descriptor(int fd, const char *path, size_t len, size_t *got,
				FedError *err)
{
	char	   *text = malloc(len + 1);
	ssize_t		n;

	*got = 0;
	if (text == NULL)
	{
		fed_error_memory(err);
		return NULL;
	}
	while (*got < len && (n = read(fd, text + *got, len - *got)) != 0)
	{
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
		{
			fed_error_errno(err, "could not read \"%s\"", path);
			free(text);
			return NULL;
		}
		*got += (size_t) n;
	}
	text[*got] = '\0';
	return text;
}

static char *
read_file(const char *path, size_t max, bool secret, size_t *len, FedError *err)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char	   *text = NULL;
	size_t		got = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		fed_error_errno(err, "could not open \"%s\"", path);
	else if (!S_ISREG(st.st_mode))
		fed_error_set(err, FED_ERR_LOCAL, "\"%s\" is not a file", path);
	else if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
	{
		fed_error_set(err, FED_ERR_POLICY, "\"%s\" is open to other users of this machine", path);
		fed_error_hint(err, "chmod 600 '%s'", path);
	}
	else if ((uint64_t) st.st_size > max)
		fed_error_set(err, FED_ERR_LOCAL,
					  "\"%s\" has %lld bytes, at most %zu are allowed", path,
					  (long long) st.st_size, max);
	else
		text = read_descriptor(fd, path, (size_t) st.st_size, &got, err);
	if (fd >= 0)
		close(fd);
	if (len != NULL)
		*len = got;
	return text;
}

char *
fed_read_file(const char *path, size_t max, size_t *len, FedError *err)
{
	return read_file(path, max, false, len, err);
}

char *
fed_read_secret(const char *path, size_t max, FedError *err)
{
	return read_file(path, max, true, NULL, err);
}

static char *
temporary_name(const char *path)
{
	size_t		len = strlen(path) + 5;
	char	   *tmp = malloc(len);

	if (tmp != NULL)
		snprintf(tmp, len, "%s.tmp", path);
	return tmp;
}

int
fed_replace_begin(const char *path, FedError *err)
{
	char	   *tmp = temporary_name(path);
	int			fd;

	if (tmp == NULL)
	{
		fed_error_memory(err);
		return -1;
	}
	/* One that is left from before may be readable by all, or not ours. */
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) != 0 || !fed_alive("write", err))
	{
		fed_error_errno(err, "could not create \"%s\"", tmp);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	free(tmp);
	return fd;
}

/* The rename itself is only durable once its directory is. */
bool
fed_sync_parent(const char *path, FedError *err)
{
	const char *slash = strrchr(path, '/');
	char	   *dir = slash == NULL ? strdup(".")
		: slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
	int			fd;
	bool		ok;

	if (dir == NULL)
		return fed_error_memory(err);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems cannot sync a directory; they say EINVAL. */
	ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
	if (!ok)
		fed_error_errno(err, "could not sync directory \"%s\"", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return ok;
}

bool
fed_replace_finish(int fd, const char *path, FedError *err)
{
	char	   *tmp = temporary_name(path);
	bool		ok;

	if (tmp == NULL)
	{
		fed_replace_abandon(fd, path);
		return fed_error_memory(err);
	}
	ok = fed_alive("sync", err) && (fsync(fd) == 0 || fed_error_errno(err, "could not sync \"%s\"", tmp)) &&
		fed_alive("rename", err) &&
		(rename(tmp, path) == 0 || fed_error_errno(err, "could not rename \"%s\" to \"%s\"", tmp, path)) &&
		fed_alive("sync directory", err);
	if (ok)
		close(fd);
	else
		fed_replace_abandon(fd, path);
	free(tmp);
	return ok && fed_sync_parent(path, err) && fed_alive("synced", err);
}

void
fed_replace_abandon(int fd, const char *path)
{
	char	   *tmp = temporary_name(path);

	if (fd >= 0)
		close(fd);
	if (tmp != NULL)
		unlink(tmp);
	free(tmp);
}

bool
fed_write_at(int fd, const void *data, size_t len, uint64_t offset,
			 const char *path, FedError *err)
{
	const char *from = data;

	while (len > 0)
	{
		ssize_t		n = pwrite(fd, from, len, (off_t) offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fed_error_errno(err, "could not write \"%s\"", path);
		from += n;
		len -= (size_t) n;
		offset += (uint64_t) n;
	}
	return true;
}

void
fed_write_back(int fd, uint64_t offset, size_t len)
{
#ifdef SYNC_FILE_RANGE_WRITE
	(void) sync_file_range(fd, (off_t) offset, (off_t) len, SYNC_FILE_RANGE_WRITE);
#else
	(void) fd;
	(void) offset;
	(void) len;
#endif
}

bool
fed_write_file(const char *path, const void *data, size_t len, FedError *err)
{
	int			fd = fed_replace_begin(path, err);

	if (fd < 0)
		return false;
	if (!fed_write_at(fd, data, len, 0, path, err))
	{
		fed_replace_abandon(fd, path);
		return false;
	}
	return fed_replace_finish(fd, path, err);
}

static bool
map_descriptor(int fd, uint64_t len, int protection, int flags,
			   const char *path, FedMapping *out, FedError *err)
{
	void	   *data;

	out->data = NULL;
	out->len = len;
	if (len == 0)
		return true;
	data = mmap(NULL, (size_t) len, protection, flags, fd, 0);
	if (data == MAP_FAILED)
		return fed_error_errno(err, "could not map \"%s\"", path);
	out->data = data;
	return true;
}

bool
fed_map_file(const char *path, FedMapping *out, FedError *err)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool		ok = false;

	if (fd < 0 || fstat(fd, &st) != 0)
		fed_error_errno(err, "could not open \"%s\"", path);
	else if (!S_ISREG(st.st_mode))
		fed_error_set(err, FED_ERR_LOCAL, "\"%s\" is not a file", path);
	else
		ok = map_descriptor(fd, (uint64_t) st.st_size, PROT_READ, MAP_PRIVATE,
							path, out, err);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
fed_map_for_writing(int fd, uint64_t len, const char *path, FedMapping *out,
					FedError *err)
{
	int			failed = len == 0 ? 0 : posix_fallocate(fd, 0, (off_t) len);

	if (failed != 0)
	{
		errno = failed;
		return fed_error_errno(err, "could not reserve %llu bytes for \"%s\"",
							   (unsigned long long) len, path);
	}
	return map_descriptor(fd, len, PROT_READ | PROT_WRITE, MAP_SHARED, path,
						  out, err);
}

void
fed_unmap(FedMapping *mapping)
{
	if (mapping->data != NULL)
		munmap(mapping->data, (size_t) mapping->len);
	mapping->data = NULL;
	mapping->len = 0;
}
