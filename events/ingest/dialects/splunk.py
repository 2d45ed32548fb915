"""Splunk's HTTP event collector: objects one after the other, or raw lines."""

import re
from typing import Any
from urllib.parse import parse_qs

import msgspec

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming
from events.ingest.dialects.members import texts_of, with_members
from events.ingest.dialects.replies import json_reply
from events.ingest.dialects.wire import MAX_ITEM_BYTES
from events.ingest.keys import authorization_of
from events.ingest.split import has_objects

MAKES_DATASETS = False
ABOUT = ("time", "host", "source", "sourcetype", "index", "fields")
CODES = {400: (6, "Invalid data format"), 401: (2, "Token is required"), 403: (4, "Invalid token")}
OTHER = {
    413: (27, "Request entity too large"),
    429: (9, "Server is busy"),
    500: (8, "Internal server error"),
    503: (9, "Server is busy"),
}

_line = re.compile(rb"[^\n]+")


class Event(msgspec.Struct):
    """An event with what is known about it."""

    event: msgspec.Raw
    time: Any = None
    host: Any = None
    source: Any = None
    sourcetype: Any = None
    index: Any = None
    fields: Any = None


_decode = msgspec.json.Decoder(Event).decode


def secret_of(request: Request) -> str:
    """Return the key in `Authorization: Splunk`, or where it may stand elsewhere."""
    return authorization_of(request, "splunk") or keys.secret_of(request)


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the events of a body, or its lines if the path says `raw`."""
    dataset, namespace, decoded = incoming.dataset(), incoming.namespace(), incoming.inflate(body)
    if incoming.path["kind"] != b"raw":
        for text in texts_of(decoded):
            incoming.add(_entry(dataset, namespace, text))
        return
    query = parse_qs(incoming.request.scope["query_string"].decode("latin-1"))
    about = {name: query[name][0] for name in ("host", "source", "sourcetype", "index") if name in query}
    for line in _line.finditer(decoded):
        if words := line[0].decode(errors="replace").strip():
            incoming.add(Entry(dataset, namespace, msgspec.json.encode({"message": words, **about})))


def _entry(dataset: str, namespace: str, text: bytes) -> Entry:
    if len(text) > MAX_ITEM_BYTES:
        return Entry(dataset, namespace, b"", refusal=f"takes more than {MAX_ITEM_BYTES} bytes")
    try:
        event = _decode(text)
        inner = bytes(event.event)
        about = {name: getattr(event, name) for name in ABOUT}
        if not has_objects(inner):
            about["message"], inner = msgspec.json.decode(inner), b"{}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Entry(dataset, namespace, b"", refusal=f"not an object with an event: {error}"[:200])
    return Entry(dataset, namespace, with_members(about, inner))


def reply(incoming: Incoming) -> Reply:
    """Reply with success, or the number of the first event that isn't stored; all others are."""
    first = next((number for number, entry in enumerate(incoming.entries) if entry.refusal), None)
    if first is None:
        return json_reply(200, {"text": "Success", "code": 0})
    code, text = CODES[400]
    reason = incoming.entries[first].refusal
    return json_reply(400, {"text": f"{text}: {reason}", "code": code, "invalid-event-number": first})


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored, with the collector's numbers."""
    if status == 401 and incoming.request.header(b"authorization"):
        status = 403
    code, text = (CODES | OTHER)[status]
    return json_reply(status, {"text": f"{text}: {reason}" if status == 400 else text, "code": code})


def look(request: Request) -> Reply:
    """Say that the collector is there."""
    return json_reply(200, {"text": "HEC is healthy", "code": 17})
