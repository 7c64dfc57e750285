"""The document at the root: what the role may use, in Swagger 2.0."""

CALLABLE = "SELECT oid FROM unnest(%s::oid[]) oid WHERE has_function_privilege(oid, 'EXECUTE')"
READABLE = "SELECT oid FROM unnest(%s::oid[]) oid WHERE has_table_privilege(oid, 'SELECT')"
KINDS = {"integer": "integer", "bigint": "integer", "smallint": "integer", "double precision": "number",
         "numeric": "number", "real": "number", "boolean": "boolean", "json": "object", "jsonb": "object"}


def document(connection, state):
    functions = [function for overloads in state.cache.functions.values() for function in overloads]
    relations = list(state.cache.relations.values())
    if state.config.openapi_mode == "follow-privileges":
        functions = permitted(connection, CALLABLE, functions)
        relations = permitted(connection, READABLE, relations)
    paths = {"/" + relation.name: {"get": describe(relation.comment, relation.name)} for relation in relations}
    paths.update({"/rpc/" + function.name: describe_calls(function) for function in functions})
    return {
        "swagger": "2.0",
        "info": {"title": "standard public schema", "version": "postgrest-standin"},
        "basePath": "/",
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": {relation.name: definition(relation) for relation in relations},
    }


def permitted(connection, question, things):
    oids = {oid for oid, in connection.execute(question, [[thing.oid for thing in things]])}
    return [thing for thing in things if thing.oid in oids]


def describe(comment, tag):
    summary, _, description = (comment or "").partition("\n")
    texts = {key: text for key, text in (("summary", summary), ("description", description.strip())) if text}
    return {"tags": [tag], **texts, "responses": {"200": {"description": "OK"}}}


def describe_calls(function):
    tag = "(rpc) " + function.name
    schema = {"type": "object", "required": [p.name for p in function.parameters if p.required],
              "properties": {p.name: kind_of(p.type) for p in function.parameters}}
    post = {**describe(function.comment, tag), "produces": [function.media or "application/json"],
            "parameters": [{"name": "args", "in": "body", "required": True, "schema": schema}]}
    if function.volatile:
        return {"post": post}
    in_query = [{"name": p.name, "in": "query", "required": p.required, **kind_of(p.type)} for p in function.parameters]
    return {"get": {**describe(function.comment, tag), "parameters": in_query}, "post": post}


def definition(relation):
    columns = {name: kind_of(type_name) for name, type_name in relation.columns}
    return {"type": "object", "description": relation.comment, "properties": columns}


def kind_of(type_name):
    return {"type": KINDS.get(type_name, "string"), "format": type_name}
