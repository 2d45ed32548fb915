"""Loki's push API: streams of lines with labels, as JSON, or as protobuf within Snappy."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from msgspec import Raw

from eventlane.door.reply import Reply
from eventlane.wire.inflate import NotInflatable, inflate_snappy
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming, Malformed
from events.ingest.dialects.replies import text_reply
from events.ingest.dialects.times import moment
from events.ingest.dialects.wire import MAX_ITEM_BYTES
from events.ingest.keys import header_of

MAKES_DATASETS = False
DATASET = "logs"
SERVICE_LABELS = ("service_name", "service", "app", "application", "job")
LEVEL_LABELS = ("level", "severity", "detected_level")
secret_of = keys.secret_of

T = TypeVar("T")
Labels = dict[str, Any]
Line = tuple[int, str | None, Labels]  # nanoseconds since 1970, the text, what is known of this line only
TOO_LARGE: Line = (0, None, {})
NOTHING = Raw(b"")
DIGITS = 20  # of the longest time


class Value(msgspec.Struct, array_like=True):
    """A line."""

    time: str
    text: str
    metadata: Labels = {}


# Labels and lines are left as they are, and decoded one by one: they take many times the memory of their texts.
class Stream(msgspec.Struct):
    """Lines that have the same labels."""

    stream: Raw = NOTHING
    values: list[Raw] | None = None


class Push(msgspec.Struct):
    """A body in JSON."""

    streams: list[Stream] = []


_decode = msgspec.json.Decoder(Push).decode
_decode_labels = msgspec.json.Decoder(Labels).decode
_decode_value = msgspec.json.Decoder(Value).decode


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the lines of all streams."""
    request = incoming.request
    dataset = header_of(request, b"x-dataset") or DATASET
    namespace = header_of(request, b"x-namespace") or header_of(request, b"x-scope-orgid")
    is_json = "json" in request.header(b"content-type")
    for labels, lines in _json(incoming, body) if is_json else _protobuf(incoming, body):
        own = namespace or str(labels.get("namespace", ""))
        shared = _shared(labels)
        for time, text, metadata in lines:
            if text is None:
                incoming.add(Entry(dataset, own, b"", refusal=f"takes more than {MAX_ITEM_BYTES} bytes"))
                continue
            event = {"timestamp": moment(time), "message": text, **shared}
            incoming.add(
                Entry(dataset, own, msgspec.json.encode(event | {"metadata": metadata} if metadata else event))
            )


def _shared(labels: Labels) -> Labels:
    """Return what all lines of a stream have: its labels, and what two of them say under common names."""
    found = {"level": _first(labels, LEVEL_LABELS), "service": _first(labels, SERVICE_LABELS), "labels": labels}
    return {name: value for name, value in found.items() if value}


def _first(labels: Labels, names: Iterable[str]) -> Any:
    return next((labels[name] for name in names if labels.get(name)), None)


def _json(incoming: Incoming, body: bytes) -> Iterator[tuple[Labels, Iterable[Line]]]:
    push = _decoded(_decode, incoming.inflate_values(body))
    for stream in push.streams:
        if _size(stream.stream) > MAX_ITEM_BYTES:
            raise Malformed(f"the labels of a stream take more than {MAX_ITEM_BYTES} bytes")
        labels = _decoded(_decode_labels, stream.stream) if _size(stream.stream) else {}
        yield labels, map(_line, stream.values or ())


def _line(raw: Raw) -> Line:
    if _size(raw) > MAX_ITEM_BYTES:
        return TOO_LARGE
    value = _decoded(_decode_value, raw)
    return _time(value.time), value.text, value.metadata


def _size(raw: Raw) -> int:
    return len(memoryview(raw))


def _decoded(decode: Callable[[Any], T], text: bytes | Raw) -> T:
    try:
        return decode(text)
    except msgspec.DecodeError as error:
        raise Malformed(f"the body is not a push to Loki: {error}") from None


def _time(text: str) -> int:
    if not (text.isdecimal() and len(text) <= DIGITS):
        raise Malformed(f"{text[:40]!a} is not a number of nanoseconds since 1970")
    return int(text)


def _protobuf(incoming: Incoming, body: bytes) -> Iterator[tuple[Labels, Iterable[Line]]]:
    """Read protobuf. That it is within Snappy goes without saying; no header says so."""
    from events.ingest.dialects.loki_protobuf import decode  # only when needed: protobuf takes 0.3 s

    try:
        inflated = inflate_snappy(body, settings.EVENTLANE_MAX_DIALECT_BYTES, incoming.request.body.hold)
    except NotInflatable as error:
        raise Malformed(str(error)) from None
    return decode(inflated)


def reply(incoming: Incoming) -> Reply:
    """Reply with nothing, or say how many lines are refused; the others are stored."""
    refused = incoming.refused()
    if not refused:
        return text_reply(204)
    return text_reply(400, f"{len(refused)} of {len(incoming.entries)} lines are not stored: {refused[0].refusal}\n")


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return text_reply(status, f"{reason}\n")
