"""An HTTP request as PostgREST understands it."""

import dataclasses
import json
import re
import urllib.parse

from standin.errors import ApiError

BUILT_IN = ("application/json", "text/plain", "text/xml", "application/octet-stream",
            "application/x-www-form-urlencoded")
OBJECT = "application/vnd.pgrst.object+json"


@dataclasses.dataclass
class Request:
    """`headers` has lower-case names and no cookies; `arguments` are the query string's pairs."""

    method: str
    path: str
    arguments: list
    headers: dict
    cookies: dict
    role: str
    claims: dict
    authenticated: bool
    body: bytes = b""

    @property
    def content_type(self):
        return media_type(self.headers.get("content-type", "application/json"))

    @property
    def accepts(self):
        """Media types in the order of the client's preference."""
        return preferences(self.headers.get("accept") or "*/*")

    @property
    def counts(self):
        return "count=exact" in self.headers.get("prefer", "")

    @property
    def target(self):
        """("root", None), ("rpc", name) or ("relation", name)."""
        parts = [urllib.parse.unquote(part, errors="strict") for part in self.path.strip("/").split("/")]
        if parts == [""]:
            return "root", None
        if len(parts) == 1:
            return "relation", parts[0]
        if len(parts) == 2 and parts[0] == "rpc":
            return "rpc", parts[1]
        raise ApiError(404, "PGRST125", "Invalid path specified in request URL")


def media_type(text):
    name = text.split(";")[0].strip().lower()
    return OBJECT if name == "application/vnd.pgrst.object" else name


def preferences(accept):
    """Sorted by q, and the more specific first."""
    weighed = []
    for item in accept.split(","):
        quality = re.search(r";\s*q=([\d.]+)", item)
        weighed.append((-float(quality[1]) if quality else -1.0, item.count("*"), media_type(item)))
    return [name for _, _, name in sorted(weighed, key=lambda each: each[:2])]


def query_arguments(query):
    pairs = [part for part in query.split("&") if "=" in part]
    return urllib.parse.parse_qsl("&".join(pairs), keep_blank_values=True, errors="strict")


def cookies(header):
    pairs = (item.strip().partition("=") for item in header.split(";"))
    return {name: value for name, equals, value in pairs if equals}


def json_members(body):
    """Names of the members of a JSON body: of an object, or those that all objects of an array have."""
    try:
        value = json.loads(body.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise ApiError(400, "PGRST102", "Empty or invalid json") from None
    if isinstance(value, dict):
        return set(value)
    if isinstance(value, list) and value:
        if not all(isinstance(row, dict) and row.keys() == value[0].keys() for row in value):
            raise ApiError(400, "PGRST102", "All object keys must match")
        return set(value[0])
    return set()


def refuse(constant):
    raise ValueError(constant)


def text_of(body):
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "22021", 'invalid byte sequence for encoding "UTF8"') from None
