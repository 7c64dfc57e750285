/*
 * odd_json.h
 *		Documents with one thing in them that is not as it should be.
 */
#ifndef FED_TEST_ODD_JSON_H
#define FED_TEST_ODD_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What may stand in the place of anything. NULL: nothing does, the member is left out. */
static const char *const odd_values[] = {
	NULL, "null", "true", "-1", "0", "1.5", "1e300", "4294967297", "9223372036854775807", "99999999999999999999999999", "\"\"",
	"\"zz\"", "\"0\"", "\"-----\"", "[]", "{}", "[[[[[[]]]]]]", "[null]", "[-1, -1]", "{\"u\": 1}",
	"\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"",
};

#define N_ODD (sizeof(odd_values) / sizeof(*odd_values))

static inline json_t *
odd_value(size_t which)
{
	json_t	   *value = odd_values[which] == NULL ? NULL : json_loads(odd_values[which], JSON_DECODE_ANY, NULL);

	/* What jansson cannot hold stands for itself as a real. */
	return value == NULL && odd_values[which] != NULL ? json_real(1e26) : value;
}

/*
 * Puts an odd value in the place of the k-th thing below a node, counted in
 * depth; *k becomes negative when that is done. False if there are not so many.
 */
static inline bool
put_odd(json_t *node, int *k, size_t which)
{
	size_t		n = json_is_array(node) ? json_array_size(node) : 0;
	const char *key;
	json_t	   *child;
	void	   *next;

	for (size_t i = 0; i < n && *k >= 0; i++)
	{
		if ((*k)-- > 0)
			put_odd(json_array_get(node, i), k, which);
		else if (odd_values[which] == NULL)
			json_array_remove(node, i);
		else
			json_array_set_new(node, i, odd_value(which));
	}
	json_object_foreach_safe(node, next, key, child)
	{
		if (*k < 0)
			break;
		if ((*k)-- > 0)
			put_odd(child, k, which);
		else if (odd_values[which] == NULL)
			json_object_del(node, key);
		else
			json_object_set_new(node, key, odd_value(which));
	}
	return *k < 0;
}

/* Numbers that are the same whenever a test runs. */
static inline uint32_t
odd_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (*seed >> 33);
}

/* Changes, takes out or repeats a few bytes of a text; the text stays as long or becomes shorter. */
static inline void
damage(char *text, uint64_t *seed)
{
	static const char bytes[] = "\"\\{}[]:,0-9eE.+ntf\x01\x7f\xc3\xff ";

	for (uint32_t i = odd_random(seed) % 4 + 1; i > 0; i--)
	{
		size_t		len = strlen(text);
		size_t		at = len == 0 ? 0 : odd_random(seed) % len;

		if (len == 0)
			return;
		switch (odd_random(seed) % 4)
		{
			case 0:
				memmove(text + at, text + at + 1, len - at);
				break;
			case 1:
				text[at] = text[odd_random(seed) % len];
				break;
			case 2:
				text[at] = '\0';
				break;
			default:
				text[at] = bytes[odd_random(seed) % (sizeof(bytes) - 1)];
		}
	}
}

#endif							/* FED_TEST_ODD_JSON_H */
