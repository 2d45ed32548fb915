"""Honeycomb's events API: batches, or single events with their time in a header."""

from typing import Any
from urllib.parse import unquote

import msgspec

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming
from events.ingest.dialects.members import texts_of, with_members
from events.ingest.dialects.replies import json_reply
from events.ingest.dialects.wire import MAX_ITEM_BYTES
from events.ingest.keys import header_of

MAKES_DATASETS = False


class Event(msgspec.Struct):
    """An element of a batch."""

    data: msgspec.Raw
    time: Any = None
    samplerate: int | None = None


_decode = msgspec.json.Decoder(Event).decode


def secret_of(request: Request) -> str:
    """Return the key in `X-Honeycomb-Team`, or where it may stand elsewhere."""
    return header_of(request, b"x-honeycomb-team") or keys.secret_of(request)


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the events with their time and sample rate."""
    request = incoming.request
    dataset = unquote(incoming.path["dataset"].decode("latin-1"))
    namespace, decoded = header_of(request, b"x-namespace"), incoming.inflate(body)
    if incoming.path["kind"] == b"events":
        moment, rate = header_of(request, b"x-honeycomb-event-time"), header_of(request, b"x-honeycomb-samplerate")
        about = {"time": moment or None, "samplerate": int(rate) if rate.isdecimal() and len(rate) < 10 else None}
        incoming.add(Entry(dataset, namespace, with_members(about, decoded)))
        return
    for text in texts_of(decoded):
        incoming.add(_entry(dataset, namespace, text))


def _entry(dataset: str, namespace: str, text: bytes) -> Entry:
    if len(text) > MAX_ITEM_BYTES:
        return Entry(dataset, namespace, b"", refusal=f"takes more than {MAX_ITEM_BYTES} bytes")
    try:
        event = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Entry(dataset, namespace, b"", refusal=f"not an event with data: {error}"[:200])
    about = {"time": event.time, "samplerate": event.samplerate}
    return Entry(dataset, namespace, with_members(about, bytes(event.data)))


def reply(incoming: Incoming) -> Reply:
    """Give each event of a batch its status, exactly as many: a client crashes otherwise."""
    if incoming.path["kind"] == b"events":
        refused = incoming.refused()
        return fail(incoming, 400, refused[0].refusal) if refused else json_reply(200, {})
    return json_reply(200, [_status(entry) for entry in incoming.entries])


def _status(entry: Entry) -> dict[str, Any]:
    return {"status": 400, "error": entry.refusal} if entry.refusal else {"status": 202}


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return json_reply(status, {"error": reason})
