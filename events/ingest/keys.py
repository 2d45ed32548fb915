"""The key of an ingest request: `x-api-key`, or what `Authorization` holds."""

from base64 import b64decode

from eventlane.door.request import Request
from projects.directory import KnownKey, find_key, last_use


class Unauthorised(Exception):
    """No key, or one without the right to ingest."""


class BadRequest(ValueError):
    """The path or a header is wrong."""

    key: KnownKey  # of the request


def header_of(request: Request, name: bytes) -> str:
    """Return a header's value. The published edge logger sends the word `undefined` for an absent one."""
    value = request.header(name)
    return "" if value == "undefined" else value


def secret_of(request: Request) -> str:
    """Return the key in `x-api-key`, else a Bearer token, else the password of Basic; or an empty text."""
    return header_of(request, b"x-api-key") or authorization_of(request, "bearer") or basic_password(request)


def authorization_of(request: Request, scheme: str) -> str:
    """Return what follows a scheme, given in lower case, in the header Authorization; or an empty text."""
    found, _, value = request.header(b"authorization").partition(" ")
    return value.strip() if found.lower() == scheme else ""


def basic_password(request: Request) -> str:
    """Return the password of `Authorization: Basic`, or an empty text."""
    try:
        user_and_password = b64decode(authorization_of(request, "basic")).decode()
    except ValueError:
        return ""
    return user_and_password.partition(":")[2]


def authenticate(secret: str, ask: bool) -> KnownKey:
    """Return the key with this secret, and note its use. Raises Unauthorised, and what find_key raises."""
    key = find_key(secret, ask) if secret else None
    if key is None or not key.allows("ingest"):
        raise Unauthorised
    last_use.note(key.id)
    return key
