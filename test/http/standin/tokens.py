"""Bearer tokens: who the request comes from."""

import json
import time

import jwt

from standin.errors import ApiError

LEEWAY_SECONDS = 30


def authenticate(config, authorization):
    """The role to switch to and the claims; raises 401."""
    claims = {}
    token = bearer_token(authorization)
    if token is not None:
        claims = decode(config.keys, token)
        check_claims(claims, config.audience)
    role = claims.get("role", config.anon_role)
    if role is None:
        raise ApiError(401, "PGRST302", "Anonymous access is disabled", headers=[("WWW-Authenticate", "Bearer")])
    if not isinstance(role, str):
        role = json.dumps(role)
    return role, {**claims, "role": role}


def bearer_token(authorization):
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def decode(keys, token):
    """Claims of a token whose signature one of the keys made."""
    if not keys:
        raise ApiError(500, "PGRST300", "Server lacks JWT secret")
    if not token:
        raise refusal("PGRST301", "Empty JWT is sent in Authorization header")
    parts = token.count(".") + 1
    if parts != 3:
        raise refusal("PGRST301", f"Expected 3 parts in JWT; got {parts}")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise refusal("PGRST301", "JWT couldn't be decoded") from None
    if header.get("alg") != "HS256":
        raise refusal("PGRST301", "Wrong or unsupported encoding algorithm")
    # A kid in the header names the key; without one every key is tried.
    candidates = [key for kid, key in keys if header.get("kid") in (None, kid)]
    for key in candidates:
        try:
            return parse_claims(jwt.api_jws.decode(token, key, algorithms=["HS256"]))
        except jwt.InvalidTokenError:
            continue
    raise refusal("PGRST301", "No suitable key or wrong key type",
                  "None of the keys was able to decode the JWT" if candidates
                  else "No suitable key was found to decode the JWT")


def parse_claims(payload):
    try:
        claims = json.loads(payload)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise refusal("PGRST303", "Parsing claims failed")
    return claims


def check_claims(claims, audience):
    now = int(time.time())
    if seconds(claims, "exp", now) < now - LEEWAY_SECONDS:
        raise refusal("PGRST303", "JWT expired")
    if seconds(claims, "nbf", now) > now + LEEWAY_SECONDS:
        raise refusal("PGRST303", "JWT not yet valid")
    if seconds(claims, "iat", now) > now + LEEWAY_SECONDS:
        raise refusal("PGRST303", "JWT issued at future")
    check_audience(claims.get("aud"), audience)


def seconds(claims, name, missing):
    """A time among the claims. One that is no whole number counts as long ago."""
    value = claims.get(name)
    if value is None:
        return missing
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refusal("PGRST303", f"The JWT '{name}' claim must be a number")
    return int(value) if value == int(value) else 0


def check_audience(given, wanted):
    """A token without an audience, or with an empty list of them, is for everybody."""
    audiences = [given] if isinstance(given, str) else given
    if audiences is None:
        return
    if not isinstance(audiences, list) or not all(isinstance(name, str) for name in audiences):
        raise refusal("PGRST303", "The JWT 'aud' claim must be a string or an array of strings")
    if wanted is not None and audiences and wanted not in audiences:
        raise refusal("PGRST303", "JWT not in audience")


def refusal(code, message, details=None):
    challenge = f'Bearer error="invalid_token", error_description="{message}"'
    return ApiError(401, code, message, details, headers=[("WWW-Authenticate", challenge)])
