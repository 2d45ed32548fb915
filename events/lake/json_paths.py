"""What a path into an event's JSON means: lists of keys, and the SQL that follows them.

A path is a JSON pointer if it begins with a slash, or keys with dots between them. Dots may be part of a key: of all
keys that a path could mean, the longest first.

Of a key that stands twice in an object the last one counts. DuckDB takes the first, so an event that may have such keys
is read another way, which takes longer. Whether it may is a search for the key's text: cheap, and wrong only to the
safe side.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

from eventlane.json_pointer import escape
from events.lake.conditions import ESCAPED_KEY

MAX_PARTS = 50
SPLIT_PARTS = 5  # of a longer path only the whole, and every part by itself, are tried as keys

Bind = Callable[[object], str]


def spellings(path: str) -> list[list[str]]:
    """Return the lists of keys that a path may mean, in the order in which they are tried."""
    if path.startswith("/"):
        return [[part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]]
    parts = path.split(".")
    if len(parts) > SPLIT_PARTS:
        return [[path], parts]
    gaps = range(1, len(parts))
    cuts = [cut for count in range(len(parts)) for cut in combinations(gaps, count)]
    found = [
        [".".join(parts[start:end]) for start, end in zip((0, *cut), (*cut, len(parts)), strict=True)] for cut in cuts
    ]
    return sorted(found, key=lambda keys: [-key.count(".") for key in keys])


def pointer(keys: list[str]) -> str:
    """Return keys as a JSON pointer."""
    return "".join(f"/{escape(key)}" for key in keys)


def path_of(keys: Sequence[str]) -> str:
    """Return the path by which a query finds what keys lead to: with dots where that works, else a pointer."""
    path = ".".join(keys)
    return path if path and not path.startswith("/") and list(keys) in spellings(path) else pointer(list(keys))


def json_at_path(path: str, bind: Bind) -> str:
    """Return the JSON of what stands at a path of `event`, as text; NULL where nothing does, maybe for null."""
    tried = spellings(path)
    usual = max(tried, key=len)
    names = dict.fromkeys(name for keys in tried for name in keys)
    # Without its quotation mark in front: searching for a rarer first character takes a third of the time.
    doubled = [f"event LIKE {bind(_doubled(name))}" for name in usual]
    dotted = [f"contains(event, {bind(_key_end(name))})" for name in names if name not in usual]
    escaped = rf"(contains(event, '\') AND regexp_matches(event, '{ESCAPED_KEY}'))"
    unusual = " OR ".join([*dict.fromkeys(doubled), *dotted, escaped])
    found = [f"json_at(plain(event), {bind(keys)})" for keys in tried]
    slow = f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
    fast = f"json_extract(plain(event), {bind(pointer(usual))})::VARCHAR"
    return f"CASE WHEN {unusual} THEN {slow} ELSE {fast} END"


def _key_end(name: str) -> str:
    return f'{name}"'


def _doubled(name: str) -> str:
    """Return a LIKE pattern that every event matches in which this key may stand twice."""
    return f'%{name}"%{name}"%'
