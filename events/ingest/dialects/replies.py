"""Replies that scripts of any origin may read."""

import msgspec

from eventlane.door.reply import Reply, headers_of
from events.ingest.views import CORS


def json_reply(status: int, content: object, **headers: str) -> Reply:
    """Return a reply in JSON."""
    named = {"Content-Type": "application/json", **CORS, **headers}
    return Reply(status, headers_of(named), msgspec.json.encode(content))


def text_reply(status: int, text: str = "") -> Reply:
    """Return a reply in plain text."""
    return Reply(status, headers_of({"Content-Type": "text/plain; charset=utf-8", **CORS}), text.encode())
