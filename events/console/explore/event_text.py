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

    `opens` is true of an object or a list with something in it: its own parts follow, then one that `closes` it.
    """

    keys: Keys
    text: str
    opens: bool = False
    closes: bool = False


def parts(event: str) -> Iterator[Part]:
    """Yield all that stands in an event, in its order; an empty object or list has no parts of its own."""
    tokens = list(_TOKEN.finditer(event))
    ends = _ends(tokens)
    keys: list[str | int] = []
    before = ""
    for place, match in enumerate(tokens):
        token = match[0]
        if token in CLOSING:
            keys.pop()
            if before not in OPENING and keys:
                yield Part(tuple(keys), "", closes=True)
        elif token in OPENING:
            if keys and ends[place] == place + 1:
                yield Part(tuple(keys), token + tokens[place + 1][0])
            elif keys:
                yield Part(tuple(keys), event[match.start() : tokens[ends[place]].end()], opens=True)
            keys.append(0 if token == "[" else "")
        elif token == ",":
            keys[-1] = keys[-1] + 1 if isinstance(keys[-1], int) else ""
        elif token != ":" and keys[-1] == "" and before in ("{", ","):
            keys[-1] = token
        elif token != ":":
            yield Part(tuple(keys), token)
        before = token


def _ends(tokens: Sequence[re.Match[str]]) -> dict[int, int]:
    """Return where among the tokens each object or list ends, by where it begins."""
    open_ones: list[int] = []
    ends = {}
    for place, match in enumerate(tokens):
        if match[0] in OPENING:
            open_ones.append(place)
        elif match[0] in CLOSING:
            ends[open_ones.pop()] = place
    return ends


def leaves(event: str) -> Iterator[tuple[Keys, str]]:
    """Yield keys and value, as they are written, of all in an event that is no object or list, or an empty one."""
    for part in parts(event):
        if not part.opens and not part.closes:
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
