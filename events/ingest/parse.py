"""Split a request's body into its events, and decide which ones to accept.

The rules are those of docs/api/events.md, "When an event fails".

The fast path splits and checks the whole batch with msgspec and a few passes over its bytes. Anything it can't decide
goes element by element through the slow path, which knows the reasons. Both keep the bytes of every element as sent.
"""

import re
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from events.ingest.split import BRACKETS, STRING, check_json, split, split_well_formed

OBJECT_START = ord("{")
SHOWN_OVERHEAD_BYTES = len('{"index": , "reason": ""}, , ')


_brackets = re.compile(rb'(?:[^"\[\]{}]++|%b)*+(%b)' % (STRING, BRACKETS), re.DOTALL)


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
    elements = split_well_formed(body, limits.max_events) if _is_utf8(body) else None
    if elements is not None:
        return _accept_all(elements, limits) or _sort_out(list(map(bytes, elements)), limits)
    return _sort_out(split(body, limits.max_events), limits)


def parse_acceptable(body: bytes, limits: Limits) -> Parsed | None:
    """Do the fast part of `parse_events`; return None if that isn't enough."""
    elements = split_well_formed(body, limits.max_events) if _is_utf8(body) else None
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


def refusal_of(text: bytes, limits: Limits) -> str:
    """Return why an event is refused, or an empty text."""
    refusal = _refusal(text, limits)
    return refusal[0] if refusal else ""


def _refusal(text: bytes, limits: Limits) -> tuple[str, bool] | None:
    """Return why an element is refused and whether it is valid JSON, or None if it is accepted."""
    if not text:
        return "empty element", False
    try:
        text.decode()
        check_json(text)
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
