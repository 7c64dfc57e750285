"""Configuration: the file, PGRST_… in the environment, and what the database itself says."""

import base64
import json
import os
import re

DEFAULTS = {
    "db-uri": "postgresql://",
    "db-schemas": "public",
    "db-extra-search-path": "public",
    "db-anon-role": None,
    "db-pool": "10",
    "db-pool-acquisition-timeout": "10",
    "db-pre-request": None,
    "db-pre-config": None,
    "db-max-rows": None,
    "db-channel": "pgrst",
    "jwt-secret": None,
    "jwt-secret-is-base64": "false",
    "jwt-aud": None,
    "server-host": "!4",
    "server-port": "3000",
    "openapi-mode": "follow-privileges",
    "log-level": "error",
}
LINE = re.compile(r'\s*([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s#]+))\s*(?:#.*)?$')

# A connection is made before these could be read from it.
NOT_IN_DATABASE = {"db-uri", "db-pool", "db-pool-acquisition-timeout", "db-channel", "server-host",
                   "server-port", "log-level"}

IN_DATABASE = """
    WITH setting (specificity, name, value) AS (
        SELECT s.setdatabase, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
        FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
        WHERE s.setrole = current_user::regrole
          AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_catalog))
        UNION ALL
        SELECT NULL, x, current_setting(x, true) FROM unnest(%s::text[]) x {pre_config}
    )
    SELECT DISTINCT ON (name) name, value
    FROM setting WHERE name = ANY (%s::text[]) AND value IS NOT NULL
    ORDER BY name, specificity DESC NULLS LAST
"""


def read_file(path):
    """The settings of a configuration file; exits at a line that is none."""
    settings = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = LINE.match(line)
            if not match:
                raise SystemExit(f"{path}:{number}: not a setting: {line.strip()}")
            name, quoted, bare = match.groups()
            settings[name] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return settings


def from_environment():
    names = {"PGRST_" + name.replace("-", "_").upper(): name for name in DEFAULTS}
    return {names[key]: value for key, value in os.environ.items() if key in names}


def from_database(connection, pre_config):
    """Settings of the login role, and those that the function db-pre-config leaves behind."""
    names = ["pgrst." + name.replace("-", "_") for name in DEFAULTS if name not in NOT_IN_DATABASE]
    call = f"JOIN {quote_name(pre_config)}() ON true" if pre_config else "WHERE false"
    with connection.transaction():
        connection.execute("SET TRANSACTION READ ONLY")
        rows = connection.execute(IN_DATABASE.format(pre_config=call), [names, names]).fetchall()
    return {name.removeprefix("pgrst.").replace("_", "-"): value for name, value in rows}


def quote(identifier):
    return '"' + identifier.replace('"', '""') + '"'


def quote_name(name):
    """A function's name as configured, with or without its schema."""
    return ".".join(quote(part) for part in name.split(".", 1))


def in_file(value):
    """A value, or with @ the file that holds it."""
    if value is None or not value.startswith("@"):
        return value
    with open(value[1:], encoding="utf-8") as file:
        return file.read().rstrip("\n")


class Config:
    """What holds at the moment. A reload makes a new one."""

    def __init__(self, path, database_settings=None):
        settings = {**DEFAULTS, **read_file(path), **from_environment(), **(database_settings or {})}
        self.uri = in_file(settings["db-uri"])
        self.schemas = [name.strip() for name in settings["db-schemas"].split(",")]
        self.extra_search_path = [name.strip() for name in settings["db-extra-search-path"].split(",") if name.strip()]
        self.anon_role = settings["db-anon-role"] or None
        self.pool = int(settings["db-pool"])
        self.pool_timeout = float(settings["db-pool-acquisition-timeout"])
        self.pre_request = settings["db-pre-request"] or None
        self.pre_config = settings["db-pre-config"] or None
        self.max_rows = int(settings["db-max-rows"]) if settings["db-max-rows"] else None
        self.channel = settings["db-channel"]
        self.audience = settings["jwt-aud"] or None
        self.host = settings["server-host"]
        self.port = int(settings["server-port"])
        self.openapi_mode = settings["openapi-mode"]
        self.log_level = settings["log-level"]
        self.keys = signing_keys(in_file(settings["jwt-secret"]), settings["jwt-secret-is-base64"] == "true")

    @property
    def search_path(self):
        return ", ".join(quote(name) for name in self.schemas[:1] + self.extra_search_path)


def signing_keys(secret, is_base64):
    """(kid, key) pairs from a JWK set, a single JWK or a plain secret."""
    if not secret:
        return []
    try:
        document = json.loads(secret)
        jwks = document["keys"] if "keys" in document else [document]
        return [(jwk.get("kid"), decode_base64url(jwk["k"])) for jwk in jwks if jwk["kty"] == "oct"]
    except (ValueError, KeyError, TypeError):
        if is_base64:
            return [(None, decode_base64url(secret))]
        return [(None, secret.encode())]


def decode_base64url(text):
    text = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
