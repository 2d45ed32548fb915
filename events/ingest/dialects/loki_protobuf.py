"""Decode the protobuf of Loki's push API. Nobody publishes its classes for Python, so they are made here."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from events.ingest.dialects import Malformed
from events.ingest.dialects.wire import MAX_ITEM_BYTES, Walk

Line = tuple[int, str | None, dict[str, Any]]

PACKAGE = "eventlane.loki"
NANOSECONDS = 1_000_000_000
# Of each message: name, number, type of its fields; a type in capitals is another message, and * is a list.
MESSAGES = {
    "Push": (("streams", 1, "Stream*"),),
    "Stream": (("labels", 1, "string"), ("entries", 2, "Entry*")),
    "Entry": (("timestamp", 1, "Timestamp"), ("line", 2, "string"), ("metadata", 3, "Pair*")),
    "Timestamp": (("seconds", 1, "int64"), ("nanos", 2, "int32")),
    "Pair": (("name", 1, "string"), ("value", 2, "string")),
}
STREAMS, LABELS, ENTRIES = 1, 1, 2
_label = re.compile(r'\s*([a-zA-Z_][\w.:]*)\s*=\s*("(?:[^"\\]|\\.)*+")\s*(?:,|\Z)', re.DOTALL)


def _classes(*names: str) -> list[Any]:
    file = FileDescriptorProto(name="eventlane/loki.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            message.field.append(_field(field, number, kind))
    pool = DescriptorPool()
    pool.Add(file)
    return [GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names]


def _field(name: str, number: int, kind: str) -> FieldDescriptorProto:
    label = "LABEL_REPEATED" if kind.endswith("*") else "LABEL_OPTIONAL"
    field = FieldDescriptorProto(name=name, number=number, label=FieldDescriptorProto.Label.Value(label))
    if kind[0].isupper():
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{PACKAGE}.{kind.rstrip('*')}"
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return field


Push, Entry = _classes("Push", "Entry")


def decode(body: bytes) -> Iterator[tuple[dict[str, Any], Iterable[Line]]]:
    """Yield the streams of a body: labels, and lines. Raises Malformed."""
    walk = Walk()
    for stream in walk.parts_of(memoryview(body), STREAMS):
        labels = labels_of(bytes(walk.last_of(stream, LABELS)).decode())
        yield labels, map(_line, walk.parts_of(stream, ENTRIES))


def _line(content: memoryview) -> Line:
    """Return a line: its time, its text, what is known of this line only. One that is too large has no text."""
    if len(content) > MAX_ITEM_BYTES:
        return 0, None, {}
    try:
        entry = Entry.FromString(bytes(content))
    except DecodeError as error:
        raise Malformed(f"the body is not a push to Loki: {error}") from None
    time = entry.timestamp.seconds * NANOSECONDS + entry.timestamp.nanos
    return time, entry.line, {pair.name: pair.value for pair in entry.metadata}


def labels_of(text: str) -> dict[str, Any]:
    """Return the labels in `{name="value", …}`. Raises Malformed."""
    inner, found, position = text.strip().removeprefix("{").removesuffix("}").strip(), {}, 0
    while position < len(inner):
        match = _label.match(inner, position)
        if match is None:
            raise Malformed(f"the labels {text[:100]!a} can't be read")
        found[match[1]] = _unquoted(match[2])
        position = match.end()
    return found


def _unquoted(text: str) -> str:
    """Return the text of a quoted value, as Go writes it; what JSON doesn't know stays as it is."""
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:
        return text[1:-1]
