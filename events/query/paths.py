"""The one seam between a path and SQL: what of an event a path means, and how it is read.

A path is a well-known name, which means a column; or one into the event's JSON (see events.lake.json_paths), which may
be a column, too, in some of the rows that a query reads (see events.lake.promoted).
"""

from collections.abc import Mapping

from events.lake.columns import EVENT_COLUMNS
from events.lake.json_paths import MAX_PARTS, Bind, json_at_path
from events.lake.promoted import TYPES, Promoted
from events.query.values import Kind, Operand, Split

MAX_PATH = 1000
# Other columns than these are no business of a query's.
WELL_KNOWN = (
    *("id", "namespace", "service", "level", "message", "duration", "error", "request_id", "trace_id", "span_id"),
    *("event_time", "received_time"),
)
KINDS = {"VARCHAR": Kind.TEXT, "DOUBLE": Kind.NUMBER, "TIMESTAMPTZ": Kind.TIME, "UUID": Kind.ID}
COLUMNS = {name: KINDS[EVENT_COLUMNS[name]] for name in WELL_KNOWN if name in EVENT_COLUMNS} | {"dataset": Kind.TEXT}
TIME_COLUMNS = {name for name, kind in COLUMNS.items() if kind is Kind.TIME}
PROMOTED_KINDS = {"number": Kind.JSON_NUMBER, "text": Kind.TEXT}


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
    """Return what stands at a path of a row of the events' table, whatever other columns it has."""
    kind = COLUMNS.get(path)
    if kind is None:
        return Operand(Kind.JSON, json_at_path(path, bind))
    if path == "dataset":
        return Operand(kind, path)
    return Operand(kind, f"plain({path})" if kind is Kind.TEXT else path)


def named_operand(path: str, kind: str | None, name: str) -> Operand | Split:
    """Return what stands at a path under the name that it was given; `kind` is that of a column, see `Relation`."""
    typed = PROMOTED_KINDS.get(kind or "")
    if path in COLUMNS or typed is None:
        return Operand(COLUMNS.get(path, Kind.JSON), name)
    return Split(Operand(typed, name), Operand(Kind.JSON, f"{name}_rest"))


def promoted_operand_at(path: str, kind: str, columns: Mapping[str, Promoted], bind: Bind) -> Operand | Split:
    """Return what stands at a path that is a column of this kind in some rows; `columns` are those of these rows."""
    read = _promoted(columns[path]) if path in columns else operand_at(path, bind)
    if kind not in PROMOTED_KINDS:
        return Operand(Kind.JSON, read.json())
    typed = PROMOTED_KINDS[kind]
    if isinstance(read, Split) and read.typed.kind is typed:
        return read
    return Split(Operand(typed, f"NULL::{TYPES[kind]}"), Operand(Kind.JSON, read.json()))


def _promoted(column: Promoted) -> Operand | Split:
    value = f"plain({column.name})" if TYPES[column.kind] == "VARCHAR" else column.name
    if column.kind not in PROMOTED_KINDS:
        return Operand(Kind.JSON, value)
    return Split(Operand(PROMOTED_KINDS[column.kind], value), Operand(Kind.JSON, column.apart()))
