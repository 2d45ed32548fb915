"""The lane of each path, how large its bodies may be, and how it refuses requests."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

from msgspec.json import encode

from eventlane.door.body import Refused
from eventlane.door.lanes import Lane
from eventlane.door.reply import Reply, headers_of
from eventlane.door.request import Request
from eventlane.wire.errors import UnknownRoute
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
    refuse: Callable[[Refused, Request], Reply]


def refuse_program(refused: Refused, request: Request) -> Reply:
    """Refuse a request as the platform API does (docs/api/v0.md, section 1.2)."""
    body = {"error": f"{_sentence(refused)}.", "code": CODES[refused.status]}
    return _reply(refused, JSON, encode(body))


def refuse_page(refused: Refused, request: Request) -> Reply:
    """Refuse a request from a browser."""
    text = escape(_sentence(refused))
    return _reply(refused, HTML, f"<!doctype html><title>{refused.status}</title><p>{text}.</p>\n".encode())


class AnyOtherPath:
    """Answers requests whose path is none of ours: people get a page of the console, programs get JSON.

    A program's body is read first, up to the limit: otherwise it would see a broken connection instead of the answer.
    """

    def __init__(self, pages: Callable[[Request], Awaitable[Reply]], probe: Callable[[Request], Reply]) -> None:
        """Take what answers with a page, and what answers a program that looks at `/` before it sends anything."""
        self._pages, self._probe = pages, probe

    async def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        accepted = request.header(b"accept")
        is_start = request.path in (b"/", b"") and request.method in ("GET", "HEAD")
        if is_start and "text/html" not in accepted and ("json" in accepted or b"authorization" in request.headers):
            return self._probe(request)
        if is_start or "text/html" in accepted:
            return await self._pages(request)
        await request.skip()
        unknown = UnknownRoute(unquote(request.path.decode("latin-1")))
        return Reply(404, headers_of({"Content-Type": JSON, **EVERY_ANSWER}), encode(unknown.body()))


def _sentence(refused: Refused) -> str:
    text = str(refused)
    return text[:1].upper() + text[1:]


def _reply(refused: Refused, content_type: str, body: bytes) -> Reply:
    headers = {"Content-Type": content_type, **EVERY_ANSWER, **refused.headers}
    return Reply(refused.status, headers_of(headers), body)
