/*
 * json_test.c
 *		Numbers that PostgreSQL writes out in full are read, and nothing else changes;
 *		what users wrote as JSON is sent as they wrote it.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lib/json.h"

static bool
reads(const char *text, const char *key, double expected)
{
	FedError	err = {0};
	json_t	   *object = fed_json_parse(text, "it", FED_ERR_LOCAL, &err);
	double		value;
	bool		ok = object != NULL && fed_json_number(object, key, &value) && value == expected;

	json_decref(object);
	return ok;
}

static bool
keeps_string(const char *text, const char *expected)
{
	json_t	   *object = fed_json_parse(text, "it", FED_ERR_LOCAL, NULL);
	bool		ok = object != NULL && strcmp(fed_json_text(object, "s"), expected) == 0;

	json_decref(object);
	return ok;
}

static bool
inserts(const char *object, const char *value, const char *expected)
{
	char	   *text = fed_json_insert(strdup(object), "x", value, "it", NULL);
	bool		same = expected == NULL ? text == NULL : text != NULL && strcmp(text, expected) == 0;

	free(text);
	return same;
}

static bool
says(const char *message, const char *expected)
{
	json_t	   *text = fed_json_message(message);
	bool		same = strcmp(json_string_value(text), expected) == 0;

	json_decref(text);
	return same;
}

int
main(void)
{
	char		long_number[400];
	char		digits[302];
	json_t	   *object;
	int64_t		whole;

	memset(digits, '0', sizeof(digits));
	digits[0] = '1';
	digits[301] = '\0';
	snprintf(long_number, sizeof(long_number), "{\"x\": %s, \"y\": 2}", digits);
	check(reads(long_number, "x", 1e300) && reads(long_number, "y", 2), "an integer of 301 digits");
	check(reads("{\"x\":-12345678901234567890}", "x", -12345678901234567890.0), "a negative one, right before the end");
	check(reads("{\"x\": 0.12345678901234567890123}", "x", 0.12345678901234567890123), "a long fraction stays one");
	check(reads("{\"x\": 1234567890123456789012.5}", "x", 1234567890123456789012.5), "a long number with a fraction");
	check(reads("{\"x\": 12345678901234567890e2}", "x", 12345678901234567890e2), "one with an exponent");
	object = fed_json_parse("{\"n\": 123456789012345678}", "it", FED_ERR_LOCAL, NULL);
	check(object != NULL && fed_json_int(object, "n", &whole) && whole == 123456789012345678, "an integer of 18 digits stays one");
	json_decref(object);
	check(keeps_string("{\"s\": \"12345678901234567890\"}", "12345678901234567890"), "digits in a string stay as they are");
	check(keeps_string("{\"s\": \"a\\\"12345678901234567890, \\\\\"}", "a\"12345678901234567890, \\"),
		  "also behind an escaped quotation mark");
	check(inserts("{}", "{\"lr\": 0.1}", "{\"x\":{\"lr\": 0.1}}") &&
		  inserts("{\"a\":1}", "{\"lr\": 1e-3}", "{\"a\":1,\"x\":{\"lr\": 1e-3}}"), "an object is inserted as it was written");
	check(inserts("{}", "{}, \"y\": {}", NULL) && inserts("{}", "[]", NULL) && inserts("{}", "", NULL),
		  "what is not one object is not inserted");
	check(says("größer", "größer") && says("gr\xc3", "gr?"), "a message that was cut in a character is still a string");
	return checks_done();
}
