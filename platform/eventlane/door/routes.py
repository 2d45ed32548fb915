"""The lane of each path, how large its bodies may be, and how it refuses requests."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape

import msgspec

from eventlane.door.body import Refused
from eventlane.door.lanes import Lane
from eventlane.door.reply import Reply, headers_of
from eventlane.door.request import Request
from eventlane.wire.headers import EVERY_ANSWER

JSON, HTML = "application/json", "text/html; charset=utf-8"
CODES = {400: "invalid_request_body", 408: "request_timeout", 413: "request_too_large", 503: "service_unavailable"}


@dataclass(frozen=True)
class Route:
    """One kind of request."""

    path: re.Pattern[str]
    lane: Lane
    max_bytes: int
    answer: Callable[[Request], Awaitable[Reply]]
    refuse: Callable[[Refused], Reply]


def refuse_program(refused: Refused) -> Reply:
    """Refuse a request as the platform API does (docs/api/v0.md, section 1.2)."""
    body = {"error": f"{_sentence(refused)}.", "code": CODES[refused.status]}
    return _reply(refused, JSON, msgspec.json.encode(body))


def refuse_page(refused: Refused) -> Reply:
    """Refuse a request from a browser."""
    text = escape(_sentence(refused))
    return _reply(refused, HTML, f"<!doctype html><title>{refused.status}</title><p>{text}.</p>\n".encode())


def _sentence(refused: Refused) -> str:
    text = str(refused)
    return text[:1].upper() + text[1:]


def _reply(refused: Refused, content_type: str, body: bytes) -> Reply:
    headers = {"Content-Type": content_type, **EVERY_ANSWER, **refused.headers}
    return Reply(refused.status, headers_of(headers), body)
