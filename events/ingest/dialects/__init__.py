"""Other protocols that events come in. One module each: where the key stands, how a body is read, what is replied.

    request ── answer.py ─┬─ module.secret_of(request)        where this protocol has its key
                          ├─ module.parse(incoming, body)     the events of a body, in a thread
                          ├─ answer.py                        datasets, limits, journal: the same for all
                          ├─ module.reply(incoming)           when every event is on disk
                          └─ module.fail(incoming, …)         or this, if the request as a whole was refused

`DIALECTS` says which ones there are. A module is imported when its first request comes.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from eventlane.wire.body import BodyTooLarge, decode_body
from eventlane.wire.values import rough_count, values_of
from events.ingest import storage
from events.ingest.keys import header_of
from events.ingest.split import TooManyEvents
from projects.directory import KnownKey

DEFAULT_DATASET = "logs"
NO_DATASET = "there is no dataset "


@dataclass(slots=True)
class Entry:
    """An event of a request: where it goes and its JSON text, or why it is refused.

    An empty namespace is the dataset's default one, or `default`.
    """

    dataset: str
    namespace: str
    text: bytes
    service: str = ""
    refusal: str = ""

    @property
    def has_no_dataset(self) -> bool:
        """Whether it is refused because its dataset doesn't exist."""
        return self.refusal.startswith(NO_DATASET)


@dataclass(slots=True)
class Incoming:
    """A request in a dialect, what its path says, and the events that were found in its body."""

    request: Request
    path: re.Match[bytes]
    largest: int  # bytes that its body may have, also once decompressed
    key: KnownKey | None = None  # once it is known
    body: bytes = b""  # as sent, once it is read
    entries: list[Entry] = field(default_factory=list)
    size: int = 0  # of their texts, in bytes
    kind: str = ""  # of what the body holds, if a dialect has several
    notes: list[Any] = field(default_factory=list)  # what `reply` must know of each event

    def dataset(self) -> str:
        """Return the dataset that `x-dataset` names, in dialects that have none of their own."""
        return header_of(self.request, b"x-dataset") or DEFAULT_DATASET

    def namespace(self) -> str:
        """Return the namespace that `x-namespace` names, or an empty text."""
        return header_of(self.request, b"x-namespace")

    def inflate(self, body: bytes) -> bytes:
        """Return a body decoded according to its Content-Encoding. Raises BadBody."""
        encoding = self.request.header(b"content-encoding")
        if len(body) > self.largest:
            raise BodyTooLarge(f"body larger than {self.largest} bytes")
        return decode_body(body, encoding, self.largest, self.request.body.hold)

    def inflate_values(self, body: bytes) -> bytes:
        """Do the same for JSON that becomes objects in memory. Raises BodyTooLarge for too many values."""
        decoded, most = self.inflate(body), settings.EVENTLANE_MAX_DIALECT_VALUES
        if rough_count(decoded) > most and values_of(decoded) > most:
            raise BodyTooLarge(f"the body has more than {most} values")
        return decoded

    def add(self, entry: Entry) -> None:
        """Add an event. Raises TooManyEvents, and BodyTooLarge: written as JSON, a body may become far larger."""
        if len(self.entries) >= storage.limits.max_events:
            raise TooManyEvents(storage.limits.max_events)
        self.size += len(entry.text)
        if self.size > settings.EVENTLANE_MAX_DIALECT_BYTES:
            raise BodyTooLarge(f"the events take more than {settings.EVENTLANE_MAX_DIALECT_BYTES} bytes as JSON")
        self.entries.append(entry)

    def refused(self) -> list[Entry]:
        """Return the events that aren't stored."""
        return [entry for entry in self.entries if entry.refusal]


class Module(Protocol):
    """What each dialect's module has."""

    MAKES_DATASETS: bool  # whether a dataset is made at its first use in every project

    def secret_of(self, request: Request) -> str:
        """Return the key, or an empty text. Only of a dialect without `key_in_body`."""

    def secret_in(self, incoming: Incoming, body: bytes) -> str:
        """Return the key in a body as sent, or an empty text. Only of a dialect with `key_in_body`; in a thread."""

    def parse(self, incoming: Incoming, body: bytes) -> None:
        """Add the events of a body as it was sent. Raises Malformed, NoDialect, and what `incoming` raises."""

    def reply(self, incoming: Incoming) -> Reply:
        """Say what became of the events: those without a refusal are on disk."""

    def fail(self, incoming: Incoming, status: int, reason: str) -> Reply:
        """Say that nothing was stored. `status` is 400, 401, 413, 429, 500 or 503."""

    # One whose clients look for more in a refusal for now than Retry-After and RateLimit also has
    # `limit_headers(error)`; one that answers GET has `look(request)`.


class Malformed(ValueError):
    """The request isn't what its protocol says. The message is for the sender."""


class NoDialect(Exception):
    """The request belongs to the Events API, on a path that it shares with a dialect."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol: the name of its module, and a regular expression for its paths."""

    name: str
    path: str
    arrays_are_events: bool = False  # a body that begins with [ belongs to the Events API, on the paths of both
    key_in_body: bool = False  # then its module has `secret_in(incoming, body)` instead of `secret_of(request)`

    @property
    def module(self) -> Module:
        """Its module."""
        return _module(self.name)


@cache
def _module(name: str) -> Module:
    module: Any = import_module(f"{__name__}.{name}")
    return module


DIALECTS = (
    Dialect("otlp", r"(?:/otlp)?/v1(?:/(?P<signal>logs|traces|metrics))?/?|/otlp/?", arrays_are_events=True),
    Dialect("elasticsearch", r"/(?!v\d+/|console/|static/|hooks/)(?:(?P<index>[^/]+)/)?_bulk/?"),
    Dialect("loki", r"/loki/api/v1/push/?"),
    Dialect("axiom", r"/v1/datasets/(?P<dataset>[^/]+)/ingest/?|/v1/ingest/(?P<name>[^/]+)/?"),
    Dialect("honeycomb", r"/1/(?P<kind>batch|events)/(?P<dataset>[^/]+)/?"),
    Dialect("splunk", r"/services/collector(?:/(?P<kind>event|raw|health))?(?:/1\.0)?/?"),
    Dialect("datadog", r"/api/v2/logs/?"),
    Dialect("gelf", r"/gelf/?"),
    Dialect("posthog", r"/(?:batch|capture|i/v0/e)/?", key_in_body=True),
    Dialect("sentry", r"/api/\d+/envelope/?"),
)
_PATTERNS = [(dialect, re.compile(rf"(?:{dialect.path})\Z".encode())) for dialect in DIALECTS]
# Of all dialects: a group's name may stand in a pattern only once, and nobody asks for groups here.
PATHS = re.compile("|".join(rf"(?:{re.sub(r'[?]P<[a-z]+>', '?:', dialect.path)})\Z" for dialect in DIALECTS))


def dialect_of(path: bytes) -> tuple[Dialect, re.Match[bytes]] | None:
    """Return the dialect of a path as sent, and the match; or None."""
    found = ((dialect, match) for dialect, pattern in _PATTERNS if (match := pattern.match(path)))
    return next(found, None)


def is_shared(path: bytes) -> bool:
    """Return whether the Events API has this path, too."""
    return path.startswith(b"/v1")
