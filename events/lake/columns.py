"""The columns of the lake's tables, and the SQL that reads what loggers write into them.

The SQL has to be total: one strange event must never fail the batch it stands in. What the parser refuses
gets NULL for `fields`, and the sealer sets it aside. Numbers are written as DuckDB writes them (1.0e2 is
100.0); `event` keeps the event's own text. All text is guarded (see guard.py).

There are some 150 names to look for (see names.py), and the events of a batch have a dozen of them. So their shape is
found out first (see shape.py), and the SQL then looks for what they have: looking for everything would cost half of
sealing.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import pyarrow as pa

from events.lake import guard, levels, times
from events.lake.names import AS_TEXT, MILLISECONDS, PLACES, SCALES, TWO_FACED, Place
from events.lake.pieces import PIECES
from events.lake.shape import Execute, Shape, shape_of
from events.lake.trees import Tree, plant, pointer, quoted, reach, structure

EVENT_COLUMNS = {
    "id": "UUID",
    "received_time": "TIMESTAMPTZ",
    "event_time": "TIMESTAMPTZ",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "level": "VARCHAR",
    "message": "VARCHAR",
    "request_id": "VARCHAR",
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "duration": "DOUBLE",
    "error": "VARCHAR",
    "event": "VARCHAR",
}

# By which reading of names, levels and times a row got its columns: add 1 whenever events would get others, or have
# their texts in other pieces, and maintenance reads those that are sealed anew (see reread.py).
READING = 3
KEY = {"key_id": "VARCHAR"}  # of the API key that an event came with; empty or NULL if that isn't known
TABLE_COLUMNS = EVENT_COLUMNS | {"reading": "INTEGER"} | dict.fromkeys(PIECES, "VARCHAR") | KEY
ADDED_COLUMNS = ("span_id", "reading", *PIECES, *KEY)  # tables and files of earlier versions lack them: they are NULL

SEALED_FILE_COLUMNS = {
    "name": "VARCHAR",
    "node": "VARCHAR",
    "sealed_time": "TIMESTAMPTZ",
    "events": "BIGINT",
    "bytes": "BIGINT",
}

SEALED_REQUEST_COLUMNS = {
    "token": "UUID",
    "id": "UUID",  # of the first event
    "received_time": "TIMESTAMPTZ",
}

LEDGER_COLUMNS = {
    "dataset_id": "VARCHAR",
    "hour": "TIMESTAMPTZ",
    "kind": "VARCHAR",
    "events": "BIGINT",
    "entry_time": "TIMESTAMPTZ",
} | KEY

QUARANTINE_COLUMNS = {
    "id": "UUID",
    "received_time": "TIMESTAMPTZ",
    "quarantined_time": "TIMESTAMPTZ",
    "dataset_id": "VARCHAR",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "reason": "VARCHAR",
    "event": "BLOB",
} | KEY


BY_GROUPS = ("service", "level", "message", "request_id", "trace_id", "span_id", "error")
DATADOG = Place("ddsource", "ddsource")

# VARCHAR is a string's text and any other value's JSON; a null is NULL.
FIELDS = """TRY(json_transform(last_first(event), '{"level":"VARCHAR"}'))"""

# Of a key that stands twice in an object the last one counts, and DuckDB takes the first: `last_first` turns the order
# of such an object's members round, `last_at` goes down along keys.
# A field is text or the JSON of something else. Its first character mostly tells; where it doesn't, `maybe_…` is true,
# and `first_…` chooses among the JSON of all places.
MACROS = rf"""{guard.MACROS}
CREATE TEMP MACRO is_doubled(names) AS len(list_distinct(names)) < len(names);
CREATE TEMP MACRO last_first(object) AS CASE WHEN is_doubled(json_keys(object)) THEN
    '{{' || array_to_string(list_reverse(list_transform(
        list_zip(json_keys(object), json_extract(object, '$.*')),
        lambda member: to_json(member[1])::VARCHAR || ':' || member[2]::VARCHAR)), ',') || '}}'
    ELSE object END;
CREATE TEMP MACRO last_member(value, name) AS CASE
    WHEN len(json_keys(value)) > 0
    THEN json_extract(value, '$.*')[-list_position(list_reverse(json_keys(value)), name)]
    WHEN regexp_full_match(name, '[0-9]+') THEN json_extract(value, '/' || name) END;
CREATE TEMP MACRO last_at(value, names) AS
    list_reduce(names::VARCHAR[], lambda part, n: last_member(part, n)::VARCHAR, value);
CREATE TEMP MACRO starts_as(value, characters) AS contains(characters, left(value, 1));
CREATE TEMP MACRO maybe_not_simple(value) AS starts_with(value, '{{') OR starts_with(value, '[');
CREATE TEMP MACRO maybe_not_text(value) AS contains('{{[-0123456789tf', left(value, 1));
CREATE TEMP MACRO text_json(value) AS CASE
    WHEN NOT starts_as(value, '"') OR value = '""' THEN NULL
    WHEN contains(value, '\') THEN json_extract_string(value, '$')
    ELSE substring(value, 2, length(value) - 2) END;
CREATE TEMP MACRO simple_json(value) AS CASE
    WHEN starts_as(value, '"') THEN text_json(value) WHEN starts_as(value, '{{[n') THEN NULL ELSE value END;
CREATE TEMP MACRO any_json(value) AS CASE WHEN starts_as(value, '"') THEN text_json(value) ELSE value END;
CREATE TEMP MACRO first_of(found) AS list_filter(found, lambda value: value IS NOT NULL)[1];
CREATE TEMP MACRO first_simple(found) AS first_of(list_transform(found::VARCHAR[], lambda value: simple_json(value)));
CREATE TEMP MACRO first_text(found) AS first_of(list_transform(found::VARCHAR[], lambda value: text_json(value)));
CREATE TEMP MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END;
CREATE TEMP MACRO trace_named(t) AS
    CASE WHEN starts_with(t, 'projects/') THEN regexp_replace(t, '^projects/[^/]+/traces/', '') ELSE t END;
{times.MACROS}{levels.MACROS}"""

# What was read from an event that holds neither a word nor an escape needs no look of its own.
_RISKY = rf"contains(event, '\') OR regexp_matches(event, '{guard.PATTERN}')"


def converted(execute: Execute, events: pa.Table) -> str:
    """Return the SELECT that makes EVENT_COLUMNS, key_id and `has_unread_time` of the rows of `events`.

    They are as arrow.event_table returns them. `execute` is that of the lake in which it is to run; the events have to
    be there under that name.
    """
    return conversion(shape_of(execute, events))


@lru_cache(maxsize=256)
def conversion(shape: Shape, *, tells_own: bool = False) -> str:
    """Return the SELECT that looks for what events of this shape have.

    With `tells_own` it also gives `has_own_time` and `own_service`: what doesn't come from the receipt and the route.

    Its inner queries compute what others use more than once: a macro repeats its argument wherever it names it. A WHERE
    has DuckDB parse all events once more, so it is there only if it is needed. For the same reason there is no IN: a
    list of constants becomes a join.
    """
    parts = _Conversion(shape)
    own = f", own_us IS NOT NULL AS has_own_time, {_guarded('own_service')} AS own_service" if tells_own else ""
    return f"""
        SELECT
            id,
            make_timestamptz(received_us) AS received_time,
            make_timestamptz(coalesce(own_us, received_us)) AS event_time,
            namespace,
            coalesce({_guarded("own_service")}, nullif(service, '')) AS service,
            {_guarded("level")} AS level,
            {_guarded("message")} AS message,
            {_guarded("request_id")} AS request_id,
            {_guarded("trace_named(trace_id)")} AS trace_id,
            {_guarded("span_id")} AS span_id,
            finite(duration) AS duration,
            {_guarded("error")} AS error,
            {_guarded("event")} AS event,
            key_id,
            time_text IS NOT NULL AND own_us IS NULL AS has_unread_time{own}
        FROM (
            SELECT *,
                {parts.own_us()} AS own_us,
                {parts.first("service")} AS own_service,
                {parts.level()} AS level,
                {parts.first("message")} AS message,
                {parts.first("request_id")} AS request_id,
                {parts.first("trace_id")} AS trace_id,
                {parts.first("span_id")} AS span_id,
                {parts.milliseconds()} AS duration,
                {parts.first("error")} AS error
            FROM (
                SELECT *, {parts.first_us()} AS first_us{parts.levels()}
                FROM (
                    SELECT *, {parts.time()} AS time_text{parts.candidates()}
                    FROM (
                        SELECT *{parts.deep_fields()}
                        FROM (
                            SELECT *, {parts.fields()}, {_RISKY} AS risky
                            FROM (SELECT *, {"last_first(event)" if shape.doubled else "event"} AS object FROM events)
                        )
                    )
                )
            )
        )
        {"WHERE fields0 IS NOT NULL" if shape.refused else ""}"""


@dataclass(frozen=True, slots=True)
class _Group:
    """Places of a column that are read alike and tried one after the other; `name` is the column of the candidate."""

    name: str
    places: list[Place]
    kind: str
    is_slow: bool


class _Conversion:
    """The parts of the SELECT for events of one shape.

    Structs hold what stands in the events: `fields0`, and more where keys differ in letter case only, which the names
    in DuckDB's structs must not. A key may hold text in one event and an object in another, as `error` does: then the
    text is in one of these, and what the object holds is in `deep`.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._places = {column: list(filter(self._is_there, places)) for column, places in PLACES.items()}
        self._fields: list[Tree] = [{"level": "VARCHAR"}]  # a structure can't be empty
        self._deep: Tree = {}
        for column, places in self._places.items():
            for place in places:
                if not self._is_slow(place):
                    is_json = column == "duration" and place.name not in AS_TEXT
                    plant(self._tree(place)[1], place.keys, "JSON" if is_json else "VARCHAR")
        if any(place.name == "status" for place in self._places["level"]):
            plant(self._tree(DATADOG)[1], DATADOG.keys, "VARCHAR")

    def fields(self) -> str:
        """Return the columns with fields; the first is NULL where the parser refuses the event."""
        return ", ".join(
            f"TRY(json_transform(object, '{structure(tree)}')) AS fields{n}" for n, tree in enumerate(self._fields)
        )

    def deep_fields(self) -> str:
        """Return the column `deep`, if it is needed."""
        if not self._deep:
            return ""
        texts = [self._value(Place("", key)) for key in self._deep]
        some = " OR ".join(f"maybe_not_simple({text})" for text in texts)
        return f", json_transform(CASE WHEN {some} THEN object END, '{structure(self._deep)}') AS deep"

    def time(self) -> str:
        """Return the text of the first time."""
        return _coalesced([f"nullif({self._any(place)}, '')" for place in self._places["event_time"]])

    def first_us(self) -> str:
        """Return what the first time is read as."""
        return "any_to_us(time_text)" if self._places["event_time"] else "NULL::BIGINT"

    def own_us(self) -> str:
        """Return the first time that can be read."""
        found, times = "sane_us(first_us)", [self._any(place) for place in self._places["event_time"]]
        if len(times) < 2:
            return found
        return f"coalesce({found}, CASE WHEN time_text IS NOT NULL THEN first_time([{', '.join(times)}]) END)"

    def candidates(self) -> str:
        """Return columns with the first text that there is in a group's places, be it the JSON of an object."""
        groups = [group for column in BY_GROUPS for group in self._groups(column) if not group.is_slow]
        return "".join(f", {self._candidate(group)} AS {group.name}" for group in groups)

    def levels(self) -> str:
        """Return columns with the text of the first level in a group's places."""
        return "".join(f", {self._first_of(group)} AS found_{group.name}" for group in self._groups("level"))

    def level(self) -> str:
        """Return the first level."""
        scales = {"text": "level_of"}
        groups = self._groups("level")
        return _coalesced([f"{scales.get(group.kind, group.kind)}(found_{group.name})" for group in groups])

    def first(self, column: str) -> str:
        """Return the first usable value of a column's places."""
        return _coalesced([self._first_of(group) for group in self._groups(column)])

    def milliseconds(self) -> str:
        """Return the first duration, in milliseconds."""
        return _coalesced(list(map(self._milliseconds, self._places["duration"])), "DOUBLE")

    def _milliseconds(self, place: Place) -> str:
        number = self._any(place) if place.name in AS_TEXT else self._value(place)
        return f"TRY_CAST({number} AS DOUBLE) * {MILLISECONDS.get(place.name, '1')}"

    def _groups(self, column: str) -> "list[_Group]":
        """Return a column's places, those together that are read alike."""
        alike = groupby(self._places[column], lambda place: (self._is_slow(place), _kind(column, place)))
        return [
            _Group(f"{column}{number}", list(places), kind, is_slow)
            for number, ((is_slow, kind), places) in enumerate(alike)
        ]

    def _candidate(self, group: "_Group") -> str:
        found = _coalesced([f"nullif({self._value(place)}, '')" for place in group.places])
        if group.places[0].name == "status":  # a level where Datadog's own key stands beside it, else often a number
            return f"CASE WHEN {self._value(DATADOG)} IS NOT NULL THEN {found} END"
        return found

    def _first_of(self, group: "_Group") -> str:
        usable = "text" if group.kind == "text" else "simple"
        if group.is_slow:
            lists = ", ".join(f"[{', '.join(map(quoted, place.keys))}]" for place in group.places)
            return f"first_{usable}(list_transform([{lists}], lambda names: last_at(event, names)))"
        pointers = ", ".join(quoted(pointer(place.keys)) for place in group.places)
        chosen = f"first_{usable}(json_extract(object, [{pointers}]))"
        return f"CASE WHEN maybe_not_{usable}({group.name}) THEN {chosen} ELSE {group.name} END"

    def _is_there(self, place: Place) -> bool:
        """Tell whether any of the events may have something there."""
        shape = self._shape
        if place.name == "status" and DATADOG.keys not in shape.there:
            return False
        if place.inner and shape.doubled_inside:
            return place.key in shape.objects
        if place.keys not in shape.there or place.key not in TWO_FACED:
            return place.keys in shape.there
        return bool(place.inner) or place.key in shape.others

    def _is_slow(self, place: Place) -> bool:
        return bool(place.inner) and self._shape.doubled_inside

    def _tree(self, place: Place) -> tuple[str, Tree]:
        """Return the struct for what stands in a place, as the name of its column and its tree."""
        if place.inner and place.key in TWO_FACED and place.key in self._shape.others:
            return "deep", self._deep
        for number, tree in enumerate(self._fields):
            if place.key in tree or place.key.lower() not in map(str.lower, tree):
                return f"fields{number}", tree
        self._fields.append({})
        return f"fields{len(self._fields) - 1}", self._fields[-1]

    def _any(self, place: Place) -> str:
        """Return a text, or the JSON of any other value."""
        return f"any_json({self._value(place)})" if self._is_slow(place) else self._value(place)

    def _value(self, place: Place) -> str:
        if self._is_slow(place):
            return f"last_at(event, [{', '.join(map(quoted, place.keys))}])"
        return f"{reach(*self._tree(place), place.keys)}::VARCHAR"


def _guarded(sql: str) -> str:
    return f"CASE WHEN risky THEN guarded({sql}) ELSE {sql} END"


def _coalesced(found: list[str], type: str = "VARCHAR") -> str:
    """Return the first that isn't NULL."""
    return f"coalesce({', '.join(found)})" if found else f"NULL::{type}"


def _kind(column: str, place: Place) -> str:
    """Return how a place's value is read: `text` must be that, all else may be a number or boolean.

    Of levels it is the macro that reads them. `event` is often a number that is no message.
    """
    if column == "error" or (column, place.name) in (("message", "event"), ("level", "status")):
        return "text"
    return SCALES.get(place.name, "level_of") if column == "level" else "simple"
