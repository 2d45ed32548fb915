"""The one seam between a path and SQL: what of an event a path means, and how it is read.

A path is a well-known name, which means a column; or a JSON pointer if it begins with a slash; or keys with dots
between them. Dots may be part of a key: of all keys that a path could mean, the longest first.

Of a key that stands twice in an object the last one counts. DuckDB takes the first, so an event that may have such keys
is read another way, which takes longer. Whether it may is a search for the key's text: cheap, and wrong only to the
safe side.
"""

from collections.abc import Callable
from itertools import combinations

from eventlane.json_pointer import escape
from events.lake.columns import EVENT_COLUMNS
from events.lake.conditions import ESCAPED_KEY
from events.query.values import Kind, Operand

MAX_PATH = 1000
MAX_PARTS = 50
SPLIT_PARTS = 5  # of a longer path only the whole, and every part by itself, are tried as keys
# Other columns than these are no business of a query's.
WELL_KNOWN = (
    *("id", "namespace", "service", "level", "message", "duration", "error", "request_id", "trace_id", "span_id"),
    *("event_time", "received_time"),
)
KINDS = {"VARCHAR": Kind.TEXT, "DOUBLE": Kind.NUMBER, "TIMESTAMPTZ": Kind.TIME, "UUID": Kind.ID}
COLUMNS = {name: KINDS[EVENT_COLUMNS[name]] for name in WELL_KNOWN if name in EVENT_COLUMNS} | {"dataset": Kind.TEXT}
TIME_COLUMNS = {name for name, kind in COLUMNS.items() if kind is Kind.TIME}

Bind = Callable[[object], str]


def check_path(path: str) -> str | None:
    """Return why a text is no path, if it is none."""
    if not path:
        return "is empty"
    if len(path) > MAX_PATH:
        return f"has more than {MAX_PATH:,} characters"
    if len(path.split("/" if path.startswith("/") else ".")) > MAX_PARTS:
        return f"has more than {MAX_PARTS} parts"
    return None


def operand_at(path: str, bind: Bind) -> Operand:
    """Return what stands at a path of a row of the events' table."""
    kind = COLUMNS.get(path)
    if kind is None:
        return Operand(Kind.JSON, _json_at(path, bind))
    if path == "dataset":
        return Operand(kind, path)
    return Operand(kind, f"plain({path})" if kind is Kind.TEXT else path)


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


def _json_at(path: str, bind: Bind) -> str:
    """Return the JSON of what stands at a path, as text; NULL where nothing does, maybe for null."""
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


def pointer(keys: list[str]) -> str:
    """Return keys as a JSON pointer."""
    return "".join(f"/{escape(key)}" for key in keys)


def _key_end(name: str) -> str:
    return f'{name}"'


def _doubled(name: str) -> str:
    """Return a LIKE pattern that every event matches in which this key may stand twice."""
    return f'%{name}"%{name}"%'
