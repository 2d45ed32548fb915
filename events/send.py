"""Send events to the Events API in batches, in order, over a single HTTP connection.

It is a client like any other: it needs no database and no journal, and works from another machine.

Each event is stored once, rejected with a reason, or reported as not sent. A batch whose reply is lost is sent again
under the same `Idempotency-Key`, so that the server doesn't store its events twice.
"""

import email.utils
import gzip
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import urllib3

from events.elements import Element, InvalidInput

BATCH_EVENTS = 1000
BATCH_BYTES = 512 * 1024  # small enough for a reply that lists all of them as invalid
FIRST_WAIT_SECONDS = 0.5
MAX_WAIT_SECONDS = 30.0
EMPTY_BODY_BYTES = len("[]")
NOT_SHOWN = "not shown: "  # precedes the reason for an event that the reply doesn't list
LINE_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
ACCEPTED = "Request Accepted"
NUMBER = re.compile(r"[0-9]+")
TIMEOUT = urllib3.Timeout(connect=10, read=60)


class SendingStopped(Exception):
    """The rest of the input was not sent."""


class PartlyStored(SendingStopped):
    """Some events of a batch were refused, nobody knows which; the others are stored. Sent again, they were doubled."""

    def __init__(self, message: str, refused: int) -> None:
        super().__init__(message)
        self.refused = refused


class _Retry(Exception):
    """The server couldn't accept a batch now."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


@dataclass
class Rejection:
    """How often a reason occurred, where first, and its text there."""

    reason: str
    first_number: int
    count: int = 0


@dataclass
class Tally:
    """What has become of the elements so far."""

    stored: int = 0
    stored_bytes: int = 0
    rejected: int = 0
    rejections: dict[str, Rejection] = field(default_factory=dict)  # by reason, ignoring its numbers

    def store(self, text: bytes) -> None:
        """Count an event that the server has on disk."""
        self.stored += 1
        self.stored_bytes += len(text)

    def reject(self, number: int, reason: str) -> None:
        """Count an element that the server refused."""
        self.rejected += 1
        self.rejections.setdefault(NUMBER.sub("", reason), Rejection(reason, number)).count += 1


@dataclass(frozen=True)
class Target:
    """The dataset, namespace and service that events are sent to."""

    dataset: str
    namespace: str = ""
    service: str = ""

    def in_path(self) -> bool:
        """Return whether a path can carry them safely: some proxies decode %2F, and clients resolve `..`."""
        labels = (self.service, self.namespace)
        return bool(self.namespace) and not any("/" in label or label in (".", "..") for label in labels)

    def url(self, base: str) -> str:
        """Return the URL to POST to; raise ValueError if `base` isn't an HTTP address."""
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base!r} is not an address; write it like https://events.example.com")
        labels = [self.service, self.namespace] if self.in_path() else []
        return "/".join([base.rstrip("/"), "v1", *(quote(name, safe="") for name in (self.dataset, *labels) if name)])

    def headers(self) -> dict[str, str]:
        """Return headers for what isn't in the path; raise ValueError for what a header can't carry."""
        headers = {} if self.in_path() else {"x-namespace": self.namespace, "x-service": self.service}
        for text in headers.values():
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"{text!r} can't be sent: with a '/' in it, a name must be plain ASCII")
        return {name: text for name, text in headers.items() if text}


@dataclass
class Connection:
    """Where batches go, and how long a batch is retried."""

    url: str
    headers: dict[str, str]
    retry_for: timedelta = timedelta(minutes=2)
    compress: bool = False
    on_retry: Callable[[str], None] = lambda message: None
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=TIMEOUT, retries=False))

    def post(self, texts: list[bytes], name: str = "") -> list[tuple[int, str]]:
        """Return (index, reason) for refused events; the others are stored.

        Raise SendingStopped if the whole batch was refused or couldn't be delivered for `retry_for`, or PartlyStored.
        Who then calls this again gives the same `name` each time, so that nothing is stored twice.
        """
        body, name = b"[" + b",".join(texts) + b"]", name or new_name()
        deadline, attempt = None, 0
        while True:
            try:
                return self._post_once(body, name, len(texts))
            except _Retry as problem:
                now = time.monotonic()
                deadline = deadline or now + self.retry_for.total_seconds()
                wait = problem.wait_seconds
                if wait is None:
                    wait = min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt) * random.uniform(0.5, 1)
                if now + wait > deadline:
                    raise SendingStopped(f"{problem}; gave up after {attempt + 1} attempts") from problem
                self.on_retry(f"{problem}; trying again in {wait:.1f} s")
                time.sleep(wait)
                attempt += 1

    def _post_once(self, body: bytes, name: str, count: int) -> list[tuple[int, str]]:
        headers = {"content-type": "application/json", "idempotency-key": name, **self.headers}
        if self.compress:
            body, headers["content-encoding"] = gzip.compress(body, 1), "gzip"
        try:
            reply = self._http.request("POST", self.url, body=body, headers=headers, redirect=False)
        except (urllib3.exceptions.SSLError, urllib3.exceptions.LocationValueError) as error:
            raise SendingStopped(f"{self.url}: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise _Retry(f"no reply from {self.url}: {_cause(error)}") from error
        if reply.status == 202 or (reply.status == 200 and _accepts(reply)):
            return []
        if reply.status == 429 or reply.status >= 500:
            raise _Retry(f"{self.url} replied {reply.status}", _retry_after(reply.headers.get("retry-after")))
        return _refused(reply, count)


def new_name() -> str:
    """Return an Idempotency-Key for a batch."""
    return str(uuid.uuid4())


def _accepts(reply: urllib3.BaseHTTPResponse) -> bool:
    """Return whether a 200 is that of a key with `answer_200`, and not a web page."""
    try:
        return bool(json.loads(reply.data)["message"] == ACCEPTED)
    except (ValueError, TypeError, KeyError):
        return False


def _cause(error: BaseException) -> str:
    """Return the system's message for a failed connection, without urllib3's wrapping."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__


def _retry_after(header: str | None) -> float | None:
    """Return the seconds in a Retry-After header, or None if it has no usable value."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _refused(reply: urllib3.BaseHTTPResponse, count: int) -> list[tuple[int, str]]:
    """Return (index, reason) for refused events; raise SendingStopped if the reply names none, or PartlyStored."""
    try:
        found = json.loads(reply.data)
        errors = {int(row["index"]): str(row["reason"]) for row in found["errors"]}
        more = int(found.get("more_invalid", 0))
    except (ValueError, TypeError, KeyError):
        errors, more = {}, 0
    reason = reply.headers.get("x-error-reason") or reply.data[:200].decode(errors="replace")
    if more and more == count - len(errors):  # all of them: an event may be too large for the reply
        errors, more = dict.fromkeys(range(count), reason.removeprefix(NOT_SHOWN)) | errors, 0
    if reply.status == 400 and 0 < more < count - len(errors):
        refused = len(errors) + more
        raise PartlyStored(
            f"{refused} of {count} events were refused and the others stored; not all are named: {reason}", refused
        )
    if reply.status != 400 or more or not errors or not all(0 <= index < count for index in errors):
        raise SendingStopped(f"the server refused the request: {reply.status} {reason}".rstrip())
    return list(errors.items())


@dataclass
class Sender:
    """Sends elements in batches and counts them. `kept` receives rejected events, one per line."""

    connection: Connection
    max_body_bytes: int
    kept: BinaryIO | None = None
    on_batch: Callable[[], None] = lambda: None
    max_events: int = BATCH_EVENTS  # in a request
    tally: Tally = field(default_factory=Tally)
    unanswered: int = 0  # elements of a request whose answer isn't there yet: they may be stored
    _batch: list[Element] = field(default_factory=list)
    _body_bytes: int = EMPTY_BODY_BYTES

    @property
    def unsent_from(self) -> int | None:
        """Number of the first element that was read but neither stored nor rejected."""
        return self._batch[0].number if self._batch else None

    def send(self, elements: Iterable[Element | None]) -> None:
        """Send all elements; None among them means that the input pauses. Raise SendingStopped or InvalidInput."""
        try:
            for element in elements:
                if element is None:
                    self._flush(len(self._batch))
                elif element.problem:
                    self._set_aside(element, element.problem)
                else:
                    self._add(element)
        except InvalidInput:
            self._flush(len(self._batch))
            raise
        self._flush(len(self._batch))

    def keep_unsent(self, elements: Iterable[Element | None]) -> None:
        """Keep what couldn't be sent: the current batch and the rest of the input."""
        for element in chain(self._batch, elements):
            if element:
                self._keep(element)

    def _add(self, element: Element) -> None:
        self._batch.append(element)
        self._body_bytes += len(element.text) + 1
        if len(self._batch) > self.max_events or self._body_bytes > min(self.max_body_bytes, BATCH_BYTES):
            self._flush(len(self._batch) - 1)

    def _flush(self, count: int) -> None:
        """Send the first `count` elements of the current batch. They stay in it until the server answers."""
        if not count:
            return
        batch = self._batch[:count]
        self.unanswered = count
        try:
            errors = dict(self.connection.post([element.text for element in batch]))
        except PartlyStored:
            self._forget(count)
            raise
        self._forget(count)
        for index, element in enumerate(batch):
            if index in errors:
                self._set_aside(element, errors[index])
            else:
                self.tally.store(element.text)
        self.on_batch()

    def _forget(self, count: int) -> None:
        """Take the first `count` elements, which were answered, out of the current batch."""
        self.unanswered = 0
        self._batch = self._batch[count:]
        self._body_bytes = EMPTY_BODY_BYTES + sum(len(element.text) + 1 for element in self._batch)

    def _set_aside(self, element: Element, reason: str) -> None:
        if not element.more:
            self.tally.reject(element.number, reason)
        self._keep(element)

    def _keep(self, element: Element) -> None:
        """Write an event as it was sent, without line breaks between its tokens: one line is one event."""
        if self.kept:
            self.kept.write(element.text.translate(LINE_BREAKS_TO_SPACES) + (b"" if element.more else b"\n"))
