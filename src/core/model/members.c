/*
 * members.c
 *		A walk over the members of the header's outermost JSON object.
 *
 * A header may be 100 MB, and a JSON tree of it twenty times that. So only the
 * outermost object is walked here, and each member is handed on as text, to be
 * parsed and thrown away on its own: the memory a hostile header can claim is
 * that of its largest member. The walk only finds where members end; that a
 * key or a value is valid JSON is for its parser to say.
 */
#include "core/model/internal.h"

/* A tensor's object holds arrays of numbers, and nothing below those. */
#define MAX_DEPTH 2

static void
skip_spaces(FedMembers *m)
{
	while (m->pos < m->end && (*m->pos == ' ' || *m->pos == '\t' ||
							   *m->pos == '\n' || *m->pos == '\r'))
		m->pos++;
}

/* Passes one character, spaces before it allowed; false if it isn't there. */
static bool
accept(FedMembers *m, char c)
{
	skip_spaces(m);
	if (m->pos == m->end || *m->pos != c)
		return false;
	m->pos++;
	return true;
}

static bool
fail_expected(const FedMembers *m, const char *what, FedModelError *err)
{
	if (m->pos == m->end)
		return fed_model_fail(err, FED_MODEL_BAD_JSON,
							  "the header ends after %zu bytes where %s is expected",
							  (size_t) (m->end - m->start), what);
	return fed_model_fail(err, FED_MODEL_BAD_JSON,
						  "the header is not valid JSON: %s is expected at byte %zu",
						  what, (size_t) (m->pos - m->start));
}

/* Passes a string, from its opening quote on. False if it never ends. */
static bool
skip_string(FedMembers *m)
{
	for (m->pos++; m->pos < m->end; m->pos++)
	{
		if (*m->pos == '"')
		{
			m->pos++;
			return true;
		}
		if (*m->pos == '\\' && m->pos + 1 < m->end)
			m->pos++;
	}
	return false;
}

/* Passes an object, from its opening brace to the matching closing one. */
static bool
skip_object(FedMembers *m, FedSpan key, FedModelError *err)
{
	int			depth = 0;

	while (m->pos < m->end)
	{
		char		c = *m->pos;

		if (c == '"')
		{
			if (!skip_string(m))
				break;
			continue;
		}
		m->pos++;
		if ((c == '{' || c == '[') && ++depth > MAX_DEPTH)
			return fed_model_fail(err, FED_MODEL_BAD_HEADER,
								  "the value of %.*s is nested too deeply, at byte %zu of the header",
								  SHOW_SPAN(key), (size_t) (m->pos - 1 - m->start));
		if ((c == '}' || c == ']') && --depth == 0)
			return true;
	}
	return fed_model_fail(err, FED_MODEL_BAD_JSON,
						  "the header ends after %zu bytes inside the value of %.*s",
						  (size_t) (m->end - m->start), SHOW_SPAN(key));
}

bool
fed_members_open(FedMembers *m, const char *text, size_t len,
				 FedModelError *err)
{
	m->start = text;
	m->pos = text;
	m->end = text + len;
	m->first = true;
	if (!accept(m, '{'))
		return fed_model_fail(err, FED_MODEL_BAD_HEADER,
							  "the header is not a JSON object: it does not start with \"{\"");
	return true;
}

/* After the closing brace only padding may follow. */
static FedMembersStep
finish(FedMembers *m, FedModelError *err)
{
	skip_spaces(m);
	if (m->pos == m->end)
		return FED_MEMBERS_DONE;
	fed_model_fail(err, FED_MODEL_BAD_JSON,
				   "the header goes on after the end of its JSON object, at byte %zu",
				   (size_t) (m->pos - m->start));
	return FED_MEMBERS_ERROR;
}

FedMembersStep
fed_members_next(FedMembers *m, FedSpan *key, FedSpan *value,
				 FedModelError *err)
{
	if (accept(m, '}'))
		return finish(m, err);
	if (!m->first && !accept(m, ','))
	{
		fail_expected(m, "a comma or \"}\"", err);
		return FED_MEMBERS_ERROR;
	}
	m->first = false;

	skip_spaces(m);
	key->text = m->pos;
	if (m->pos == m->end || *m->pos != '"' || !skip_string(m))
	{
		fail_expected(m, m->pos == m->end ? "the end of a name" : "a name", err);
		return FED_MEMBERS_ERROR;
	}
	key->len = (size_t) (m->pos - key->text);

	if (!accept(m, ':'))
	{
		fail_expected(m, "a colon", err);
		return FED_MEMBERS_ERROR;
	}
	skip_spaces(m);
	value->text = m->pos;
	value->len = 0;
	if (m->pos == m->end || *m->pos != '{')
		return FED_MEMBERS_FOUND;
	if (!skip_object(m, *key, err))
		return FED_MEMBERS_ERROR;
	value->len = (size_t) (m->pos - value->text);
	return FED_MEMBERS_FOUND;
}
