"""Split a request's body into its events, and decide which ones to accept.

The rules are those of docs/api/events.md, "When an event fails".

The fast path splits and checks the whole batch with msgspec and a few passes over its bytes. Anything it can't decide
goes element by element through the slow path, which knows the reasons. Both keep the bytes of every element as sent.
"""

import re
from dataclasses import dataclass
from itertools import accumulate

import msgspec

WHITESPACE = b" \t\n\r"
OBJECT_START = ord("{")
# Up to this many times the allowed number of events, a body is split before they are counted: 56 bytes each.
SPLIT_AT_ONCE = 10
SHOWN_OVERHEAD_BYTES = len('{"index": , "reason": ""}, , ')


class _Object(msgspec.Struct, gc=False):
    """Any object. Counting objects with it takes 24 bytes each, and stops at anything else."""


_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_count_objects = msgspec.json.Decoder(list[_Object]).decode
_check_json = msgspec.json.Decoder(msgspec.Raw).decode

# A match reaches to the next token: a run of brackets is one, strings and everything without brackets are skipped.
# No byte is looked at more than a few times, whatever the text.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'\{(?:[^"\[\]{}]++|%b)*+\}|\[(?:[^"\[\]{}]++|%b)*+\]' % (_STRING, _STRING)
_BRACKETS = rb"[\[{]++|[\]}]++"
_outer_token = re.compile(rb'(?:[^"\[\]{},]++|%b|%b)*+(%b|[,"]|\Z)' % (_STRING, _FLAT, _BRACKETS), re.DOTALL)
_inner_token = re.compile(rb'(?:[^"\[\]{}]++|%b|%b)*+(%b|"|\Z)' % (_STRING, _FLAT, _BRACKETS), re.DOTALL)
_brackets = re.compile(rb'(?:[^"\[\]{}]++|%b)*+(%b)' % (_STRING, _BRACKETS), re.DOTALL)
_OPENERS = (b"[", b"{")
_PARTNERS = bytes.maketrans(b"[{", b"]}")


class NotAnArray(ValueError):
    """The body isn't a JSON array, or its elements can't be told apart."""


class TooManyEvents(ValueError):
    """The body's array has more elements than a request may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} events in one request")


@dataclass(frozen=True)
class Limits:
    """How large an event may be, how many a request may have, and how much of bad ones a reply shows."""

    max_bytes: int
    max_depth: int
    max_events: int
    max_shown_bytes: int


@dataclass(frozen=True, slots=True)
class InvalidEvent:
    """A refused element. `shown` is the JSON for the reply, as it was sent."""

    index: int
    reason: str
    shown: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body's acceptable events, joined, with their lengths in bytes; and the refused ones that are shown."""

    events: bytes
    lengths: list[int]
    invalid: list[InvalidEvent]
    more_invalid: int = 0  # how many aren't in the list, and why the first of them was refused
    more_reason: str = ""


def parse_events(body: bytes, limits: Limits) -> Parsed:
    """Split a body and check its events; raise NotAnArray if it can't be split, or TooManyEvents."""
    elements = _split_well_formed(body, limits.max_events) if _is_utf8(body) else None
    if elements is not None:
        return _accept_all(elements, limits) or _sort_out(list(map(bytes, elements)), limits)
    return _sort_out(split_elements(body, limits.max_events), limits)


def parse_acceptable(body: bytes, limits: Limits) -> Parsed | None:
    """Do the fast part of `parse_events`; return None if that isn't enough."""
    elements = _split_well_formed(body, limits.max_events) if _is_utf8(body) else None
    return None if elements is None else _accept_all(elements, limits)


def _accept_all(elements: list[bytes], limits: Limits) -> Parsed | None:
    events, lengths = b"".join(elements), list(map(len, elements))
    return Parsed(events, lengths, []) if _all_acceptable(events, lengths, limits) else None


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_well_formed(body: bytes, max_events: int) -> list[bytes] | None:
    """Split a body that is valid JSON throughout; return None if it isn't, or if the parser shouldn't split it."""
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


def _all_acceptable(events: bytes, lengths: list[int], limits: Limits) -> bool:
    """Return whether all elements of a valid array are acceptable events, in a few passes over the whole."""
    if not lengths:
        return True
    if max(lengths) >= limits.max_bytes or min(lengths) == 0:
        return False
    ends = list(accumulate(lengths))
    if set(map(events.__getitem__, [0, *ends[:-1]])) != {OBJECT_START}:
        return False
    shortest_deep = 2 * limits.max_depth  # each level takes at least two bytes
    return all(
        _count_brackets(events, end - length, end) <= limits.max_depth
        for length, end in zip(lengths, ends, strict=True)
        if length > shortest_deep
    )


def _count_brackets(text: bytes, start: int, end: int) -> int:
    """Count brackets that may open a level: an upper bound of the depth, since some are inside strings."""
    return text.count(b"{", start, end) + text.count(b"[", start, end)


def _sort_out(elements: list[bytes], limits: Limits) -> Parsed:
    """Check element by element: the slow path."""
    accepted, invalid, hidden = [], [], []
    room = limits.max_shown_bytes
    for index, text in enumerate(elements):
        refusal = _refusal(text, limits)
        if refusal is None:
            accepted.append(text)
            continue
        reason, is_json = refusal
        shown = text if is_json else msgspec.json.encode(text.decode(errors="replace"))
        size = len(shown) + len(str(index)) + len(reason) + SHOWN_OVERHEAD_BYTES
        if size <= room:
            room -= size
            invalid.append(InvalidEvent(index, reason, shown))
        else:
            hidden.append(reason)
    return Parsed(b"".join(accepted), list(map(len, accepted)), invalid, len(hidden), *hidden[:1])


def _refusal(text: bytes, limits: Limits) -> tuple[str, bool] | None:
    """Return why an element is refused and whether it is valid JSON, or None if it is accepted."""
    if not text:
        return "empty element", False
    try:
        text.decode()
        _check_json(text)
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start}", False
    except RecursionError:
        return f"nests deeper than {limits.max_depth} levels", False
    except msgspec.DecodeError as error:
        return f"invalid JSON: {_plain(error)}", False
    if text[0] != OBJECT_START:
        return "not a JSON object", True
    if len(text) >= limits.max_bytes:
        return f"larger than {limits.max_bytes} bytes", True
    if _count_brackets(text, 0, len(text)) > limits.max_depth and depth_of(text) > limits.max_depth:
        return f"nests deeper than {limits.max_depth} levels", True
    return None


def _plain(error: msgspec.DecodeError) -> str:
    """Return msgspec's message without its preamble."""
    return str(error).removeprefix("JSON is malformed: ")


def depth_of(text: bytes) -> int:
    """Return the nesting depth of a valid JSON text: 1 for a flat object."""
    depth = deepest = 0
    for run in _brackets.findall(text):
        if run[0] in b"[{":
            depth += len(run)
            deepest = max(deepest, depth)
        else:
            depth -= len(run)
    return deepest


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
            end = _array_end(closers, token, match.start(1))
            return _finish(body, elements, start, end)


def _array_start(body: bytes) -> int:
    """Return where the first element starts."""
    start = len(body) - len(body.lstrip(WHITESPACE))
    if body[start : start + 3] == b"\xef\xbb\xbf":
        raise NotAnArray("body begins with a byte order mark, which JSON doesn't allow")
    if body[start : start + 1] != b"[":
        raise NotAnArray("body is not a JSON array")
    return start + 1


def _array_end(closers: bytearray, token: bytes, position: int) -> int:
    """Return where the array ends: in this run of closing brackets, if it matches the open ones."""
    if not token:
        raise NotAnArray("array doesn't end")
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
