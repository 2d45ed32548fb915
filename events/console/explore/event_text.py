"""The JSON of an event for people: indented, every name, text and number as it was sent.

Reading and writing JSON again would round long numbers and drop all but one of keys that stand twice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from events.lake.lines import UNSAFE

MAX_INDENTED = 40  # deeper levels stand below each other: thousands of levels would be millions of spaces
OPENING, CLOSING = ("{", "["), ("}", "]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def indented(event: str) -> str:
    """Return an event's JSON with a member or element a line; what would turn or hide text is written as its escape."""
    return escaped("".join(_spaced(event)))


Keys = tuple[str | int, ...]  # names as their JSON is written, and indexes


@dataclass(frozen=True, slots=True)
class Part:
    """What stands at the keys of an event, `text` as it was sent.

    `members` is how many an object or a list has that opens: its own parts follow, then one that `closes` it.
    """

    keys: Keys
    text: str
    members: int = 0
    closes: bool = False


def parts(event: str, most_depth: int) -> Iterator[Part]:
    """Yield all that stands in an event, in its order; objects and lists open only up to this depth.

    An empty one has no parts of its own.
    """
    tokens = list(_TOKEN.finditer(event))
    extents = _extents(tokens)
    keys: list[str | int] = []
    before = ""
    for place, match in enumerate(tokens):
        token = match[0]
        if token in CLOSING:
            keys.pop()
            if before not in OPENING and 0 < len(keys) <= most_depth:
                yield Part((), "", closes=True)
        elif token in OPENING:
            end, members = extents[place]
            if keys and end == place + 1:
                yield Part(tuple(keys), token + tokens[end][0])
            elif 0 < len(keys) <= most_depth:
                yield Part(tuple(keys), event[match.start() : tokens[end].end()], members)
            keys.append(0 if token == "[" else "")
        elif token == ",":
            keys[-1] = keys[-1] + 1 if isinstance(keys[-1], int) else ""
        elif token != ":" and keys[-1] == "" and before in ("{", ","):
            keys[-1] = token
        elif token != ":":
            yield Part(tuple(keys), token)
        before = token


def _extents(tokens: Sequence[re.Match[str]]) -> dict[int, tuple[int, int]]:
    """Return where among the tokens each object or list ends, and how many members it has, by where it begins."""
    open_ones: list[list[int]] = []
    found = {}
    for place, match in enumerate(tokens):
        if match[0] in OPENING:
            open_ones.append([place, 1])
        elif match[0] in CLOSING:
            start, members = open_ones.pop()
            found[start] = place, members
        elif match[0] == ",":
            open_ones[-1][1] += 1
    return found


def leaves(event: str) -> Iterator[tuple[Keys, str]]:
    """Yield keys and value, as they are written, of all in an event that is no object or list, or an empty one."""
    for part in parts(event, 0):
        yield part.keys, part.text


def escaped(json: str) -> str:
    """Return JSON in which control characters in names and texts are escapes; line ends and spaces stay."""
    return UNSAFE.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", json)


def _spaced(event: str) -> Iterator[str]:
    """Yield the tokens with what stands between them."""
    depth, before = 0, ""
    for token in _TOKEN.findall(event):
        depth -= token in CLOSING
        if before == "," or (before in OPENING) != (token in CLOSING and before != ""):
            yield _new_line(depth)
        yield ": " if token == ":" else token
        depth += token in OPENING
        before = token


def _new_line(depth: int) -> str:
    return "\n" + "  " * min(depth, MAX_INDENTED)
