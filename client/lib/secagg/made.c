/*
 * made.c
 *		The models of a session for which this Island has made its integers.
 */
#include "lib/secagg/made.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/secagg/fault.h"
#include "lib/secagg/lines.h"

#define FILE_NAME "made"

typedef struct Search
{
	const uint8_t *base;
	bool		found;
} Search;

static bool
look_at(void *arg, const char *line)
{
	Search	   *search = arg;
	char		hex[FED_SHA256_HEX + 1];
	uint8_t		base[FED_SHA256_BYTES];

	if (strlen(line) != FED_SHA256_HEX + 1)
		return false;
	memcpy(hex, line, FED_SHA256_HEX);
	hex[FED_SHA256_HEX] = '\0';
	if (!fed_hex_decode(hex, base, sizeof(base)))
		return false;
	search->found = search->found || memcmp(base, search->base, sizeof(base)) == 0;
	return true;
}

static bool
find(const char *path, const uint8_t *base, bool *found, FedError *err)
{
	Search		search = {.base = base};
	bool		ok = fed_lines_read(path, "for which models integers were made", look_at, &search, err);

	*found = search.found;
	return ok;
}

bool
fed_made_find(const char *dir, const uint8_t base[FED_SHA256_BYTES], bool *found, FedError *err)
{
	char	   *path = fed_path_join(dir, FILE_NAME);
	bool		ok = path == NULL ? fed_error_memory(err) : find(path, base, found, err);

	free(path);
	return ok;
}

bool
fed_made_add(const char *dir, const uint8_t base[FED_SHA256_BYTES], FedError *err)
{
	char	   *path = fed_path_join(dir, FILE_NAME);
	char		line[FED_SHA256_HEX + 2];
	bool		there;
	bool		ok = path != NULL || fed_error_memory(err);

	fed_hex_encode(base, FED_SHA256_BYTES, line);
	strcpy(line + FED_SHA256_HEX, "\n");
	ok = ok && find(path, base, &there, err) && fed_alive("made", err) && fed_lines_append(path, there ? NULL : line, err) &&
		fed_alive("made", err);
	free(path);
	return ok;
}
