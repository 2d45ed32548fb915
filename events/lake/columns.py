"""The columns of the lake's tables, and the SQL that reads what loggers write into them.

The SQL has to be total: one strange event must never fail the batch it stands in. What the parser refuses
gets NULL for `fields`, and the sealer sets it aside. Numbers are written as DuckDB writes them (1.0e2 is
100.0); `event` keeps the event's own text. All text is guarded (see guard.py).

There are some 150 names to look for (see names.py), and the events of a batch have a dozen of them. So their shape is
found out first (see shape.py), and the SQL then looks for what they have: looking for everything would cost half of
sealing.
"""

from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa

from events.lake import guard, levels, times
from events.lake.names import AS_TEXT, MILLISECONDS, PLACES, SCALES, TWO_FACED, Place
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

ADDED_COLUMNS = ("span_id",)  # that tables and files of earlier versions lack; there they are NULL

SEALED_FILE_COLUMNS = {
    "name": "VARCHAR",
    "node": "VARCHAR",
    "sealed_time": "TIMESTAMPTZ",
    "events": "BIGINT",
    "bytes": "BIGINT",
}

QUARANTINE_COLUMNS = {
    "id": "UUID",
    "received_time": "TIMESTAMPTZ",
    "quarantined_time": "TIMESTAMPTZ",
    "dataset_id": "VARCHAR",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "reason": "VARCHAR",
    "event": "BLOB",
}


DATADOG = Place("ddsource", "ddsource")

# VARCHAR is a string's text and any other value's JSON; a null is NULL.
FIELDS = """TRY(json_transform(last_first(event), '{"level":"VARCHAR"}'))"""

# Of a key that stands twice in an object the last one counts, and DuckDB takes the first: `last_first` turns the order
# of such an object's members round, `last_at` goes down along keys.
# A field is text or the JSON of something else, and only the object tells which: that is looked up where the first
# character leaves it open. Where the field is JSON in any case, the first character tells.
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
CREATE TEMP MACRO simple_field(value, object, pointer) AS
    CASE WHEN starts_as(value, '{{[') AND json_type(object, pointer) IN ('OBJECT', 'ARRAY') THEN NULL
    ELSE nullif(value, '') END;
CREATE TEMP MACRO text_field(value, object, pointer) AS
    CASE WHEN starts_as(value, '{{[-0123456789tf') AND json_type(object, pointer) <> 'VARCHAR' THEN NULL
    ELSE nullif(value, '') END;
CREATE TEMP MACRO text_json(value) AS CASE
    WHEN NOT starts_as(value, '"') OR value = '""' THEN NULL
    WHEN contains(value, '\') THEN json_extract_string(value, '$')
    ELSE substring(value, 2, length(value) - 2) END;
CREATE TEMP MACRO simple_json(value) AS CASE
    WHEN starts_as(value, '"') THEN text_json(value) WHEN starts_as(value, '{{[n') THEN NULL ELSE value END;
CREATE TEMP MACRO any_json(value) AS CASE WHEN starts_as(value, '"') THEN text_json(value) ELSE value END;
CREATE TEMP MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END;
CREATE TEMP MACRO trace_named(t) AS
    CASE WHEN starts_with(t, 'projects/') THEN regexp_replace(t, '^projects/[^/]+/traces/', '') ELSE t END;
{times.MACROS}{levels.MACROS}"""

# What was read from an event that holds neither a word nor an escape needs no look of its own.
_RISKY = rf"contains(event, '\') OR regexp_matches(event, '{guard.PATTERN}')"


def converted(execute: Execute, events: pa.Table) -> str:
    """Return the SELECT that turns the rows of `events` (see arrow.event_table) into EVENT_COLUMNS.

    `execute` is that of the lake in which it is to run; the events have to be there under that name.
    """
    return conversion(shape_of(execute, events))


@lru_cache(maxsize=256)
def conversion(shape: Shape) -> str:
    """Return the SELECT that looks for what events of this shape have.

    Its inner queries compute what others use more than once: a macro repeats its argument wherever it names it.
    """
    parts = _Conversion(shape)
    return f"""
        SELECT
            id,
            make_timestamptz(received_us) AS received_time,
            make_timestamptz(event_us) AS event_time,
            namespace,
            coalesce({_guarded("own_service")}, nullif(service, '')) AS service,
            {_guarded("level")} AS level,
            {_guarded("message")} AS message,
            {_guarded("request_id")} AS request_id,
            {_guarded("trace_named(trace_id)")} AS trace_id,
            {_guarded("span_id")} AS span_id,
            finite(duration) AS duration,
            {_guarded("error")} AS error,
            {_guarded("event")} AS event
        FROM (
            SELECT *,
                {parts.event_us()} AS event_us,
                {parts.first("service", parts.simple)} AS own_service,
                {parts.level()} AS level,
                {parts.first("message", parts.message)} AS message,
                {parts.first("request_id", parts.simple)} AS request_id,
                {parts.first("trace_id", parts.simple)} AS trace_id,
                {parts.first("span_id", parts.simple)} AS span_id,
                {parts.first("duration", parts.milliseconds)} AS duration,
                {parts.first("error", parts.text)} AS error
            FROM (
                SELECT *{parts.times_and_levels()}
                FROM (
                    SELECT *{parts.deep_fields()}
                    FROM (
                        SELECT *, {parts.fields()}, {_RISKY} AS risky
                        FROM (SELECT *, {"last_first(event)" if shape.doubled else "event"} AS object FROM events)
                    )
                )
            )
        )
        WHERE fields0 IS NOT NULL"""


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
        some = " OR ".join(f"starts_as({text}, '{{[')" for text in texts)
        return f", json_transform(CASE WHEN {some} THEN object END, '{structure(self._deep)}') AS deep"

    def times_and_levels(self) -> str:
        """Return the columns with the times and the texts of levels that there are, in order."""
        times = [f"any_to_us({self._any(place)}) AS us{n}" for n, place in self._numbered("event_time")]
        levels = [f"{self._level_text(place)} AS level{n}" for n, place in self._numbered("level")]
        return "".join(f", {column}" for column in times + levels)

    def event_us(self) -> str:
        """Return the first time that can be read, else the received time."""
        return f"coalesce({', '.join([*(f'sane_us(us{n})' for n, _ in self._numbered('event_time')), 'received_us'])})"

    def level(self) -> str:
        """Return the first level."""
        found = [f"{SCALES.get(place.name, 'level_of')}(level{n})" for n, place in self._numbered("level")]
        return f"coalesce({', '.join([*found, 'NULL::VARCHAR'])})"

    def first(self, column: str, value: Callable[[Place], str]) -> str:
        """Return the first of a column's places that has a value."""
        return f"coalesce({', '.join([*map(value, self._places[column]), f'NULL::{EVENT_COLUMNS[column]}'])})"

    def simple(self, place: Place) -> str:
        """Return the text, number or boolean in a place."""
        return self._read("simple", place)

    def text(self, place: Place) -> str:
        """Return the text in a place."""
        return self._read("text", place)

    def message(self, place: Place) -> str:
        """Return the message in a place; `event` is often a number that is none."""
        return self.text(place) if place.name == "event" else self.simple(place)

    def milliseconds(self, place: Place) -> str:
        """Return the number in a place, in milliseconds."""
        value = self.simple(place) if place.name in AS_TEXT else self._value(place)
        return f"TRY_CAST({value} AS DOUBLE) * {MILLISECONDS.get(place.name, '1')}"

    def _level_text(self, place: Place) -> str:
        """Return the text of a level: `status` is one where Datadog's own key stands beside it, else often a number."""
        if place.name == "status":
            return f"CASE WHEN {self._value(DATADOG)} IS NOT NULL THEN {self.text(place)} END"
        return self.simple(place)

    def _is_there(self, place: Place) -> bool:
        """Tell whether any of the events may have something there."""
        shape = self._shape
        if place.key not in shape.names or (place.name == "status" and DATADOG.key not in shape.names):
            return False
        if place.key not in TWO_FACED:
            return True
        return place.key in (shape.objects if place.inner else shape.others)

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

    def _numbered(self, column: str) -> list[tuple[int, Place]]:
        return list(enumerate(self._places[column]))

    def _read(self, kind: str, place: Place) -> str:
        if self._is_slow(place):
            return f"{kind}_json({self._value(place)})"
        return f"{kind}_field({self._value(place)}, object, '{pointer(place.keys)}')"

    def _any(self, place: Place) -> str:
        """Return a text, or the JSON of any other value."""
        return f"any_json({self._value(place)})" if self._is_slow(place) else self._value(place)

    def _value(self, place: Place) -> str:
        if self._is_slow(place):
            return f"last_at(event, [{', '.join(map(quoted, place.keys))}])"
        return f"{reach(*self._tree(place), place.keys)}::VARCHAR"


def _guarded(sql: str) -> str:
    return f"CASE WHEN risky THEN guarded({sql}) ELSE {sql} END"
