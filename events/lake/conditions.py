"""Compile a reader's conditions to SQL. Values are bound; names come from a fixed list.

Text columns are compared as bytes, which keeps the comparison out of DuckLake's own SQL (see guard.py).
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from eventlane.json_pointer import escape
from eventlane.times import to_microseconds
from events.lake.guard import guarded

TEXT_COLUMNS = {
    "namespace": "namespace",
    "service": "service",
    "level": "level",
    "message": "message",
    "error": "error",
    "request_id": "request_id",
    "requestId": "request_id",
    "trace_id": "trace_id",
    "traceId": "trace_id",
    "span_id": "span_id",
    "spanId": "span_id",
}
# Any key that is written with an escape, from its last escape on.
ESCAPED_KEY = r'\\.[^"\\]*"[ \t\r\n]*:'

MACROS = """
CREATE TEMP MACRO json_at(value, names) AS nullif(last_at(value, names), 'null');
CREATE TEMP MACRO at_path(value, names) AS json_extract_string(json_at(value, names), '$');
"""

# An event that matches has one of these texts in it or in one of SEARCHED_COLUMNS, whatever its letter case.
Clause = tuple[str, ...]
SEARCHED_COLUMNS = ("request_id", "trace_id", "span_id", "message", "error")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass
class Conditions:
    """Conditions that must all hold, with their parameters in order; and clauses that hold where they do.

    Only events with one of the `ids` match, if there are such.
    """

    parts: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)

    def add(self, part: str, *parameters: Any) -> None:
        """Add a condition with one `?` per parameter."""
        self.parts.append(part)
        self.parameters += parameters

    def add_all(self, others: "Conditions") -> None:
        """Add conditions that were put together elsewhere."""
        self.parts += others.parts
        self.parameters += others.parameters
        self.clauses += others.clauses

    def bind(self, parameter: Any) -> str:
        """Add a parameter, and return its placeholder for the part that is added next."""
        self.parameters.append(parameter)
        return "?"

    @property
    def sql(self) -> str:
        """The conditions as one SQL expression."""
        return " AND ".join(f"({part})" for part in self.parts) or "true"


def compile_conditions(
    *,
    namespace: str | None = None,
    filters: Iterable[tuple[str, str]] = (),
    search: str | None = None,
    from_time: datetime | None = None,
    to_time: datetime | None = None,
) -> Conditions:
    """Return the conditions on a row of EVENT_COLUMNS. Times are received times; `to_time` is exclusive."""
    conditions = Conditions()
    if from_time is not None:
        conditions.add("received_time >= make_timestamptz(?)", to_microseconds(from_time))
    if to_time is not None:
        conditions.add("received_time < make_timestamptz(?)", to_microseconds(to_time))
    if namespace is not None:
        _add_text(conditions, "namespace", namespace)
    for key, value in filters:
        _add_filter(conditions, key, value)
    if search:
        conditions.add(holds_text(search, conditions.bind))
        conditions.clauses.append(spellings(search))
    return conditions


def _add_filter(conditions: Conditions, key: str, value: str) -> None:
    """Compare a column; otherwise the event's value under the key `a.b` itself, or under b within a.

    A level may be given as it was sent: files of earlier versions have it like that.
    """
    if key == "level":
        conditions.add("encode(level) IN (?, encode(guarded(level_of(?))))", guarded(value).encode(), value)
    elif key in TEXT_COLUMNS:
        _add_text(conditions, TEXT_COLUMNS[key], value)
    elif key == "duration":
        conditions.add("duration = TRY_CAST(? AS DOUBLE)", value)
    elif key == "id":
        conditions.add("id = TRY_CAST(? AS UUID)", value)
    else:
        _add_path(conditions, key, value)


def _add_path(conditions: Conditions, key: str, value: str) -> None:
    """Compare the value at a path. If a key occurs twice in an object, the last one counts.

    json_extract_string uses the first one, so an event that may have such keys takes a path that is five times as slow.
    """
    if clause := clause_of_value(value):
        conditions.clauses.append(clause)
    parts = key.split(".")
    doubled = [f'%"{name}"%"{name}"%' for name in dict.fromkeys([key, *parts])]
    likely = " OR ".join(["event LIKE ?"] * len(doubled))
    conditions.add(
        rf"CASE WHEN {likely} OR (contains(event, '\') AND regexp_matches(event, '{ESCAPED_KEY}'))"
        " THEN coalesce(at_path(plain(event), ?), at_path(plain(event), ?))"
        " ELSE coalesce(json_extract_string(plain(event), ?), json_extract_string(plain(event), ?)) END = ?",
        *doubled,
        [key],
        parts,
        "/" + escape(key),
        "/" + "/".join(map(escape, parts)),
        value,
    )


def _add_text(conditions: Conditions, column: str, value: str) -> None:
    if column in SEARCHED_COLUMNS:
        conditions.clauses.append(spellings(value))
    conditions.add(f"encode({column}) = ?", guarded(value).encode())


def holds_text(text: str, bind: Callable[[str], str]) -> str:
    """Return the condition that an event contains the text in any case, also with escapes (\\u00e9 for é, \\/ for /).

    `bind` returns the parameter for a value.
    """
    text, escaped = spellings(text)
    # lower() takes longer than the search itself, and only ever turns letters into letters.
    has_case = not text.isascii() or text.lower() != text.upper()
    event = "lower(event)" if has_case else "event"
    return (
        f"(contains({event}, lower({bind(text)})) OR"
        rf" (contains(event, '\') AND contains(lower(json(plain(event))::VARCHAR), lower({bind(escaped)}))))"
    )


def matches_text(expression: str, bind: Callable[[str], str]) -> str:
    """Return the condition that an RE2 expression matches an event's text, as it was sent or with its escapes resolved.

    `bind` returns the parameter for a value.
    """
    as_sent, resolved = bind(expression), bind(expression)
    return (
        f"(regexp_matches(plain(event), {as_sent}) OR"
        rf" (contains(event, '\') AND regexp_matches(json(plain(event))::VARCHAR, {resolved})))"
    )


def spellings(text: str) -> Clause:
    """Return a text as it is and with as few escapes as JSON can have, which is how json() writes an event."""
    return text, json.dumps(text, ensure_ascii=False)[1:-1]


def clause_of_value(value: str) -> Clause | None:
    """Return what an event holds in which something equals a text; None for what may be spelled in other ways."""
    return None if NUMBER.fullmatch(value) or value.startswith(("[", "{")) else spellings(value)
