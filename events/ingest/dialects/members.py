"""Split bodies into JSON texts, and put members in front of those of an object, whose own text stays as it was sent."""

from collections.abc import Mapping

import msgspec

from events.ingest import storage
from events.ingest.split import WHITESPACE, has_objects, split, split_well_formed


def texts_of(body: bytes) -> list[bytes]:
    """Return the elements of an array, or objects in lines or one after the other. Raises NotAnArray, TooManyEvents."""
    if not body.strip(WHITESPACE):
        return []
    most = storage.limits.max_events
    elements = split_well_formed(body, most)
    return split(body, most) if elements is None else list(map(bytes, elements))


def with_members(members: Mapping[str, object], text: bytes) -> bytes:
    """Return an object's text with more members, those that aren't null. If it has them, too, its own count."""
    front = msgspec.json.encode({name: value for name, value in members.items() if value is not None})
    inner = text.strip(WHITESPACE).removeprefix(b"{").lstrip(WHITESPACE)
    if front == b"{}" or not has_objects(text):
        return text
    return front[:-1] + (b"" if inner.startswith(b"}") else b",") + inner
