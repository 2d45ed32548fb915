"""What there is to ask for: the paths of a query's events, with types, how many have them, and their top values.

The structures of events are counted first, then the values at all paths that they have, each in one reading of the
events: one that looked for every path by itself would parse each event as often as there are paths.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import msgspec
from django.conf import settings

from eventlane import exact_numbers
from events.lake.columns import EVENT_COLUMNS
from events.lake.connection import Lake
from events.lake.json_paths import path_of, pointer, spellings
from events.lake.partial import read_around
from events.lake.snapshot import open_snapshot, promoted_fields
from events.models import Dataset
from events.query.answer import Statistics
from events.query.compiled import matched_statement
from events.query.files import files_of
from events.query.measure import measure
from events.query.model import Query
from events.query.needles import where_of
from events.query.paths import COLUMNS, operand_at
from events.query.run import Events, QueryTooLarge
from events.query.sql import Bindings
from events.query.values import BRACE, BRACKET, FALSE, QUOTE, TRUE

MAX_FIELDS = 300  # the most frequent ones
MAX_STRUCTURES = 5000  # objects whose keys are values have as many structures as events
TOP = 5
LONGEST_SHOWN = 500  # characters of a top value's JSON
COUNTED = "temp.main.counted"
# The columns that say something of an event, apart from when it was and which it is.
DESCRIBING = [name for name in COLUMNS if name in EVENT_COLUMNS and name != "id" and not name.endswith("_time")]
TYPE = (
    f"CASE ascii(value) WHEN {QUOTE} THEN 'string' WHEN {TRUE} THEN 'boolean' WHEN {FALSE} THEN 'boolean'"
    f" WHEN {BRACKET} THEN 'array' WHEN {BRACE} THEN 'object' ELSE 'number' END"
)
_ANY_DOUBLED = "len(list_filter(keys, lambda names: is_doubled(names))) > 0"


@dataclass(slots=True)
class Field:
    """One path: how many events have it, by type; how many values it has; the most frequent ones with their number."""

    path: str
    types: dict[str, int]
    events: int
    distinct: int
    top: list[tuple[Any, int]]
    is_column: bool = False  # of the table: a query that uses it is fast


@dataclass(slots=True)
class Fields:
    """The fields of so many `events`, the most frequent first."""

    fields: list[Field] = field(default_factory=list)
    events: int = 0
    statistics: Statistics = field(default_factory=Statistics)

    def show(self) -> dict[str, Any]:
        """Return them as the wire has them."""
        fields = [
            {
                "path": one.path,
                "types": one.types,
                "events": one.events,
                "share": round(one.events / self.events, 4),
                "distinct": one.distinct,
                "column": one.is_column,
                "top": [{"value": value, "count": count} for value, count in one.top],
            }
            for one in self.fields
        ]
        return {"fields": fields, "events": self.events, "statistics": self.statistics.show()}


def find_fields(lake: Lake, dataset: Dataset, query: Query) -> Fields:
    """Return the fields of a dataset's events, without those in damaged files; raise QueryTimeout, QueryTooLarge."""
    started = time.monotonic()

    def find(lake: Lake) -> Fields:
        with open_snapshot(lake, [dataset], where_of(query), promoted=promoted_fields([dataset])) as snapshot:
            statistics = measure(snapshot, query, files_of(snapshot, query))
            found = fields_of(query, snapshot)
            statistics.warnings += found.statistics.warnings
            found.statistics = statistics
            return found

    try:
        found, left_out = read_around(lake, [dataset.table_name], find)
    except duckdb.OutOfMemoryException:
        raise QueryTooLarge from None
    found.statistics.elapsed_ms = (time.monotonic() - started) * 1000
    found.statistics.add_left_out(left_out)
    return found


def fields_of(query: Query, events: Events) -> Fields:
    """Return the fields of the newest EVENTLANE_FIELDS_EVENTS that match; a warning says of how many."""
    found = Fields()
    source, parameters = _newest(query, events, found)
    paths = _count_values(events, source, parameters, _ways(events, source, parameters, found.statistics))
    found.fields = sorted(_read_counts(events, paths), key=lambda one: (-one.events, one.path))
    events.execute(f"DROP TABLE {COUNTED}")
    for one in found.fields:
        one.is_column = one.path in COLUMNS or one.path in events.kinds
    return found


def _newest(query: Query, events: Events, found: Fields) -> tuple[str, Sequence[Any]]:
    """Return a SELECT of the events that are read, with its parameters; how many they are goes into `found`."""
    most = settings.EVENTLANE_FIELDS_EVENTS
    statement = matched_statement(query, events)
    matched, parameters = f"({statement.sql})", statement.parameters
    [(count,)] = events.execute(f"SELECT count(*) FROM {matched}", parameters)
    found.events = min(count, most)
    if count <= most:
        return f"SELECT * FROM {matched}", parameters
    found.statistics.warnings.append(f"only the newest {most:,} of {count:,} events were read")
    newest = f"SELECT t FROM {matched} ORDER BY t DESC LIMIT {most}"
    [(oldest,)] = events.execute(f"SELECT min(t) FROM ({newest})", parameters)
    return f"SELECT * FROM {matched} WHERE t >= {int(oldest)} LIMIT {most}", parameters


def _ways(
    events: Events, source: str, parameters: Sequence[Any], statistics: Statistics
) -> dict[str, Sequence[list[str]]]:
    """Return the paths that events have, well-known fields first, and the keys that each means in any of the events.

    Well-known fields are columns and have none. Where several lists of keys are what a path may mean, the first that
    an event has counts, as in queries.
    """
    structures = events.execute(
        f"SELECT json_structure(plain(event))::VARCHAR AS structure, count(*) AS n FROM ({source})"
        f" GROUP BY structure ORDER BY n DESC, structure LIMIT {MAX_STRUCTURES + 1}",
        parameters,
    )
    if len(structures) > MAX_STRUCTURES:
        statistics.warnings.append(
            f"fields that only rare events have may be missing: more than {MAX_STRUCTURES:,} kinds"
        )
    counts: Counter[str] = Counter()
    known: set[tuple[str, ...]] = set()
    for structure, count in structures[:MAX_STRUCTURES]:
        places = dict(_places(msgspec.json.decode(structure)))
        known |= places.keys()
        counts.update(dict.fromkeys((_path(keys) for keys, is_leaf in places.items() if is_leaf), count))
    found = list(dict.fromkeys([*DESCRIBING, *(path for path, _ in counts.most_common())]))
    if len(found) > MAX_FIELDS:
        statistics.warnings.append(f"only the {MAX_FIELDS} most frequent of {len(found):,} fields are listed")
    return {
        path: [] if path in DESCRIBING else [keys for keys in spellings(path) if tuple(keys) in known]
        for path in found[:MAX_FIELDS]
    }


def _path(keys: tuple[str, ...]) -> str:
    """Return the path by which a query finds what keys lead to; of an event's own `id` that is the pointer."""
    path = path_of(keys)
    return pointer(list(keys)) if path in COLUMNS and path not in DESCRIBING else path


def _places(structure: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the keys that lead to each value, and whether it is a leaf: no object, or an empty one."""
    inner = structure.items() if isinstance(structure, dict) else ()
    if keys:
        yield keys, not inner
    for key, value in inner:
        yield from _places(value, (*keys, key))


def _count_values(
    events: Events, source: str, parameters: Sequence[Any], paths: Mapping[str, Sequence[list[str]]]
) -> list[str]:
    """Make COUNTED: the number of a field, a value's JSON, and how many events have that value there.

    Return the paths in the order of their numbers.
    """
    numbered = sorted(paths, key=lambda path: min(len(paths[path]), 2))  # columns, one list of keys, several
    keys = [one for path in numbered for one in paths[path]]
    bindings = Bindings()
    bindings.values = list(parameters)
    found = f"json_extract(plain(event), {bindings.bind(list(map(pointer, keys)))}::VARCHAR[])::VARCHAR[]"
    if objects := _doubled_objects(events, source, parameters, keys):
        last = f"list_transform({bindings.bind(keys)}::VARCHAR[][], lambda names: json_at(plain(event), names))"
        found = f"CASE WHEN {_has_doubled(bindings.bind(objects))} THEN {last} ELSE {found} END"
    columns = [operand_at(path, bindings.bind).json() for path in numbered if not paths[path]]
    values = _first_values([len(paths[path]) for path in numbered if paths[path]])
    values = f"list_transform([{found}], lambda found: {values})[1]"
    exploded = (
        f"SELECT unnest(range({len(paths)})) AS field, unnest(list_concat([{', '.join(columns)}], {values})) AS value"
        f" FROM ({source})"
    )
    there = f"value IS NOT NULL AND value <> 'null' AND (ascii(value) <> {BRACE} OR value = '{{}}')"
    events.execute(
        f"CREATE OR REPLACE TEMP TABLE {COUNTED} AS"
        f" SELECT field, value, count(*) AS n FROM ({exploded}) WHERE {there} GROUP BY field, value",
        bindings.values,
    )
    return numbered


def _first_values(counts: Sequence[int]) -> str:
    """Return the list of the first value that is there of each so many in `found`; most have one."""
    alone = counts.count(1)
    if alone == len(counts):
        return "found"
    values, end = [], alone
    for count in counts[alone:]:
        values.append(", ".join(f"nullif(found[{end + place}], 'null')" for place in range(1, count + 1)))
        end += count
    return f"list_concat(found[:{alone}], [{', '.join(f'coalesce({one})' for one in values)}])"


def _doubled_objects(
    events: Events, source: str, parameters: Sequence[Any], keys: Sequence[Sequence[str]]
) -> Sequence[str]:
    """Return the pointers of the objects that hold what the keys lead to; none if no event has a key twice in one.

    DuckDB takes the first of such keys, and the last counts: finding that takes long.
    """
    objects = sorted({pointer(list(names[:length])) for names in keys for length in range(len(names))})
    bindings = Bindings()
    bindings.values = list(parameters)
    found = f"SELECT json_keys(plain(event), {bindings.bind(objects)}::VARCHAR[]) AS keys FROM ({source})"
    sets = f"SELECT any_value(keys) AS keys FROM ({found}) GROUP BY hash(keys)"
    [(is_doubled,)] = events.execute(f"SELECT bool_or({_ANY_DOUBLED}) FROM ({sets})", bindings.values)
    return objects if is_doubled else []


def _has_doubled(objects: str) -> str:
    """Return that a key stands twice in one of the objects of an event."""
    return f"list_transform([json_keys(plain(event), {objects}::VARCHAR[])], lambda keys: {_ANY_DOUBLED})[1]"


def _read_counts(events: Events, paths: Sequence[str]) -> Iterator[Field]:
    types: dict[int, dict[str, int]] = {}
    counted = f"SELECT field, {TYPE} AS type, sum(n)::BIGINT AS n FROM {COUNTED} GROUP BY ALL ORDER BY n DESC, type"
    for number, kind, count in events.execute(counted):
        types.setdefault(number, {})[kind] = count
    short = f"FILTER (len(value) <= {LONGEST_SHOWN})"
    top = f"max({{'n': n, 'value': value}}, {TOP}) {short}"
    for number, distinct, values in events.execute(f"SELECT field, count(*), {top} FROM {COUNTED} GROUP BY field"):
        shown = [(exact_numbers.decode_stored(one["value"]), one["n"]) for one in values or ()]
        yield Field(paths[number], types[number], sum(types[number].values()), distinct, shown)
