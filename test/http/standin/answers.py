"""From a request to its answer: what is meant, the transaction, status and headers."""

import dataclasses
import json

import psycopg

from standin import database, openapi, statements
from standin.errors import ApiError, from_database, phrase
from standin.filters import Reading, is_filter
from standin.requests import OBJECT, json_members, query_arguments, text_of

WRITES = {"POST": 201, "PATCH": 204, "DELETE": 204}
JSON_TYPES = ("application/json", "*/*")


@dataclasses.dataclass
class Answer:
    status: int
    headers: list
    body: bytes = b""
    reason: str = ""


def answer(request, state):
    """`state` has config, cache and pool as they are at the moment."""
    kind, name = request.target
    if kind == "root":
        return answer_root(request, state)
    if kind == "rpc":
        return answer_call(request, state, name)
    return answer_relation(request, state, name)


def run(request, state, statement, parameters, read_only, settings=(), check=lambda row: None):
    """The transaction of a request; `check` may still refuse its result."""
    try:
        with state.pool.connection() as connection, database.transaction(connection, read_only):
            database.prepare(connection, state.config, state.cache, request, settings)
            if callable(statement):
                return statement(connection)
            row = database.fetch_bytes(connection, statement, parameters)
            check(row)
            return row
    except psycopg.DataError as error:
        if error.diag.sqlstate:
            raise from_database(error, request.authenticated) from None
        raise ApiError(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00') from None
    except psycopg.Error as error:
        raise from_database(error, request.authenticated) from None


def allowed(methods):
    return Answer(200, [("Access-Control-Allow-Origin", "*"), ("Allow", ",".join(methods))])


# The root: what there is -------------------------------------------------------------------------

def answer_root(request, state):
    if request.method == "OPTIONS":
        return allowed(["OPTIONS", "GET", "HEAD"])
    if request.method not in ("GET", "HEAD"):
        raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")
    if state.config.openapi_mode == "disabled":
        raise ApiError(404, "PGRST126", "Root endpoint metadata is disabled")
    if not {"application/openapi+json", *JSON_TYPES} & set(request.accepts):
        raise not_acceptable(request)
    document = run(request, state, lambda connection: openapi.document(connection, state), None, read_only=True)
    body = b"" if request.method == "HEAD" else json.dumps(document).encode()
    return Answer(200, [("Content-Type", "application/openapi+json; charset=utf-8")], body)


# Functions ---------------------------------------------------------------------------------------

def answer_call(request, state, name):
    if request.method not in ("GET", "HEAD", "POST", "OPTIONS"):
        raise ApiError(405, "PGRST101", f"Cannot use the {request.method} method on RPC")
    if request.method == "POST":
        function, arguments, others = call_with_body(request, state.cache, name)
    else:
        function, arguments, others = call_with_query(request, state.cache, name)
    if request.method == "OPTIONS":
        return allowed(["OPTIONS", "POST"] if function.volatile else ["OPTIONS", "GET", "HEAD", "POST"])
    max_rows = state.config.max_rows if function.composite or function.returns_set else None
    reading = Reading(others, max_rows, request.headers.get("range") if request.method == "GET" else None)
    media, body = negotiate_function(request, function, reading)
    statement, parameters = statements.call_function(function, arguments, reading, body, request.counts)
    read_only = request.method != "POST" or not function.volatile
    row = run(request, state, statement, parameters, read_only, function.settings, singular(media))
    return finish(request, row, reading, media, function.returns_void)


def call_with_query(request, cache, name):
    others = [(k, v) for k, v in request.arguments if k in ("select", "order", "limit", "offset") or is_filter(k, v)]
    values = dict(pair for pair in request.arguments if pair not in others)
    function = find_function(cache, name, set(values), request)
    return function, statements.from_values(function, values), others


def call_with_body(request, cache, name):
    kind = request.content_type
    if kind == "application/json":
        names = json_members(request.body) if request.body else set()
        payload = text_of(request.body)
    elif kind == "application/x-www-form-urlencoded":
        payload = dict(query_arguments(text_of(request.body)))
        names = set(payload)
    elif kind == "application/octet-stream":
        names, payload = set(), request.body
    elif kind in ("text/plain", "text/xml"):
        names, payload = set(), text_of(request.body)
    else:
        raise ApiError(400, "PGRST102", f"Content-Type not acceptable: {kind}")
    function = find_function(cache, name, names, request)
    if function.unnamed_type():
        return function, statements.from_body(function, payload), request.arguments
    if isinstance(payload, dict):
        return function, statements.from_values(function, payload), request.arguments
    return function, statements.from_json(function, names, payload), request.arguments


UNNAMED = {"application/json": ("json", "jsonb"), "text/plain": ("text",), "text/xml": ("xml",),
           "application/octet-stream": ("bytea",)}


def find_function(cache, name, names, request):
    """The function that takes these names; else one that takes the whole body."""
    overloads = cache.functions.get(name, [])
    raw = request.method == "POST" and request.content_type not in ("application/json",
                                                                    "application/x-www-form-urlencoded")
    found = [] if raw else [function for function in overloads
                            if not function.unnamed_type() and function.accepts(names)]
    if not found and request.method == "POST":
        types = UNNAMED.get(request.content_type, ())
        found = [function for function in overloads if function.unnamed_type() in types]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{f.schema}.{f.name}({', '.join(f'{p.name} => {p.type}' for p in f.parameters)})"
                           for f in found)
        raise ApiError(300, "PGRST203", f"Could not choose the best candidate function between: {listed}",
                       hint="Try renaming the parameters or the function itself in the database so function"
                            " overloading can be resolved")
    raise no_function(f"{cache.schema}.{name}", sorted(names), request, raw)


def no_function(name, names, request, raw):
    message = name if raw else f"{name}({', '.join(names)})" if names else f"{name} without parameters"
    searched = f" with parameter{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else " without parameters"
    if raw:
        searched = f" with a single unnamed {UNNAMED[request.content_type][0]} parameter"
    elif request.method == "POST" and request.content_type == "application/json":
        searched += " or with a single unnamed json/jsonb parameter"
    return ApiError(404, "PGRST202", f"Could not find the function {message} in the schema cache",
                    f"Searched for the function {name}{searched}, but no matches were found in the schema cache.")


def negotiate_function(request, function, reading):
    """The media type of the answer and the SQL that makes its body."""
    default_select = reading.select == "*"
    for accepted in request.accepts:
        if function.media and default_select and function.media in (accepted, "*/*"):
            return ("application/octet-stream" if function.media == "*/*" else function.media,
                    "(array_agg(_postgrest_t.pgrst_scalar))[1]" if request.method != "HEAD" else "''::text")
        if accepted in (*JSON_TYPES, OBJECT):
            media = "application/json" if accepted == "*/*" else accepted
            return media, function_body(function, media, request.method)
    raise not_acceptable(request)


def function_body(function, media, method):
    if method == "HEAD" or function.returns_void:
        return "''::text"
    rows = "_postgrest_t" if function.composite else "_postgrest_t.pgrst_scalar"
    if function.returns_set and media != OBJECT:
        return f"coalesce(json_agg({rows}), '[]')::text"
    return f"coalesce(json_agg({rows})->0, 'null')::text"


# Relations ---------------------------------------------------------------------------------------

def answer_relation(request, state, name):
    relation = state.cache.relations.get(name)
    if request.method not in ("GET", "HEAD", "OPTIONS", "PUT", *WRITES):
        raise ApiError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")
    if relation is None:
        raise ApiError(404, "PGRST205", f"Could not find the table '{state.cache.schema}.{name}' in the schema cache")
    if request.method == "OPTIONS":
        return allowed(relation.methods())
    if request.method in ("GET", "HEAD"):
        return read(request, state, relation)
    return write(request, state, relation)


def read(request, state, relation):
    reading = Reading(request.arguments, state.config.max_rows,
                      request.headers.get("range") if request.method == "GET" else None)
    media = next((accepted for accepted in request.accepts if accepted in (*JSON_TYPES, OBJECT)), None)
    if media is None:
        raise not_acceptable(request)
    media = "application/json" if media == "*/*" else media
    body = ("''::text" if request.method == "HEAD" else
            "coalesce(json_agg(_postgrest_t)->0, 'null')::text" if media == OBJECT else
            "coalesce(json_agg(_postgrest_t), '[]')::text")
    statement, parameters = statements.read_relation(relation, reading, body, request.counts)
    row = run(request, state, statement, parameters, True, check=singular(media))
    return finish(request, row, reading, media)


def write(request, state, relation):
    """Only as far as the database lets it: what comes back is never represented."""
    if request.method == "PUT":
        raise ApiError(405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators")
    reading = Reading(request.arguments, None, None)
    names = [] if request.method == "DELETE" else sorted(json_members(request.body))
    missing = sorted(set(names) - {column for column, _ in relation.columns})
    if missing:
        raise ApiError(400, "PGRST204",
                       f"Could not find the '{missing[0]}' column of '{relation.name}' in the schema cache")
    payload = text_of(request.body)
    if request.method == "POST":
        statement = statements.insert(relation, names, payload)
    elif request.method == "PATCH":
        statement = statements.update(relation, names, payload, reading)
    else:
        statement = statements.delete(relation, reading)
    run(request, state, lambda connection: connection.execute(*statement), None, read_only=False)
    return Answer(WRITES[request.method], [("Content-Range", "*/*")])


# Both --------------------------------------------------------------------------------------------

def not_acceptable(request):
    return ApiError(406, "PGRST107", f"None of these media types are available: {', '.join(request.accepts)}")


def singular(media):
    """A check that refuses any other number of rows than one, if one object was asked for."""
    def check(row):
        if media == OBJECT and int(row[1]) != 1:
            raise ApiError(406, "PGRST116", "Cannot coerce the result to a single JSON object",
                           f"The result contains {int(row[1])} rows")
    return check


def finish(request, row, reading, media, void=False):
    """Status and headers, which the database may have set otherwise."""
    total, rows = row[0] and int(row[0]), int(row[1])
    status, content_range = range_answer(reading.offset, rows, total)
    headers = [("Content-Range", content_range)]
    if void:
        status = 204
    else:
        headers.append(("Content-Type", content_type(media)))
    given = set_headers(row[4])
    names = {name.lower() for name, _ in given}
    headers = [pair for pair in headers if pair[0].lower() not in names] + given
    body = b"" if void or request.method == "HEAD" else row[2] or b""
    status = set_status(row[3], status)
    return Answer(status, headers, body, phrase(status))


def range_answer(offset, rows, total):
    if total is not None and offset > total:
        raise ApiError(416, "PGRST103", "Requested range not satisfiable",
                       f"An offset of {offset} was requested, but there are only {total} rows.",
                       headers=[("Content-Range", f"*/{total}")])
    span = f"{offset}-{offset + rows - 1}" if rows else "*"
    return (206 if total is not None and rows < total else 200), f"{span}/{'*' if total is None else total}"


def content_type(media):
    known = ("application/json", OBJECT, "text/plain", "text/csv", "text/xml")
    return media + "; charset=utf-8" if media in known else media


def set_status(given, status):
    if given is None:
        return status
    try:
        return int(given)
    except ValueError:
        raise ApiError(500, "PGRST112", "response.status guc must be a valid status code") from None


def set_headers(given):
    if given is None:
        return []
    try:
        value = json.loads(given)
        pairs = [pair for each in value for pair in each.items()]
        if not all(len(each) == 1 for each in value) or not all(isinstance(text, str) for _, text in pairs):
            raise ValueError
        return pairs
    except (ValueError, AttributeError, TypeError):
        raise ApiError(500, "PGRST111", "response.headers guc must be a JSON array composed of objects with a single"
                                        " key and a string value") from None
