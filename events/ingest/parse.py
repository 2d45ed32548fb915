"""Split a request's body into its events, and say of each whether it can be accepted.

The rules are those of events-api.md, "What fails an event".

The fast path splits and checks a whole batch with msgspec and a few passes over its bytes. Whatever that
doesn't settle goes element by element through the slow path, which knows why. Both keep every element's
bytes as they were sent.
"""

import re
from dataclasses import dataclass
from itertools import accumulate

import msgspec

WHITESPACE = b" \t\n\r"
OBJECT_START = ord("{")
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_check_json = msgspec.json.Decoder(msgspec.Raw).decode
_token = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)


class NotAnArray(ValueError):
    """The body is not a JSON array, or where its elements end can't be told."""


@dataclass(frozen=True)
class Limits:
    """What one event may be."""

    max_bytes: int
    max_depth: int


@dataclass(frozen=True, slots=True)
class InvalidEvent:
    """An element that is refused. `shown` is the JSON that shows it in the reply, as it was sent."""

    index: int
    reason: str
    shown: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body's acceptable events, joined, with their lengths in bytes; and the others."""

    events: bytes
    lengths: list[int]
    invalid: list[InvalidEvent]


def parse_events(body: bytes, limits: Limits) -> Parsed:
    """Split a body and check its events; raise NotAnArray when it can't be split."""
    is_text = _is_utf8(body)
    elements = _split_well_formed(body) if is_text else None
    if elements is not None:
        events, lengths = b"".join(elements), list(map(len, elements))
        if _all_acceptable(events, lengths, limits):
            return Parsed(events, lengths, [])
    return _sort_out(split_elements(body) if elements is None else list(map(bytes, elements)), limits)


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split_well_formed(body: bytes) -> list[bytes] | None:
    """Split a body that is valid JSON all through; None when it isn't, or nests too deep for the parser."""
    try:
        return _split_array(body)  # type: ignore[return-value]  # Raw is as good as bytes from here on
    except msgspec.ValidationError:
        raise NotAnArray("body is not a JSON array") from None
    except (msgspec.DecodeError, RecursionError):
        return None


def _all_acceptable(events: bytes, lengths: list[int], limits: Limits) -> bool:
    """Tell whether every element of a valid array is an acceptable event, in a few passes over the whole."""
    if not lengths:
        return True
    if max(lengths) >= limits.max_bytes or min(lengths) == 0:
        return False
    ends = list(accumulate(lengths))
    if set(map(events.__getitem__, [0, *ends[:-1]])) != {OBJECT_START}:
        return False
    shortest_deep = 2 * limits.max_depth  # one level takes two bytes at least
    return all(
        _brackets(events, end - length, end) <= limits.max_depth
        for length, end in zip(lengths, ends, strict=True)
        if length > shortest_deep
    )


def _brackets(text: bytes, start: int, end: int) -> int:
    """Count what may open a level: an upper bound of the depth, for some stand inside strings."""
    return text.count(b"{", start, end) + text.count(b"[", start, end)


def _sort_out(elements: list[bytes], limits: Limits) -> Parsed:
    """Check element by element: the slow path."""
    accepted, invalid = [], []
    for index, text in enumerate(elements):
        refusal = _refusal(text, limits)
        if refusal is None:
            accepted.append(text)
        else:
            reason, is_json = refusal
            shown = text if is_json else msgspec.json.encode(text.decode(errors="replace"))
            invalid.append(InvalidEvent(index, reason, shown))
    return Parsed(b"".join(accepted), list(map(len, accepted)), invalid)


def _refusal(text: bytes, limits: Limits) -> tuple[str, bool] | None:
    """Return why an element is refused and whether it is valid JSON; None when it is accepted."""
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
    if _brackets(text, 0, len(text)) > limits.max_depth and depth_of(text) > limits.max_depth:
        return f"nests deeper than {limits.max_depth} levels", True
    return None


def _plain(error: msgspec.DecodeError) -> str:
    """Return msgspec's finding without its preamble."""
    return str(error).removeprefix("JSON is malformed: ")


def depth_of(text: bytes) -> int:
    """Return how deep a valid JSON text nests: 1 for a flat object."""
    depth = deepest = 0
    for token in _token.finditer(text):
        character = text[token.start()]
        if character in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in b"}]":
            depth -= 1
    return deepest


def split_elements(body: bytes) -> list[bytes]:
    """Split the text of an array at the commas of its first level, whatever the elements are like.

    Only strings and brackets are looked at, so one malformed element doesn't spoil its neighbours. Raises
    NotAnArray when those don't pair up.
    """
    start = len(body) - len(body.lstrip(WHITESPACE))
    if body[start : start + 3] == b"\xef\xbb\xbf":
        raise NotAnArray("body begins with a byte order mark, which JSON doesn't allow")
    if body[start : start + 1] != b"[":
        raise NotAnArray("body is not a JSON array")
    elements: list[bytes] = []
    element_start = start + 1
    closers: list[int] = []
    for token in _token.finditer(body, start):
        character = body[token.start()]
        if character in b"[{":
            closers.append(character + 2)  # in ASCII, each bracket's partner is two further
        elif character in b"]}":
            if closers.pop() != character:
                raise NotAnArray(f"bracket at byte {token.start()} closes another kind of bracket")
            if not closers:
                return _finish(body, elements, element_start, token.start())
        elif character == ord(",") and len(closers) == 1:
            elements.append(body[element_start : token.start()].strip(WHITESPACE))
            element_start = token.end()
        elif character == ord('"') and token.end() - token.start() == 1:
            raise NotAnArray(f"string at byte {token.start()} doesn't end")
    raise NotAnArray("array doesn't end")


def _finish(body: bytes, elements: list[bytes], start: int, end: int) -> list[bytes]:
    if body[end + 1 :].strip(WHITESPACE):
        raise NotAnArray(f"text behind the array's end at byte {end}")
    last = body[start:end].strip(WHITESPACE)
    return [*elements, last] if last or elements else []
