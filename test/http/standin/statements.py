"""The main query of a request: a function's call, a relation's rows, or a write to them."""

from standin.filters import Query, identifier

# What is told about the answer besides its body: the settings that the function may have left.
ANSWER = """count(_postgrest_t)::text, {body},
    nullif(current_setting('response.status', true), ''), nullif(current_setting('response.headers', true), '')"""


def qualified(thing):
    return f"{identifier(thing.schema)}.{identifier(thing.name)}"


def read_relation(relation, reading, body, count):
    query = Query()
    source = qualified(relation)
    rows = reading.sql(query, source)
    total = f"(SELECT count(*)::text FROM {source}{reading.where(query)})" if count else "NULL"
    return f"WITH pgrst_source AS ({rows}) {answer('pgrst_source', total, body)}", query.parameters


def call_function(function, arguments, reading, body, count):
    """`arguments` is a function that writes FROM items and an argument list."""
    query = Query()
    source, given = arguments(query)
    call = f"{qualified(function)}({given})"
    if function.composite:
        call = f"SELECT pgrst_call.* FROM {source} LATERAL {call} pgrst_call" if source else f"SELECT * FROM {call}"
    elif source:
        call = f"SELECT pgrst_call.pgrst_scalar FROM {source} LATERAL (SELECT {call} pgrst_scalar) pgrst_call"
    else:
        call = f"SELECT {call} pgrst_scalar"
    rows = reading.sql(query, "pgrst_source")
    total = "(SELECT count(*)::text FROM pgrst_source)" if count else "NULL"
    return f"WITH pgrst_source AS ({call}) {answer(f'({rows})', total, body)}", query.parameters


def answer(rows, total, body):
    return f"SELECT {total}, {ANSWER.format(body=body)} FROM (SELECT * FROM {rows} r) _postgrest_t"


def insert(relation, names, payload):
    query = Query()
    listed = ", ".join(identifier(name) for name in names)
    rows = f"json_populate_recordset(NULL::{qualified(relation)}, {payload_rows(query, payload)})"
    values = f"({listed}) SELECT {listed} FROM {rows}" if names else " DEFAULT VALUES"
    return f"INSERT INTO {qualified(relation)}{values}", query.parameters


def update(relation, names, payload, reading):
    query = Query()
    body = f"json_populate_recordset(NULL::{qualified(relation)}, {payload_rows(query, payload)}) pgrst_body"
    assigned = ", ".join(f"{identifier(name)} = (SELECT {identifier(name)} FROM {body})" for name in names)
    return f"UPDATE {qualified(relation)} SET {assigned}{reading.where(query)}", query.parameters


def delete(relation, reading):
    query = Query()
    return f"DELETE FROM {qualified(relation)}{reading.where(query)}", query.parameters


def payload_rows(query, payload):
    value = query.value(payload)
    return f"CASE json_typeof({value}::json) WHEN 'array' THEN {value}::json ELSE json_build_array({value}::json) END"


# How a function gets its arguments ------------------------------------------------------------

def from_json(function, names, payload):
    """Named arguments from the members of a JSON object, or of the first one in an array."""
    given = [p for p in function.parameters if p.name in names]

    def arguments(query):
        if not given:
            return "", ""
        listed = ", ".join(identifier(p.name) for p in given)
        typed = ", ".join(f"{identifier(p.name)} {p.type}" for p in given)
        value = query.value(payload)
        document = f"CASE json_typeof({value}::json) WHEN 'array' THEN {value}::json->0 ELSE {value}::json END"
        source = f"(SELECT {listed} FROM json_to_record({document}) AS _({typed})) pgrst_args,"
        return source, ", ".join(f"{identifier(p.name)} := pgrst_args.{identifier(p.name)}" for p in given)

    return arguments


def from_values(function, values):
    """Named arguments from a query string or a form."""
    given = [p for p in function.parameters if p.name in values]
    return lambda query: ("", ", ".join(f"{identifier(p.name)} := {query.value(values[p.name])}::{p.type}"
                                        for p in given))


def from_body(function, payload):
    """The whole body as the one unnamed argument."""
    return lambda query: ("", f"{query.value(payload)}::{function.unnamed_type()}")
