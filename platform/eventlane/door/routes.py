"""Which lane a path takes, how large its bodies may be, and how it says no."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import msgspec

from eventlane.door.body import Refused
from eventlane.door.django import Reply
from eventlane.door.lanes import Lane
from eventlane.wire.headers import EVERY_ANSWER

JSON, HTML = b"application/json", b"text/html; charset=utf-8"
CODES = {400: "invalid_request_body", 408: "request_timeout", 413: "request_too_large", 503: "service_unavailable"}
MESSAGES = {408: b"Request Timeout", 503: b"Service Unavailable"}
COMMON = [(name.encode(), value.encode()) for name, value in EVERY_ANSWER.items()]
CORS = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"x-error-reason")]


@dataclass(frozen=True)
class Route:
    """One kind of request."""

    path: re.Pattern[str]
    lane: Lane
    max_bytes: int
    refuse: Callable[[Refused], Reply]


def refuse_ingest(refused: Refused) -> Reply:
    """Say no as the Events API does: a body too large is a bad request there."""
    status = refused.status if refused.status in MESSAGES else 400
    reply = _reply(refused, JSON, b'{"message": "%b"}' % MESSAGES.get(status, b"Bad Request"), status)
    reply.headers.extend([*CORS, (b"x-error-reason", str(refused).encode())])
    return reply


def refuse_program(refused: Refused) -> Reply:
    """Say no as the platform API does (v0-api.md, section 1.2)."""
    body = {"error": f"{_sentence(refused)}.", "code": CODES[refused.status]}
    return _reply(refused, JSON, msgspec.json.encode(body))


def refuse_page(refused: Refused) -> Reply:
    """Say no to a browser."""
    text = escape(_sentence(refused))
    return _reply(refused, HTML, f"<!doctype html><title>{refused.status}</title><p>{text}.</p>\n".encode())


def _sentence(refused: Refused) -> str:
    text = str(refused)
    return text[:1].upper() + text[1:]


def _reply(refused: Refused, content_type: bytes, body: bytes, status: int = 0) -> Reply:
    headers = [(name.encode(), value.encode()) for name, value in refused.headers.items()]
    return Reply(status or refused.status, [(b"content-type", content_type), *COMMON, *headers], body)
