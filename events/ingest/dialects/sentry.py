"""Sentry's envelopes: lines of JSON, each item with a header. Errors, transactions and logs become events."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from events.ingest import storage
from events.ingest.dialects import Entry, Incoming, Malformed
from events.ingest.dialects.members import with_members
from events.ingest.dialects.replies import json_reply
from events.ingest.dialects.wire import MAX_ITEM_BYTES

MAKES_DATASETS = False
MOST_ITEMS = 1000
# What is left out of an event that is too large, in this order, until it fits.
LESS_IMPORTANT = ("modules", "debug_meta", "breadcrumbs", "extra", "contexts", "threads", "spans", "request")

_auth = re.compile(r"\bsentry_key=([^,\s]+)")


class Header(msgspec.Struct):
    """The header of an item."""

    type: str = ""
    length: int | None = None


class Envelope(msgspec.Struct):
    """The header of an envelope."""

    event_id: str = ""


class Logs(msgspec.Struct):
    """The content of an item with logs."""

    items: list[dict[str, Any]] = []


_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_header = msgspec.json.Decoder(Header).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_logs = msgspec.json.Decoder(Logs).decode


def secret_of(request: Request) -> str:
    """Return the key of the DSN: in `X-Sentry-Auth`, or in the query, where browsers put it."""
    found = _auth.search(request.header(b"x-sentry-auth"))
    if found:
        return found[1]
    query = parse_qs(request.scope["query_string"].decode("latin-1"))
    return query.get("sentry_key", [""])[0]


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the events, transactions and logs of an envelope; sessions, attachments and the like are ignored."""
    text = incoming.inflate(body)
    head, _, rest = text.partition(b"\n")
    try:
        incoming.kind = _decode_envelope(head).event_id
        for number, (kind, payload) in enumerate(_items(rest)):
            if number >= MOST_ITEMS:
                raise Malformed(f"more than {MOST_ITEMS} items in one envelope")
            if kind in EVENTS:
                _add(incoming, EVENTS[kind], payload)
    except msgspec.DecodeError as error:
        raise Malformed(f"the body is not an envelope: {error}") from None


def _add(incoming: Incoming, events_of: Callable[[bytes], Iterator[bytes]], payload: bytes) -> None:
    dataset, namespace = incoming.dataset(), incoming.namespace()
    if len(payload) > MAX_ITEM_BYTES:
        incoming.add(Entry(dataset, namespace, b"", refusal=f"takes more than {MAX_ITEM_BYTES} bytes"))
        return
    for event in events_of(payload):
        incoming.add(Entry(dataset, namespace, event))


def _items(rest: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the type and the payload of each item. Without a length, the payload ends with its line."""
    position = 0
    while position < len(rest):
        end = rest.find(b"\n", position)
        line = rest[position : end if end >= 0 else None].strip()
        position = end + 1 if end >= 0 else len(rest)
        if not line:
            continue
        header = _decode_header(line)
        if header.length is None:
            end = rest.find(b"\n", position)
            stop = end if end >= 0 else len(rest)
        else:
            stop = position + max(header.length, 0)
        if stop > len(rest):
            raise Malformed("an item is shorter than its length says")
        yield header.type, rest[position:stop]
        position = stop


def _error(payload: bytes) -> Iterator[bytes]:
    event = _decode_object(payload)
    exception = _last(event.get("exception"))
    entry = event.get("logentry")
    message = entry.get("formatted") or entry.get("message") if isinstance(entry, dict) else None
    about = {
        "message": message or exception.get("value") or exception.get("type"),
        "error": exception.get("value") or exception.get("type"),
        **_trace(event),
    }
    yield _small(about, event, payload)


def _last(exceptions: Any) -> dict[str, Any]:
    """Return the last exception, which is the one that was raised."""
    values = exceptions.get("values") if isinstance(exceptions, dict) else exceptions
    return values[-1] if isinstance(values, list) and values and isinstance(values[-1], dict) else {}


def _trace(event: dict[str, Any]) -> dict[str, Any]:
    contexts = event.get("contexts")
    trace = contexts.get("trace") if isinstance(contexts, dict) else None
    return {"traceId": trace.get("trace_id"), "spanId": trace.get("span_id")} if isinstance(trace, dict) else {}


def _transaction(payload: bytes) -> Iterator[bytes]:
    event = _decode_object(payload)
    start, end = _seconds(event.get("start_timestamp")), _seconds(event.get("timestamp"))
    duration = round((end - start) * 1000, 3) if start is not None and end is not None else None
    yield _small({"message": event.get("transaction"), "duration": duration, **_trace(event)}, event, payload)


def _seconds(time: Any) -> float | None:
    if isinstance(time, (int, float)):
        return float(time)
    try:
        return datetime.fromisoformat(time).timestamp()
    except (TypeError, ValueError):
        return None


def _small(about: dict[str, Any], event: dict[str, Any], payload: bytes) -> bytes:
    """Return an event's text with what is said of it in front; without its less important parts if it is too large."""
    text = with_members(about, payload)
    for name in LESS_IMPORTANT:
        if len(text) < storage.limits.max_bytes:
            break
        if event.pop(name, None) is not None:
            text = with_members(about, msgspec.json.encode(event))
    return text


def _logs(payload: bytes) -> Iterator[bytes]:
    for log in _decode_logs(payload).items:
        attributes = log.get("attributes")
        if isinstance(attributes, dict):
            log["attributes"] = {name: _plain(value) for name, value in attributes.items()}
        yield msgspec.json.encode({"message": log.pop("body", None), **log})


def _plain(value: Any) -> Any:
    """Return an attribute without its type, which its JSON has anyway."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


EVENTS = {"event": _error, "transaction": _transaction, "log": _logs}


def reply(incoming: Incoming) -> Reply:
    """Repeat the event's id, or say why nothing is stored."""
    refused = incoming.refused()
    if refused and len(refused) == len(incoming.entries):
        return fail(incoming, 400, refused[0].refusal)
    return json_reply(200, {"id": incoming.kind})


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return json_reply(status, {"detail": reason}, **{"X-Sentry-Error": reason})
