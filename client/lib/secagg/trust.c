/*
 * trust.c
 *		The identity keys of other Islands that the data's owner believes in.
 */
#include "lib/secagg/trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/digest.h"
#include "lib/file.h"
#include "lib/json.h"

#define MAX_TRUST 1048576

struct FedTrust
{
	json_t	   *keys;			/* name: 64 lower-case digits */
};

/* The name under which a key is pinned, or NULL. */
static const char *
name_of(const FedTrust *trust, const char *hex)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(trust->keys, name, value)
	{
		if (strcmp(json_string_value(value), hex) == 0)
			return name;
	}
	return NULL;
}

bool
fed_trust_add(FedTrust *trust, const char *name, const char *hex_key, FedError *err)
{
	uint8_t		key[FED_KEY_BYTES];
	char		hex[2 * FED_KEY_BYTES + 1];
	const char *before = fed_json_text(trust->keys, name);
	const char *other;

	if (!fed_hex_decode(hex_key, key, sizeof(key)))
		return fed_error_set(err, FED_ERR_USAGE, "the key of \"%s\" must have %d hexadecimal digits", name, 2 * FED_KEY_BYTES);
	fed_hex_encode(key, sizeof(key), hex);
	other = name_of(trust, hex);
	if (before != NULL && strcmp(before, hex) != 0)
	{
		fed_error_set(err, FED_ERR_POLICY, "\"%s\" has another key already, %s", name, before);
		return fed_error_hint(err, "take it out first, if you know that it is no longer in use: fed island trust --remove");
	}
	if (other != NULL && strcmp(other, name) != 0)
		return fed_error_set(err, FED_ERR_POLICY, "this key is pinned already, as that of \"%s\"", other);
	return json_object_set_new(trust->keys, name, json_string(hex)) == 0 ||
		fed_error_set(err, FED_ERR_USAGE, "a name must be UTF-8");
}

bool
fed_trust_remove(FedTrust *trust, const char *name, FedError *err)
{
	return json_object_del(trust->keys, name) == 0 ||
		fed_error_set(err, FED_ERR_USAGE, "no key of \"%s\" is pinned", name);
}

static bool
take_over(FedTrust *trust, const json_t *given, FedError *err)
{
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) given, name, value)
	{
		if (!json_is_string(value))
			return fed_error_set(err, FED_ERR_USAGE, "the key of \"%s\" is not a string", name);
		if (!fed_trust_add(trust, name, json_string_value(value), err))
			return false;
	}
	return true;
}

FedTrust *
fed_trust_load(const char *path, bool missing_ok, FedError *err)
{
	bool		none = missing_ok && access(path, F_OK) != 0;
	char	   *text = none ? strdup("{}") : fed_read_file(path, MAX_TRUST, NULL, err);
	json_t	   *given = text == NULL ? NULL : fed_json_parse(text, "the trust file", FED_ERR_USAGE, err);
	FedTrust   *trust = given == NULL ? NULL : calloc(1, sizeof(*trust));

	free(text);
	if (trust != NULL && ((trust->keys = json_object()) == NULL || !take_over(trust, given, err)))
	{
		fed_trust_free(trust);
		trust = NULL;
	}
	json_decref(given);
	return trust;
}

void
fed_trust_free(FedTrust *trust)
{
	if (trust == NULL)
		return;
	json_decref(trust->keys);
	free(trust);
}

bool
fed_trust_has(const FedTrust *trust, const uint8_t public_key[FED_KEY_BYTES])
{
	char		hex[2 * FED_KEY_BYTES + 1];

	fed_hex_encode(public_key, FED_KEY_BYTES, hex);
	return trust != NULL && name_of(trust, hex) != NULL;
}

bool
fed_trust_save(const FedTrust *trust, const char *path, FedError *err)
{
	char	   *text = json_dumps(trust->keys, JSON_INDENT(1) | JSON_SORT_KEYS);
	size_t		len = text == NULL ? 0 : strlen(text);
	bool		ok;

	if (text == NULL)
		return fed_error_memory(err);
	text[len] = '\n';			/* in place of the NUL */
	ok = fed_write_file(path, text, len + 1, err);
	free(text);
	return ok;
}

bool
fed_trust_each(const FedTrust *trust,
			   bool (*each) (void *arg, const char *name, const uint8_t public_key[FED_KEY_BYTES]), void *arg)
{
	const char *name;
	json_t	   *value;
	void	   *next;
	uint8_t		key[FED_KEY_BYTES];

	json_object_foreach_safe(trust->keys, next, name, value)
	{
		if (!fed_hex_decode(json_string_value(value), key, sizeof(key)) || !each(arg, name, key))
			return false;
	}
	return true;
}
