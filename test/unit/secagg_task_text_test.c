/*
 * secagg_task_text_test.c
 *		The canonical text of a task: each rule of its form, broken once.
 */
#include "support.h"

#include <math.h>

#include "core/secagg/task_text.h"

/* A text, with its length where it holds NULs, and what the refusal says. */
typedef struct Bad
{
	const char *text;
	size_t		len;
	const char *reason;
} Bad;

#define BAD(text, reason) {text, sizeof(text) - 1, reason}

static const Bad bad[] = {
	BAD("", "0 bytes"),
	BAD("a=b:1", "does not end with LF"),
	BAD("a=b:1\nb=b:1", "does not end with LF"),
	BAD("\n", "line 1: a line has no ="),
	BAD("a=b:1\n\n", "line 2: a line has no ="),
	BAD("a=b:1\r\n", "a boolean is"),
	BAD("a\n", "no ="),
	BAD("=b:1\n", "1 to 63 characters"),
	BAD("b=b:1\na=b:1\n", "line 2: names are not strictly ascending"),
	BAD("a=b:1\na=b:1\n", "not strictly ascending"),
	BAD("a0=b:1\na.b=b:1\n", "not strictly ascending"),
	BAD("A=b:1\n", "a character other than"),
	BAD("a-b=b:1\n", "a character other than"),
	BAD("a b=b:1\n", "a character other than"),
	BAD(" a=b:1\n", "a character other than"),
	BAD("a =b:1\n", "a character other than"),
	BAD("a\0=b:1\n", "zero byte"),
	BAD("\xc3\xa4=b:1\n", "a character other than"),
	BAD("_a=b:1\n", "begins with a letter"),
	BAD("0=b:1\n", "begins with a letter"),
	BAD("a._b=b:1\n", "begins with a letter"),
	BAD("a.0b=b:1\n", "begins with a letter"),
	BAD("a.00=b:1\n", "no leading zeros"),
	BAD("a..b=b:1\n", "1 to 63 characters"),
	BAD("a.=b:1\n", "1 to 63 characters"),
	BAD(".a=b:1\n", "1 to 63 characters"),
	BAD("a234567890123456789012345678901234567890123456789012345678901234=b:1\n", "1 to 63 characters"),
	BAD("a=\n", "a value begins with"),
	BAD("a=b\n", "a value begins with"),
	BAD("a=x:1\n", "a value begins with"),
	BAD("a=B:1\n", "a value begins with"),
	BAD("a= b:1\n", "a value begins with"),
	BAD("a=b:\n", "a boolean is"),
	BAD("a=b:2\n", "a boolean is"),
	BAD("a=b:01\n", "a boolean is"),
	BAD("a=b:true\n", "a boolean is"),
	BAD("a=i:\n", "shortest decimal"),
	BAD("a=i:-\n", "shortest decimal"),
	BAD("a=i:+1\n", "shortest decimal"),
	BAD("a=i:01\n", "shortest decimal"),
	BAD("a=i:-0\n", "shortest decimal"),
	BAD("a=i:-01\n", "shortest decimal"),
	BAD("a=i:1 \n", "shortest decimal"),
	BAD("a=i:1e3\n", "shortest decimal"),
	BAD("a=i:0x1\n", "shortest decimal"),
	BAD("a=i:9223372036854775808\n", "beyond 64 bits"),
	BAD("a=i:-9223372036854775809\n", "beyond 64 bits"),
	BAD("a=i:99999999999999999999999\n", "beyond 64 bits"),
	BAD("a=f:\n", "16 hexadecimal"),
	BAD("a=f:3ff000000000000\n", "16 hexadecimal"),
	BAD("a=f:3ff00000000000000\n", "16 hexadecimal"),
	BAD("a=f:3FF0000000000000\n", "lower case"),
	BAD("a=f:3ff000000000000g\n", "lower case"),
	BAD("a=f:7ff8000000000000\n", "not finite"),
	BAD("a=f:7ff0000000000000\n", "not finite"),
	BAD("a=f:fff0000000000000\n", "not finite"),
	BAD("a=f:8000000000000000\n", "-0"),
	BAD("a=s:\x1f\n", "control character"),
	BAD("a=s:\t\n", "control character"),
	BAD("a=s:x\r\n", "control character"),
	BAD("a=s:\x7f\n", "control character"),
	BAD("a=s:\0\n", "control character"),
	BAD("a=s:\x80\n", "not UTF-8"),
	BAD("a=s:\xc0\xaf\n", "not UTF-8"),
	BAD("a=s:\xed\xa0\x80\n", "not UTF-8"),
	BAD("a=s:\xe2\x82\n", "not UTF-8"),
	BAD("a=s:\xf4\x90\x80\x80\n", "not UTF-8"),
	BAD("a.1=b:1\n", "have gaps"),
	BAD("a.0=b:1\na.2=b:1\n", "have gaps"),
	BAD("a.0=b:1\na.99999999999999999999999999=b:1\n", "have gaps"),
	BAD("a.0=b:1\na.2=b:1\nb=b:1\n", "have gaps"),
	BAD("a.b.0.c=b:1\na.b.2.c=b:1\n", "have gaps"),
	BAD("a.0=b:1\na.b=b:1\n", "indices and keys"),
	BAD("a.b.0=b:1\na.b.c.d=b:1\n", "indices and keys"),
	BAD("a=b:1\na.b=b:1\n", "a value and names below"),
	BAD("a.b=b:1\na.b.0=b:1\n", "a value and names below"),
};

static void
each_rule(void **state)
{
	(void) state;
	for (size_t i = 0; i < LENGTH(bad); i++)
	{
		FedSecaggError err = {0};
		char	   *copy = malloc(bad[i].len + 1);	/* of the exact length, for the sanitizer */
		FedTaskText *task;

		memcpy(copy, bad[i].text, bad[i].len);
		task = fed_task_text_parse(copy, bad[i].len, &err);
		free(copy);
		if (task != NULL)
			fail_msg("taken: %s", bad[i].text);
		assert_int_equal(err.code, FED_SECAGG_MALFORMED);
		if (strstr(err.message, bad[i].reason) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, err.message, bad[i].reason);
	}
}

static void
limits(void **state)
{
	static char text[FED_TASK_TEXT_BYTES + 1];
	FedTaskText *task;

	(void) state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "a=s:", 4);
	text[FED_TASK_TEXT_BYTES - 1] = '\n';
	task = fed_task_text_parse(text, FED_TASK_TEXT_BYTES, NULL);
	assert_non_null(task);
	assert_int_equal(fed_task_text_entry(task, 0)->string_len, FED_TASK_TEXT_BYTES - 5);
	fed_task_text_free(task);
	text[FED_TASK_TEXT_BYTES - 1] = 'x';
	text[FED_TASK_TEXT_BYTES] = '\n';
	assert_null(fed_task_text_parse(text, FED_TASK_TEXT_BYTES + 1, NULL));

	/* the deepest name there can be */
	for (size_t i = 0; i < FED_TASK_TEXT_BYTES; i++)
		text[i] = i % 2 == 0 ? 'a' : '.';
	memcpy(text + FED_TASK_TEXT_BYTES - 6, ".a=b:1\n" + 1, 6);
	task = fed_task_text_parse(text, FED_TASK_TEXT_BYTES, NULL);
	assert_non_null(task);
	fed_task_text_free(task);
}

static const char good[] =
	"a=b:0\n"
	"a_=b:1\n"
	"b.c.d=i:-9223372036854775808\n"
	"b.c.e=i:9223372036854775807\n"
	"b.f=i:0\n"
	"list.0=f:0000000000000000\n"
	"list.1=f:bff0000000000000\n"
	"list.10=i:10\n"
	"list.2=i:2\n"
	"list.3=i:3\n"
	"list.4.0=i:40\n"
	"list.4.1.x=i:41\n"
	"list.5=i:5\n"
	"list.6=i:6\n"
	"list.7=i:7\n"
	"list.8=i:8\n"
	"list.9=i:9\n"
	"s=s:\n"
	"z=s:a=b:\xc3\xa4 \xf0\x9f\x9a\xa2\n";

static void
good_text(void **state)
{
	FedTaskText *task = fed_task_text_parse(good, sizeof(good) - 1, NULL);
	FedTaskEntry entries[32];
	size_t		n;
	char	   *text;
	size_t		len;

	(void) state;
	assert_non_null(task);
	n = fed_task_text_count(task);
	assert_int_equal(n, 19);
	assert_null(fed_task_text_entry(task, n));
	assert_true(fed_task_text_find(task, "b.c.d")->integer == INT64_MIN);
	assert_true(fed_task_text_find(task, "list.1")->real == -1.0);
	assert_int_equal(fed_task_text_find(task, "s")->string_len, 0);
	assert_string_equal(fed_task_text_find(task, "z")->string, "a=b:\xc3\xa4 \xf0\x9f\x9a\xa2");
	assert_null(fed_task_text_find(task, "b"));
	assert_null(fed_task_text_find(task, "zz"));
	for (size_t i = 0; i < n; i++)
		entries[i] = *fed_task_text_entry(task, (i * 7) % n);
	assert_true(fed_task_text_build(entries, n, &text, &len, NULL));
	assert_int_equal(len, sizeof(good) - 1);
	assert_string_equal(text, good);
	free(text);
	fed_task_text_free(task);
}

static void
built_canonically(void **state)
{
	static const FedTaskEntry entries[] = {
		{.name = "z", .type = FED_TASK_REAL, .real = -0.0},
		{.name = "a", .type = FED_TASK_BOOLEAN, .boolean = true},
		{.name = "m", .type = FED_TASK_REAL, .real = 0.1}
	};
	char	   *text;
	size_t		len;

	(void) state;
	assert_true(fed_task_text_build(entries, LENGTH(entries), &text, &len, NULL));
	assert_string_equal(text, "a=b:1\nm=f:3fb999999999999a\nz=f:0000000000000000\n");
	assert_int_equal(len, strlen(text));
	free(text);
}

static void
builder_refuses(void **state)
{
	static char long_string[FED_TASK_TEXT_BYTES];
	const FedTaskEntry cases[][2] = {
		{{.name = "a", .type = FED_TASK_REAL, .real = NAN}, {.name = "b"}},
		{{.name = "a", .type = FED_TASK_REAL, .real = -INFINITY}, {.name = "b"}},
		{{.name = "a", .type = FED_TASK_STRING, .string = "x\nb=b:1", .string_len = 7}, {.name = "c"}},
		{{.name = "a", .type = FED_TASK_STRING, .string = "\xff", .string_len = 1}, {.name = "c"}},
		{{.name = "a", .type = FED_TASK_STRING, .string = long_string, .string_len = sizeof(long_string)}, {.name = "c"}},
		{{.name = "a=b:1\nb"}, {.name = "c"}},
		{{.name = "a"}, {.name = "a"}},
		{{.name = "a"}, {.name = "a.b"}},
		{{.name = "a.0"}, {.name = "a.2"}},
		{{.name = ""}, {.name = "a"}}
	};
	char	   *text;
	size_t		len;

	(void) state;
	memset(long_string, 'x', sizeof(long_string));
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		FedSecaggError err = {0};

		if (fed_task_text_build(cases[i], 2, &text, &len, &err))
			fail_msg("case %zu was built: %s", i, text);
		assert_int_equal(err.code, FED_SECAGG_MALFORMED);
	}
	assert_false(fed_task_text_build(cases[0], 0, &text, &len, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(limits),
		cmocka_unit_test(good_text),
		cmocka_unit_test(built_canonically),
		cmocka_unit_test(builder_refuses)
	};

	return RUN_TESTS(tests);
}
