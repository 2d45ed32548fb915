"""Split a body into its elements: an array, or objects one after the other. Every element keeps its bytes as sent.

What is valid JSON throughout is split by msgspec. Anything else is split by its strings and brackets alone, so that a
malformed element doesn't spoil its neighbours.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

import msgspec

WHITESPACE = b" \t\n\r"
# Up to this many times the allowed number of events, a body is split before they are counted: 56 bytes each.
SPLIT_AT_ONCE = 10


class _Object(msgspec.Struct, gc=False):
    """Any object. Counting objects with it takes 24 bytes each, and stops at anything else."""


class _Logs(msgspec.Struct, forbid_unknown_fields=True):
    """What pino-http-send sends: nothing but an array of events."""

    logs: msgspec.Raw


_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_count_objects = msgspec.json.Decoder(list[_Object]).decode
_decode_logs = msgspec.json.Decoder(_Logs).decode
check_json = msgspec.json.Decoder(msgspec.Raw).decode

# A match reaches to the next token: a run of brackets is one, strings and everything without brackets are skipped.
# No byte is looked at more than a few times, whatever the text.
STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'\{(?:[^"\[\]{}]++|%b)*+\}|\[(?:[^"\[\]{}]++|%b)*+\]' % (STRING, STRING)
BRACKETS = rb"[\[{]++|[\]}]++"
_outer_token = re.compile(rb'(?:[^"\[\]{},]++|%b|%b)*+(%b|[,"]|\Z)' % (STRING, _FLAT, BRACKETS), re.DOTALL)
_inner_token = re.compile(rb'(?:[^"\[\]{}]++|%b|%b)*+(%b|"|\Z)' % (STRING, _FLAT, BRACKETS), re.DOTALL)
_OPENERS = (b"[", b"{")
_PARTNERS = bytes.maketrans(b"[{", b"]}")
_flat = re.compile(_FLAT, re.DOTALL)
_line = re.compile(rb"[^\n]+")
_logs = re.compile(rb'[ \t\n\r]*+\{[ \t\n\r]*+"logs"[ \t\n\r]*+:[ \t\n\r]*+(?=\[)')


class NotAnArray(ValueError):
    """The body is neither a JSON array nor objects, or its elements can't be told apart."""


class TooManyEvents(ValueError):
    """The body has more elements than a request may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} events in one request")


def split_well_formed(body: bytes, max_events: int) -> list[bytes] | None:
    """Split a body that is valid JSON throughout; return None if it isn't, or if the parser shouldn't split it."""
    elements = _split_valid_array(body, max_events)
    return _split_valid_objects(body, max_events) if elements is None and has_objects(body) else elements


def split(body: bytes, max_events: int) -> list[bytes]:
    """Split any body, well-formed or not. Raises NotAnArray if its strings and brackets don't pair up."""
    return _split_objects(body, max_events) if has_objects(body) else split_elements(body, max_events)


def has_objects(body: bytes) -> bool:
    """Return whether a body begins with an object instead of an array."""
    return body.lstrip(WHITESPACE)[:1] == b"{"


def _split_valid_array(body: bytes, max_events: int) -> list[bytes] | None:
    try:
        if _may_have_too_many(body, max_events) and len(_count_objects(body)) > max_events:
            raise TooManyEvents(max_events)
        elements = _split_array(body)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, RecursionError):
        return None
    if len(elements) > max_events:
        raise TooManyEvents(max_events)
    return elements  # type: ignore[return-value]  # Raw is as good as bytes from here on


def _may_have_too_many(body: bytes, max_events: int) -> bool:
    """Return whether splitting could take much more memory than the allowed events."""
    most = SPLIT_AT_ONCE * max_events
    return len(body) > 2 * most and body.count(b",") >= most


def _split_valid_objects(body: bytes, max_events: int) -> list[bytes] | None:
    """Split one valid object, or valid objects in lines; return None for anything else."""
    if _logs.match(body):
        with suppress(msgspec.DecodeError, RecursionError):
            return _split_valid_array(bytes(_decode_logs(body).logs), max_events)
    if is_object(body):
        return [body.strip(WHITESPACE)]
    if body.count(b"\n") > 2 * max_events:
        return None
    lines = list(_lines(body))
    elements = _split_valid_array(b"[%b]" % b",".join(lines), max_events)
    # A line may hold half an object, or two of them: as long as not every line is one, these aren't lines.
    return lines if elements is not None and list(map(bytes, elements)) == lines else None


def is_object(text: bytes) -> bool:
    """Return whether a text is one valid JSON object."""
    try:
        check_json(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return has_objects(text)


def _damaged_logs(body: bytes, max_events: int) -> list[bytes] | None:
    """Split the array of `{"logs": […]}` by its strings and brackets, or return None if the body isn't of this form."""
    start = _logs.match(body)
    text = body.rstrip(WHITESPACE)
    if start is None or not text.endswith(b"}"):
        return None
    try:
        return split_elements(text[start.end() : -1], max_events)
    except NotAnArray:
        return None


def _split_objects(body: bytes, max_events: int) -> list[bytes]:
    """Split objects that stand one after the other, or in lines, one of which may be damaged."""
    logs = _damaged_logs(body, max_events)
    if logs is not None:
        return logs
    try:
        return _split_at_braces(body, max_events)
    except NotAnArray:
        if not is_object(next(_lines(body))):
            raise
    lines = []
    for line in _lines(body):
        lines.append(line)
        if len(lines) > max_events:
            raise TooManyEvents(max_events)
    return lines


def _lines(body: bytes) -> Iterator[bytes]:
    """Yield the lines that aren't empty."""
    return (text for line in _line.finditer(body) if (text := line[0].strip(WHITESPACE)))


def _split_at_braces(body: bytes, max_events: int) -> list[bytes]:
    """Split objects with nothing but white space between them, by their strings and brackets."""
    elements: list[bytes] = []
    position = 0
    while (start := body.find(b"{", position)) >= 0:
        _check_between(body, position, start)
        if len(elements) >= max_events:
            raise TooManyEvents(max_events)
        position = _object_end(body, start)
        elements.append(body[start:position])
    _check_between(body, position, len(body))
    return elements


def _check_between(body: bytes, start: int, end: int) -> None:
    if body[start:end].strip(WHITESPACE):
        raise NotAnArray(f"text between objects at byte {start}")


def _object_end(body: bytes, start: int) -> int:
    """Return where the object that starts here ends."""
    if flat := _flat.match(body, start):
        return flat.end()
    closers, position = bytearray(b"}"), start + 1
    while True:
        match = _inner_token.match(body, position)
        assert match  # it also matches an empty text
        token, position = match[1], match.end()
        if token.startswith(_OPENERS):
            closers += token.translate(_PARTNERS)
        elif len(token) < len(closers) and closers.endswith(token[::-1]) and token:
            del closers[-len(token) :]
        else:
            return _end_of(closers, token, match.start(1), "object") + 1


def split_elements(body: bytes, max_events: int) -> list[bytes]:
    """Split the text of an array at the commas of its first level, whatever its elements are.

    Only strings and brackets matter, so a malformed element doesn't spoil its neighbours. Raises NotAnArray if these
    don't pair up, and TooManyEvents.
    """
    start = position = _array_start(body)
    elements: list[bytes] = []
    closers = bytearray(b"]")
    while True:
        match = (_inner_token if len(closers) > 1 else _outer_token).match(body, position)
        assert match  # it also matches an empty text
        token, position = match[1], match.end()
        if token.startswith(_OPENERS):
            closers += token.translate(_PARTNERS)
        elif len(token) < len(closers) and closers.endswith(token[::-1]) and token:
            del closers[-len(token) :]
        elif token == b",":
            elements.append(body[start : position - 1].strip(WHITESPACE))
            start = position
            if len(elements) >= max_events:
                raise TooManyEvents(max_events)
        else:
            end = _end_of(closers, token, match.start(1), "array")
            return _finish(body, elements, start, end)


def _array_start(body: bytes) -> int:
    """Return where the first element starts."""
    start = len(body) - len(body.lstrip(WHITESPACE))
    if body[start : start + 3] == b"\xef\xbb\xbf":
        raise NotAnArray("body begins with a byte order mark, which JSON doesn't allow")
    if body[start : start + 1] != b"[":
        raise NotAnArray("body is not a JSON array, nor objects")
    return start + 1


def _end_of(closers: bytearray, token: bytes, position: int, what: str) -> int:
    """Return where the array or object ends: in this run of closing brackets, if it matches the open ones."""
    if not token:
        raise NotAnArray(f"{what} doesn't end")
    if token == b'"':
        raise NotAnArray(f"string at byte {position} doesn't end")
    for offset, closer in enumerate(reversed(closers)):
        if token[offset] != closer:
            raise NotAnArray(f"bracket at byte {position + offset} closes another kind of bracket")
    return position + len(closers) - 1


def _finish(body: bytes, elements: list[bytes], start: int, end: int) -> list[bytes]:
    if body[end + 1 :].strip(WHITESPACE):
        raise NotAnArray(f"text behind the array's end at byte {end}")
    last = body[start:end].strip(WHITESPACE)
    return [*elements, last] if last or elements else []
