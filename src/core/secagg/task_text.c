/*
 * task_text.c
 *		The canonical text of a task.
 *
 * The builder writes and then parses, so that nothing is built which would not
 * be taken.
 */
#include "core/secagg/task_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

struct FedTaskText
{
	char	   *copy;			/* the text, cut up by NULs */
	FedTaskEntry *entries;
	size_t		n;
};

static bool
fail(FedSecaggError *err, size_t line, const char *reason)
{
	return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
						   "task text, line %zu: %s", line, reason);
}

static bool
out_of_memory(FedSecaggError *err)
{
	return fed_secagg_fail(err, FED_SECAGG_FAILED, "out of memory");
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static size_t
segment_length(const char *name)
{
	return strcspn(name, ".");
}

/* NULL if a segment is an object's key or an array's index, else why not. */
static const char *
judge_segment(const char *segment, size_t len)
{
	if (len < 1 || len > FED_TASK_SEGMENT)
		return "a segment of a name has 1 to 63 characters";
	for (size_t i = 0; i < len; i++)
	{
		if (!is_letter(segment[i]) && !is_digit(segment[i]) && segment[i] != '_')
			return "a name has a character other than a-z, 0-9 and _";
		if (is_digit(segment[0]) && !is_digit(segment[i]))
			return "a key of an object begins with a letter";
	}
	if (segment[0] == '_')
		return "a key of an object begins with a letter";
	if (segment[0] == '0' && len > 1)
		return "an index has no leading zeros";
	return NULL;
}

static const char *
judge_name(const char *name)
{
	if (is_digit(name[0]))
		return "a name begins with a letter";
	for (;;)
	{
		size_t		len = segment_length(name);
		const char *reason = judge_segment(name, len);

		if (reason != NULL || name[len] == '\0')
			return reason;
		name += len + 1;
	}
}

/* NULL if bytes may stand in a string. */
static const char *
judge_string(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *) bytes;

	for (size_t i = 0; i < len;)
	{
		size_t		step = fed_utf8_sequence(s + i, len - i);

		if (step == 0)
			return "a string is not UTF-8";
		if (s[i] < 0x20 || s[i] == 0x7f)
			return "a string has a control character";
		i += step;
	}
	return NULL;
}

/* Decimal, int64, the shortest form. */
static const char *
read_integer(const char *text, size_t len, int64_t *out)
{
	static const char *const form = "an integer is not in its shortest decimal form";
	bool		negative = len > 0 && text[0] == '-';
	size_t		at = negative;
	uint64_t	limit = negative ? (uint64_t) INT64_MAX + 1 : INT64_MAX;
	uint64_t	value = 0;

	if (at == len || (text[at] == '0' && (len > at + 1 || negative)))
		return form;
	for (; at < len; at++)
	{
		unsigned	digit = (unsigned char) text[at] - '0';

		if (digit > 9)
			return form;
		if (value > (limit - digit) / 10)
			return "an integer is beyond 64 bits";
		value = value * 10 + digit;
	}
	*out = negative ? (int64_t) (0 - value) : (int64_t) value;
	return NULL;
}

/* The bits of a finite binary64, zero without a sign. */
static const char *
read_real(const char *text, size_t len, double *out)
{
	uint64_t	bits = 0;

	if (len != 16)
		return "a real has 16 hexadecimal digits";
	for (size_t i = 0; i < len; i++)
	{
		if (is_digit(text[i]))
			bits = bits << 4 | (uint64_t) (text[i] - '0');
		else if (text[i] >= 'a' && text[i] <= 'f')
			bits = bits << 4 | (uint64_t) (text[i] - 'a' + 10);
		else
			return "a real has 16 hexadecimal digits, in lower case";
	}
	memcpy(out, &bits, sizeof(*out));
	if (!isfinite(*out))
		return "a real is not finite";
	if (bits == UINT64_C(1) << 63)
		return "a real is -0, which is written as 0";
	return NULL;
}

/* value is what follows `=`, len bytes and a NUL. */
static const char *
read_value(const char *value, size_t len, FedTaskEntry *entry)
{
	const char *content = value + 2;

	if (len < 2 || value[1] != ':')
		return "a value begins with b:, i:, f: or s:";
	len -= 2;
	switch (value[0])
	{
		case 'b':
			entry->type = FED_TASK_BOOLEAN;
			entry->boolean = content[0] == '1';
			if (len != 1 || (content[0] != '0' && content[0] != '1'))
				return "a boolean is 0 or 1";
			return NULL;
		case 'i':
			entry->type = FED_TASK_INTEGER;
			return read_integer(content, len, &entry->integer);
		case 'f':
			entry->type = FED_TASK_REAL;
			return read_real(content, len, &entry->real);
		case 's':
			entry->type = FED_TASK_STRING;
			entry->string = content;
			entry->string_len = len;
			return judge_string(content, len);
		default:
			return "a value begins with b:, i:, f: or s:";
	}
}

/* One line, without its LF, which has become a NUL. */
static const char *
read_line(char *line, size_t len, FedTaskEntry *entry)
{
	char	   *equals = memchr(line, '=', len);
	const char *reason;

	if (equals == NULL)
		return "a line has no =";
	*equals = '\0';
	entry->name = line;
	if (strlen(line) != (size_t) (equals - line))
		return "a name has a zero byte";
	reason = judge_name(line);
	if (reason != NULL)
		return reason;
	return read_value(equals + 1, len - (size_t) (equals + 1 - line), entry);
}

/* All lines; names must ascend. */
static bool
read_lines(FedTaskText *task, size_t len, FedSecaggError *err)
{
	char	   *line = task->copy;
	char	   *end = line + len;

	for (size_t i = 0; line < end; i++)
	{
		char	   *lf = memchr(line, '\n', (size_t) (end - line));
		const char *reason;

		*lf = '\0';				/* there is one: the text ends with it */
		reason = read_line(line, (size_t) (lf - line), &task->entries[i]);
		if (reason != NULL)
			return fail(err, i + 1, reason);
		if (i > 0 && strcmp(task->entries[i - 1].name, task->entries[i].name) >= 0)
			return fail(err, i + 1, "names are not strictly ascending");
		task->n = i + 1;
		line = lf + 1;
	}
	return true;
}

/* An object or an array on the path of the name that is looked at. */
typedef struct Container
{
	bool		array;
	size_t		children;
	size_t		highest;		/* index, of an array */
} Container;

/* An index as a number; long ones are as large as no text has entries. */
static size_t
index_of(const char *segment, size_t len)
{
	size_t		index = 0;

	for (size_t i = 0; i < len && index < FED_TASK_TEXT_BYTES; i++)
		index = index * 10 + (size_t) (segment[i] - '0');
	return index;
}

static const char *
judge_end(const Container *container)
{
	if (container->array && container->highest != container->children - 1)
		return "indices of an array have gaps";
	return NULL;
}

/* Puts a new child into its container. */
static const char *
add_child(Container *container, const char *segment)
{
	bool		index = is_digit(segment[0]);
	size_t		number = index ? index_of(segment, segment_length(segment)) : 0;

	if (container->children == 0)
		container->array = index;
	else if (container->array != index)
		return "indices and keys in one object";
	container->children++;
	if (number > container->highest)
		container->highest = number;
	return NULL;
}

/*
 * How many leading segments two names share; *rest is then where the second
 * goes on, NULL if it ends. *ended is whether the first ends there.
 */
static size_t
shared_segments(const char *before, const char *name, const char **rest,
				bool *ended)
{
	size_t		shared = 0;

	for (;;)
	{
		size_t		len = segment_length(name);

		if (segment_length(before) != len || memcmp(before, name, len) != 0)
		{
			*rest = name;
			*ended = false;
			return shared;
		}
		shared++;
		*ended = before[len] == '\0';
		*rest = name[len] == '\0' ? NULL : name + len + 1;
		if (*ended || *rest == NULL)
			return shared;
		before += len + 1;
		name += len + 1;
	}
}

/*
 * One more name: closes the containers that it is not in, and opens those that
 * it is the first in. path[0] is the whole task, *depth the number of open ones.
 */
static const char *
follow(Container *path, size_t *depth, const char *before, const char *name)
{
	const char *rest = name;
	const char *reason = NULL;
	size_t		shared = 0;
	bool		ended = false;

	if (before != NULL)
		shared = shared_segments(before, name, &rest, &ended);
	if (ended)
		return "a name has a value and names below it";
	while (reason == NULL && *depth > shared + 1)
		reason = judge_end(&path[--*depth]);
	while (reason == NULL && rest != NULL)
	{
		size_t		len = segment_length(rest);

		reason = add_child(&path[*depth - 1], rest);
		rest = rest[len] == '\0' ? NULL : rest + len + 1;
		if (rest != NULL)
			path[(*depth)++] = (Container) {false, 0, 0};
	}
	return reason;
}

/* Objects and arrays: as names are sorted, what is in one stands together. */
static bool
check_shape(const FedTaskText *task, FedSecaggError *err)
{
	size_t		deepest = 1;
	size_t		depth = 1;
	const char *reason = NULL;
	Container  *path;
	size_t		i;

	for (i = 0; i < task->n; i++)
	{
		size_t		len = strlen(task->entries[i].name);

		deepest = len > deepest ? len : deepest;
	}
	path = calloc(deepest / 2 + 2, sizeof(Container));
	if (path == NULL)
		return out_of_memory(err);
	for (i = 0; reason == NULL && i < task->n; i++)
		reason = follow(path, &depth, i == 0 ? NULL : task->entries[i - 1].name,
						task->entries[i].name);
	while (reason == NULL && depth > 1)
		reason = judge_end(&path[--depth]);
	free(path);
	return reason == NULL || fail(err, i, reason);
}

static size_t
count_lines(const char *text, size_t len)
{
	size_t		lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

FedTaskText *
fed_task_text_parse(const char *text, size_t len, FedSecaggError *err)
{
	FedTaskText *task;

	if (len < 1 || len > FED_TASK_TEXT_BYTES)
	{
		fed_secagg_fail(err, FED_SECAGG_MALFORMED,
						"task text: %zu bytes are not 1 to %d", len, FED_TASK_TEXT_BYTES);
		return NULL;
	}
	if (text[len - 1] != '\n')
	{
		fed_secagg_fail(err, FED_SECAGG_MALFORMED,
						"task text: the last line does not end with LF");
		return NULL;
	}
	task = calloc(1, sizeof(FedTaskText));
	if (task != NULL)
	{
		task->copy = malloc(len);
		task->entries = calloc(count_lines(text, len), sizeof(FedTaskEntry));
	}
	if (task == NULL || task->copy == NULL || task->entries == NULL)
	{
		out_of_memory(err);
		fed_task_text_free(task);
		return NULL;
	}
	memcpy(task->copy, text, len);
	if (!read_lines(task, len, err) || !check_shape(task, err))
	{
		fed_task_text_free(task);
		return NULL;
	}
	return task;
}

size_t
fed_task_text_count(const FedTaskText *task)
{
	return task->n;
}

const FedTaskEntry *
fed_task_text_entry(const FedTaskText *task, size_t i)
{
	return i < task->n ? &task->entries[i] : NULL;
}

const FedTaskEntry *
fed_task_text_find(const FedTaskText *task, const char *name)
{
	size_t		low = 0;
	size_t		high = task->n;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;
		int			order = strcmp(task->entries[middle].name, name);

		if (order == 0)
			return &task->entries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void
fed_task_text_free(FedTaskText *task)
{
	if (task == NULL)
		return;
	free(task->entries);
	free(task->copy);
	free(task);
}

/* A text that grows up to FED_TASK_TEXT_BYTES. */
typedef struct Writer
{
	char	   *text;			/* has that room, and one byte more */
	size_t		len;
	bool		full;
} Writer;

static void
write_bytes(Writer *writer, const char *bytes, size_t len)
{
	if (len > FED_TASK_TEXT_BYTES - writer->len)
		writer->full = true;
	if (writer->full || len == 0)
		return;
	memcpy(writer->text + writer->len, bytes, len);
	writer->len += len;
}

static void write_format(Writer *writer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* A few bytes of text. */
static void
write_format(Writer *writer, const char *format,...)
{
	char		bytes[32];
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(bytes, sizeof(bytes), format, args);
	va_end(args);
	write_bytes(writer, bytes, (size_t) len);
}

static void
write_value(Writer *writer, const FedTaskEntry *entry)
{
	double		real = entry->real == 0 ? 0 : entry->real;	/* -0 is 0 */
	uint64_t	bits;

	memcpy(&bits, &real, sizeof(bits));
	switch (entry->type)
	{
		case FED_TASK_BOOLEAN:
			write_format(writer, "b:%d", entry->boolean ? 1 : 0);
			break;
		case FED_TASK_INTEGER:
			write_format(writer, "i:%" PRId64, entry->integer);
			break;
		case FED_TASK_REAL:
			write_format(writer, "f:%016" PRIx64, bits);
			break;
		case FED_TASK_STRING:
			write_bytes(writer, "s:", 2);
			write_bytes(writer, entry->string, entry->string_len);
			break;
	}
}

static int
compare_names(const void *a, const void *b)
{
	const FedTaskEntry *const *left = a;
	const FedTaskEntry *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

/*
 * The lines, sorted. Names and strings are judged here, as a `=` or LF in one
 * would make another line of it.
 */
static bool
write_lines(Writer *writer, const FedTaskEntry *const *sorted, size_t n,
			FedSecaggError *err)
{
	for (size_t i = 0; i < n; i++)
	{
		const FedTaskEntry *entry = sorted[i];
		const char *reason = judge_name(entry->name);

		if (reason == NULL && entry->type == FED_TASK_STRING)
			reason = judge_string(entry->string, entry->string_len);
		if (reason != NULL)
			return fail(err, i + 1, reason);
		write_bytes(writer, entry->name, strlen(entry->name));
		write_bytes(writer, "=", 1);
		write_value(writer, entry);
		write_bytes(writer, "\n", 1);
	}
	if (writer->full)
		return fed_secagg_fail(err, FED_SECAGG_MALFORMED,
							   "task text: more than %d bytes", FED_TASK_TEXT_BYTES);
	return true;
}

bool
fed_task_text_build(const FedTaskEntry *entries, size_t n, char **text,
					size_t *len, FedSecaggError *err)
{
	Writer		writer = {.text = malloc(FED_TASK_TEXT_BYTES + 1)};
	const FedTaskEntry **sorted = calloc(n + 1, sizeof(*sorted));
	FedTaskText *parsed = NULL;
	bool		ok = (writer.text != NULL && sorted != NULL) || out_of_memory(err);

	for (size_t i = 0; ok && i < n; i++)
		sorted[i] = &entries[i];
	if (ok)
	{
		qsort(sorted, n, sizeof(*sorted), compare_names);
		ok = write_lines(&writer, sorted, n, err);
	}
	if (ok)
		parsed = fed_task_text_parse(writer.text, writer.len, err);
	free(sorted);
	if (parsed == NULL)
	{
		free(writer.text);
		return false;
	}
	fed_task_text_free(parsed);
	writer.text[writer.len] = '\0';
	*text = writer.text;
	*len = writer.len;
	return true;
}
