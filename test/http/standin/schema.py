"""The schema cache: functions and relations of the exposed schema, as of the last reload."""

import dataclasses

FUNCTIONS = """
    SELECT p.proname, p.provolatile = 'v', p.proretset, p.prorettype = 'void'::regtype,
           coalesce(p.proargmodes::text[] && '{t,b,o}', false) OR coalesce(base.typtype, t.typtype) = 'c'
               OR p.prorettype = 'record'::regtype,
           CASE WHEN t.typtype = 'd' AND t.typname ~ '^([[:alnum:].-]+/[[:alnum:].+-]+|\\*/\\*)$' THEN t.typname END,
           coalesce(p.proargnames, '{}'), coalesce(p.proargmodes::text[], '{}'),
           ARRAY(SELECT format_type(a.type, NULL)
                 FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY a (type, n) ORDER BY n),
           p.pronargdefaults, coalesce(p.proconfig, '{}'), d.description, p.oid
    FROM pg_proc p
    JOIN pg_type t ON t.oid = p.prorettype
    LEFT JOIN pg_type base ON base.oid = nullif(t.typbasetype, 0)
    LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass AND d.objsubid = 0
    WHERE p.pronamespace = to_regnamespace(%s) AND p.prokind = 'f' AND t.typname NOT IN ('trigger', 'event_trigger')
    ORDER BY p.proname, p.oid
"""

RELATIONS = """
    SELECT c.relname, c.oid, pg_relation_is_updatable(c.oid, true), d.description,
           ARRAY(SELECT a.attname || ' ' || format_type(a.atttypid, NULL) FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
    FROM pg_class c
    LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
    ORDER BY c.relname
"""

ROLE_SETTINGS = """
    SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
    FROM pg_roles r, unnest(r.rolconfig) c
    JOIN pg_settings s ON s.name = split_part(c, '=', 1)
    WHERE (s.context = 'user' OR has_parameter_privilege(current_user, s.name, 'SET'))
      AND s.name <> 'default_transaction_isolation' AND pg_has_role(current_user, r.oid, 'MEMBER')
"""

# Settings of a function that must hold before it is called.
HOISTED = ("statement_timeout",)


@dataclasses.dataclass
class Parameter:
    name: str
    type: str
    required: bool


@dataclasses.dataclass
class Function:
    """One function; `media` is the type that it answers itself, a domain's name."""

    schema: str
    name: str
    volatile: bool
    returns_set: bool
    returns_void: bool
    composite: bool
    media: str
    parameters: list
    settings: list
    comment: str
    oid: int

    def accepts(self, names):
        """Whether a call with exactly these named arguments is one of this function."""
        required = {p.name for p in self.parameters if p.required}
        return required <= names <= {p.name for p in self.parameters}

    def unnamed_type(self):
        if len(self.parameters) == 1 and not self.parameters[0].name:
            return self.parameters[0].type
        return None


@dataclasses.dataclass
class Relation:
    schema: str
    name: str
    oid: int
    events: int  # bits of what is possible besides reading, as pg_relation_is_updatable counts them
    comment: str
    columns: list

    def methods(self):
        possible = [("POST", 8), ("PATCH", 4), ("DELETE", 16)]
        return ["OPTIONS", "GET", "HEAD"] + [method for method, bit in possible if self.events & bit]


class SchemaCache:
    def __init__(self, connection, schema):
        self.schema = schema
        self.functions = {}
        for row in connection.execute(FUNCTIONS, [schema]):
            function = make_function(schema, row)
            self.functions.setdefault(function.name, []).append(function)
        self.relations = {}
        for name, oid, events, comment, columns in connection.execute(RELATIONS, [schema]):
            pairs = [tuple(column.split(" ", 1)) for column in columns]
            self.relations[name] = Relation(schema, name, oid, events, comment, pairs)
        self.role_settings = {}
        for role, name, value in connection.execute(ROLE_SETTINGS):
            self.role_settings.setdefault(role, []).append((name, value))


def make_function(schema, row):
    (name, volatile, returns_set, void, composite, media, names, modes, types, defaults, settings, comment, oid) = row
    names = names or [""] * len(types)
    modes = modes or ["i"] * len(types)
    given = [(n, t) for n, m, t in zip(names, modes, types) if m in "ibv"]
    parameters = [Parameter(n, t, i < len(given) - defaults) for i, (n, t) in enumerate(given)]
    hoisted = [tuple(setting.split("=", 1)) for setting in settings if setting.split("=", 1)[0] in HOISTED]
    return Function(schema, name, volatile, returns_set, void, composite, media, parameters, hoisted, comment, oid)
