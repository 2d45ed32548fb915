"""Walk through protobuf without decoding it.

Decoded, a message takes many times the memory of its two bytes at least. So a body is walked down to its items, and
these are decoded one by one.
"""

from collections.abc import Iterator

from django.conf import settings

from events.ingest.dialects import Malformed

VARINT, BYTES = 0, 2
FIXED = {1: 8, 5: 4}  # wire types whose values have so many bytes
LONGEST_VARINT = 10
MOST_FIELDS = 1_000_000
MAX_ITEM_BYTES = 1024 * 1024  # of a record, a span or a metric; decoded, it may take fifty times that


class Walk:
    """The way through one body. It has limits, so that a body of empty messages doesn't take minutes."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS
        self._values_left: int = settings.EVENTLANE_MAX_DIALECT_VALUES

    def spend(self, values: int) -> None:
        """Count values in decoded items. Raises Malformed."""
        self._values_left -= values
        if self._values_left < 0:
            raise Malformed(f"the body has more than {settings.EVENTLANE_MAX_DIALECT_VALUES} values")

    def parts_of(self, message: memoryview, number: int) -> Iterator[memoryview]:
        """Yield the content of each field with this number that holds bytes, text or a message. Raises Malformed."""
        position, end = 0, len(message)
        while position < end:
            self._left -= 1
            if self._left < 0:
                raise Malformed(f"the body has more than {MOST_FIELDS} fields above its items")
            tag, position = _varint(message, position)
            start, position = _value(message, tag & 7, position)
            if position > end:
                raise Malformed("the body is not protobuf: a field is longer than what holds it")
            if tag >> 3 == number and tag & 7 == BYTES:
                yield message[start:position]

    def last_of(self, message: memoryview, number: int) -> memoryview:
        """Return the content of the last such field, or nothing."""
        *_, content = [memoryview(b""), *self.parts_of(message, number)]
        if len(content) > MAX_ITEM_BYTES:
            raise Malformed(f"what all events of a group share takes more than {MAX_ITEM_BYTES} bytes")
        return content


def _value(message: memoryview, kind: int, position: int) -> tuple[int, int]:
    """Return where a field's value starts and ends."""
    if kind == BYTES:
        size, position = _varint(message, position)
        return position, position + size
    if kind == VARINT:
        return position, _varint(message, position)[1]
    if kind not in FIXED:
        raise Malformed(f"the body is not protobuf: there is no wire type {kind}")
    return position, position + FIXED[kind]


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = shift = 0
    for index in range(position, min(position + LONGEST_VARINT, len(message))):
        byte = message[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, index + 1
        shift += 7
    raise Malformed("the body is not protobuf: it ends within a number")
