"""Events as server-sent events."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import msgspec

from eventlane.times import format_time, to_microseconds
from events.clock import newest_time
from events.lake.query import EventRow

RECONNECT_MILLISECONDS = 2000
HELLO = b": tail\nretry: %d\n\n" % RECONNECT_MILLISECONDS
STILL_HERE = b": still here\n\n"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Frame(NamedTuple):
    """One event, ready to be sent."""

    id: UUID
    received_us: int
    data: bytes


class _Shown(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The members of events.api.events.EventRepresentation, made in a tenth of the time."""

    id: str
    received_time: str
    event_time: str
    ahead: bool | None = None
    namespace: str
    service: str | None = None
    level: str | None = None
    message: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    duration: float | None = None
    error: str | None = None
    event: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Look:
    """What a tail's frames have as data, for at most so many events at a time. Those with one name are the same."""

    name: str
    data_of: Callable[[EventRow], bytes] = field(compare=False)
    most_events: int = 100_000
    is_made_by_sql: bool = False  # of JSON_SQL, which says the same as `data_of` without work in Python

    def frame(self, row: EventRow) -> Frame:
        """Return an event's frame. Line ends in its data become LF: the stream has no other way."""
        text = _LINE_END.sub(b"\ndata: ", self.data_of(row))
        return Frame(row.id, to_microseconds(row.received_time), b"id: %s\ndata: %s\n\n" % (str(row.id).encode(), text))


def event_json(row: EventRow) -> bytes:
    """Return an event as the platform API shows it."""
    shown = _Shown(
        id=str(row.id),
        received_time=format_time(row.received_time, "microseconds"),
        event_time=format_time(row.event_time, "microseconds"),
        ahead=True if row.received_time > newest_time() else None,
        namespace=row.namespace,
        service=row.service,
        level=row.level,
        message=row.message,
        request_id=row.request_id,
        trace_id=row.trace_id,
        span_id=row.span_id,
        duration=row.duration,
        error=row.error,
        event=msgspec.Raw(row.event.encode()),
    )
    return msgspec.json.encode(shown)


def _member(name: str, value: str) -> str:
    return f"""coalesce(',"{name}":' || {value}, '')"""


def _time(column: str) -> str:
    return f"""'"' || strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') || '"'"""


_TEXTS = ("namespace", "service", "level", "message", "request_id", "trace_id", "span_id")
# An event's frame, made of its columns: most of a busy tail's time, which would otherwise be taken from the event loop.
JSON_SQL = " || ".join(
    [
        """'id: ' || id || chr(10) || 'data: {"id":"' || id || '"'""",
        *(_member(name, _time(name)) for name in ("received_time", "event_time")),
        "CASE WHEN is_ahead THEN ',\"ahead\":true' ELSE '' END",
        *(_member(name, f"to_json(plain({name}))") for name in _TEXTS),
        _member("duration", "to_json(duration)"),
        _member("error", "to_json(plain(error))"),
        """',"event":' || regexp_replace(plain(event), '\\r\\n|\\r|\\n', chr(10) || 'data: ', 'g') || '}'""",
        "chr(10) || chr(10)",
    ]
)
AS_JSON = Look("JSON", event_json, is_made_by_sql=True)


def named_frame(name: str, **members: object) -> bytes:
    """Return a server-sent event that isn't an event of the dataset."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(members))
