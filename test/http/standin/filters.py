"""The query string as SQL: select, order, limit, offset and col=op.value."""

import re

from standin.config import quote
from standin.errors import ApiError

OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "like": "LIKE",
             "ilike": "ILIKE", "match": "~", "imatch": "~*", "cs": "@>", "cd": "<@", "isdistinct": "IS DISTINCT FROM"}
IS = {"null": "NULL", "not_null": "NOT NULL", "true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN"}
RESERVED = ("select", "order", "limit", "offset", "columns", "on_conflict")
STEP = r"(->>?)((?:\w|-(?!>))+)"
FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)+)"|([\w $-]*[\w$]))((?:->>?(?:\w|-(?!>))+)*)')
ORDER = re.compile(r"(.+?)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?")


class Query:
    """A statement under construction: values go in by name, so that no text is ever part of it."""

    def __init__(self):
        self.parameters = {}

    def value(self, value):
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})b" if isinstance(value, bytes) else f"%({name})s"


def identifier(name):
    return quote(name).replace("%", "%%")


def is_filter(key, value):
    """Whether a query argument of a function is a filter on its result instead."""
    return "." in key or re.split(r"[.(]", value)[0] in ("not", "is", "in", "fts", *OPERATORS)


def bad(what, value, details="unexpected input"):
    return ApiError(400, "PGRST100", f'"failed to parse {what} ({value})" (line 1, column 1)', details)


def unsupported(what):
    return ApiError(501, "PGRST127", "Feature not implemented", f"The stand-in for PostgREST has no {what}.")


class Reading:
    """What to read from a source (a relation or a function's result), and in which order."""

    def __init__(self, arguments, max_rows, range_header):
        values = dict(arguments)
        if values.keys() & {"and", "or"}:
            raise unsupported("logic trees")
        self.select = values.get("select", "*")
        self.order = values.get("order", "")
        self.filters = [(key, value) for key, value in arguments if key not in RESERVED]
        self.offset = whole_number(values.get("offset"), 0)
        self.limit = whole_number(values.get("limit"), None)
        self.restrict(range_header)
        if max_rows is not None:
            self.limit = max_rows if self.limit is None else min(self.limit, max_rows)

    def restrict(self, range_header):
        """To the rows that a Range header asks for."""
        match = re.fullmatch(r"(?:items=)?(\d+)-(\d*)", range_header or "")
        if not match:
            return
        first = int(match[1])
        self.offset += first
        if match[2]:
            if int(match[2]) < first:
                raise ApiError(416, "PGRST103", "Requested range not satisfiable",
                               "The lower boundary must be lower than or equal to the upper boundary in the"
                               " Range header.")
            rows = int(match[2]) - first + 1
            self.limit = rows if self.limit is None else min(self.limit, rows)

    def sql(self, query, source):
        return (f"SELECT {columns(query, self.select)} FROM {source}{self.where(query)}{self.order_by(query)}"
                f" LIMIT {'ALL' if self.limit is None else self.limit} OFFSET {self.offset}")

    def where(self, query):
        conditions = [condition(query, key, value) for key, value in self.filters]
        return " WHERE " + " AND ".join(conditions) if conditions else ""

    def order_by(self, query):
        terms = [order_term(query, term) for term in split_list(self.order)]
        return " ORDER BY " + ", ".join(terms) if terms else ""


def whole_number(text, missing):
    if text is None or not re.fullmatch(r"-?\d{1,18}", text):
        return missing
    if int(text) < 0:
        raise ApiError(416, "PGRST103", "Requested range not satisfiable",
                       "Limit should be greater than or equal to zero.")
    return int(text)


def split_list(text):
    """Commas separate, but not within double quotes."""
    return [item.strip() for item in re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+', text)]


def field(query, text, what):
    """A column, with the path into it if it is JSON."""
    match = FIELD.fullmatch(text.strip())
    if not match:
        raise bad(what, text, "expecting field name (* or [a..z0..9_$])")
    quoted, bare, path = match.groups()
    column = identifier(re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
    if not path:
        return column
    steps = re.findall(STEP, path)
    return f"to_jsonb({column})" + "".join(
        arrow + (step if re.fullmatch(r"-?\d{1,9}", step) else query.value(step) + "::text") for arrow, step in steps)


def columns(query, select):
    return ", ".join(column(query, item) for item in split_list(select)) or "*"


def column(query, item):
    if item == "*":
        return "*"
    if "(" in item:
        raise unsupported("embedding")
    match = re.fullmatch(r"(?:([\w $-]+):(?!:))?(.+?)(?:::(\w+))?", item)
    if not match:
        raise bad("select parameter", item)
    alias, name, cast = match.groups()
    expression = field(query, name, "select parameter")
    alias = alias or (re.split("->>?", name)[-1] if "->" in name or cast else None)
    if cast:
        expression = f"CAST({expression} AS {identifier(cast)})"
    return f"{expression} AS {identifier(alias)}" if alias else expression


def order_term(query, term):
    name, direction, nulls = ORDER.fullmatch(term).groups()
    nulls = {None: "", "nullsfirst": " NULLS FIRST", "nullslast": " NULLS LAST"}[nulls]
    return field(query, name, "order") + {None: "", "asc": " ASC", "desc": " DESC"}[direction] + nulls


def condition(query, key, text):
    if "." in key:
        raise unsupported("filters on embedded resources")
    negated = text.startswith("not.")
    operator, dot, operand = text.removeprefix("not.").partition(".")
    if not dot or operator not in ("is", "in", *OPERATORS):
        raise bad("filter", text, 'expecting "not" or operator (eq, gt, ...)')
    return ("NOT " if negated else "") + comparison(query, field(query, key, "tree path"), operator, operand, text)


def comparison(query, column_sql, operator, operand, text):
    if operator == "is":
        if operand.lower() not in IS:
            raise bad("filter", text, "expecting isVal: (null, not_null, true, false, unknown)")
        return f"{column_sql} IS {IS[operand.lower()]}"
    if operator == "in":
        if not (operand.startswith("(") and operand.endswith(")")):
            raise bad("filter", text, 'expecting "("')
        return f"{column_sql} = ANY ({query.value(array_literal(split_list(operand[1:-1])))})"
    if operator in ("like", "ilike"):
        operand = operand.replace("*", "%")
    return f"{column_sql} {OPERATORS[operator]} {query.value(operand)}"


def array_literal(items):
    plain = (re.sub(r"\\(.)", r"\1", item[1:-1]) if item.startswith('"') and item.endswith('"') else item
             for item in items)
    return "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in plain) + "}"
