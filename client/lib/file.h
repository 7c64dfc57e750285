/*
 * file.h
 *		Files that are whole or not there at all, and files seen as memory.
 */
#ifndef FED_CLIENT_FILE_H
#define FED_CLIENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

/* A file in memory. An empty file has data NULL. */
typedef struct FedMapping
{
	uint8_t    *data;
	uint64_t	len;
} FedMapping;

/* Joins with "/". The result is malloc'd; NULL if there is no memory. */
extern char *fed_path_join(const char *dir, const char *name);

/*
 * name as one path component: everything but letters, digits, "-", "_" and
 * inner dots becomes %XX. Injective. malloc'd; NULL if there is no memory.
 */
extern char *fed_path_encode(const char *name);

/* Creates dir (mode 0700) and its parents where missing. */
extern bool fed_make_directory(const char *dir, FedError *err);

/* Removes dir and what is in it, one level deep or more. Missing is fine. */
extern void fed_remove_tree(const char *dir);

/*
 * The whole file as text, NUL-terminated, malloc'd. Refuses files of more than
 * max bytes. NULL, and err filled, on failure.
 */
extern char *fed_read_file(const char *path, size_t max, size_t *len,
						   FedError *err);

/* The same, but a file that group or others have any right to is refused. */
extern char *fed_read_secret(const char *path, size_t max, FedError *err);

/* Writes path by way of a temporary file, fsync and rename. */
extern bool fed_write_file(const char *path, const void *data, size_t len,
						   FedError *err);

/*
 * An atomic replacement in steps: _begin opens path.tmp (mode 0600, empty) and
 * returns a descriptor or -1; _finish makes it durable under its own name and
 * closes it, _abandon removes it, also (fd -1) one that a crash has left.
 */
extern int	fed_replace_begin(const char *path, FedError *err);
extern bool fed_replace_finish(int fd, const char *path, FedError *err);
extern void fed_replace_abandon(int fd, const char *path);

/* Makes the name of a file durable that was created, renamed or removed. */
extern bool fed_sync_parent(const char *path, FedError *err);

/* pwrite(2) until all is written. path is for the message. */
extern bool fed_write_at(int fd, const void *data, size_t len, uint64_t offset,
						 const char *path, FedError *err);

/*
 * Has what was written there go to the disk now, without waiting for it, so
 * that less is left for _finish. A hint: where the system has none, nothing.
 */
extern void fed_write_back(int fd, uint64_t offset, size_t len);

/* Maps a file for reading. Unmap with fed_unmap. */
extern bool fed_map_file(const char *path, FedMapping *out, FedError *err);

/*
 * Gives the file its length, with all blocks allocated so that no write into
 * the mapping can hit a full disk, and maps it for reading and writing.
 */
extern bool fed_map_for_writing(int fd, uint64_t len, const char *path,
								FedMapping *out, FedError *err);
extern void fed_unmap(FedMapping *mapping);

#endif							/* FED_CLIENT_FILE_H */
