"""The JSON of an event for people: indented, every name, text and number as it was sent.

Reading and writing JSON again would round long numbers and drop all but one of keys that stand twice.
"""

import re
from collections.abc import Iterator

from events.lake.lines import UNSAFE

MAX_INDENTED = 40  # deeper levels stand below each other: thousands of levels would be millions of spaces
OPENING, CLOSING = ("{", "["), ("}", "]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def indented(event: str) -> str:
    """Return an event's JSON with a member or element a line; what would turn or hide text is written as its escape."""
    return escaped("".join(_parts(event)))


Keys = tuple[str | int, ...]  # names as their JSON is written, and indexes


def leaves(event: str) -> Iterator[tuple[Keys, str]]:
    """Yield keys and value, as they are written, of all in an event that is no object or list, or an empty one."""
    keys: list[str | int] = []
    before, opening = "", ""
    for token in _TOKEN.findall(event):
        if token in CLOSING:
            if before == opening and len(keys) > 1:
                yield tuple(keys[:-1]), f"{opening}{token}"
            keys.pop()
        elif token in OPENING:
            keys.append(0 if token == "[" else "")
            opening = token
        elif token == ",":
            keys[-1] = keys[-1] + 1 if isinstance(keys[-1], int) else ""
        elif token != ":" and keys[-1] == "" and before in ("{", ","):
            keys[-1] = token
        elif token != ":":
            yield tuple(keys), token
        before = token


def escaped(json: str) -> str:
    """Return JSON in which control characters in names and texts are escapes; line ends and spaces stay."""
    return UNSAFE.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", json)


def _parts(event: str) -> Iterator[str]:
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
