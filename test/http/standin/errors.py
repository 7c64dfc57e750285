"""Errors: their body, and the HTTP status of each SQLSTATE."""

import http
import json
import re

# The first prefix of the SQLSTATE that is found here decides; anything else is 400.
STATUSES = [
    ("08", 503), ("09", 500), ("0L", 403), ("0P", 403), ("21000", 500), ("23503", 409), ("23505", 409),
    ("25006", 405), ("25", 500), ("28", 403), ("2D", 500), ("38", 500), ("39", 500), ("3B", 500), ("40", 500),
    ("53400", 500), ("53", 503), ("54", 500), ("55", 500), ("57P01", 503), ("57", 500), ("58", 500), ("F0", 500),
    ("HV", 500), ("P0001", 400), ("P0", 500), ("XX", 500), ("42883", 404), ("42P01", 404), ("42P17", 500),
]


class ApiError(Exception):
    """An answer that is an error: status, reason phrase, body and headers."""

    def __init__(self, status, code, message, details=None, hint=None, reason=None, headers=()):
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = phrase(status) if reason is None else reason
        self.headers = list(headers)
        self.body = json.dumps({"code": code, "details": details, "hint": hint, "message": message},
                               ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def phrase(status):
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def from_database(error, authenticated):
    """What PostgREST answers when a statement fails."""
    diag = error.diag
    if not diag.sqlstate:
        return ApiError(503, "PGRST001", "Database client error. Retrying the connection.", str(error))
    if diag.sqlstate == "PGRST":
        return raised(diag.message_primary, diag.message_detail)
    status, reason = sqlstate_status(diag.sqlstate, diag.message_primary, authenticated)
    headers = [("WWW-Authenticate", "Bearer")] if status == 401 else []
    return ApiError(status, diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint,
                    reason, headers)


def sqlstate_status(sqlstate, message, authenticated):
    """Status and, where it is not the usual one, the reason phrase."""
    if sqlstate == "42501":
        return (403 if authenticated else 401), None
    if sqlstate == "22023" and re.fullmatch(r'role .* does not exist', message, re.S):
        return 401, None
    if sqlstate.startswith("PT"):
        # As PostgREST does: the message goes into the status line as it is.
        return (int(sqlstate[2:]), message) if sqlstate[2:].isdigit() else (500, None)
    return next((status for prefix, status in STATUSES if sqlstate.startswith(prefix)), 400), None


def raised(message, detail):
    """RAISE SQLSTATE 'PGRST': the message is the body in JSON, the detail status and headers."""
    body = parse_object(message, {"code", "message"})
    if body is None:
        return unparsable(f"Invalid JSON value for MESSAGE: '{message}'",
                          "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys:"
                          " 'details', 'hint'.")
    hint = ("DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.")
    if detail is None:
        return unparsable("DETAIL is missing in the RAISE statement", hint)
    answer = parse_object(detail, {"status", "headers"})
    if answer is None:
        return unparsable(f"Invalid JSON value for DETAIL: '{detail}'", hint)
    return ApiError(answer["status"], body["code"], body["message"], body.get("details"), body.get("hint"),
                    answer.get("status_text"), answer["headers"].items())


def parse_object(text, required):
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) and required <= value.keys() else None


def unparsable(details, hint):
    return ApiError(500, "PGRST121", "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error", details, hint)
