"""Fields that are columns: what stands at a path of a dataset's events, in a typed column of its table.

A table has `promoted`, how many of these columns a row was given, and then the columns themselves: the first so many
hold all there is to say, and what the row has at other paths is in its JSON only. Columns are added at the end and
never removed, so a row that is given more of them has more to say, and a row of an earlier version has 0. As every row
of a file has the same number as a rule, DuckLake and DuckDB leave out the files that a part of a query (see Part) has
no use for: one that reads columns doesn't touch the events' text.

The column's value and JSON say the same to the last digit. What a column of its kind can't say is `apart`, as JSON by
number: text with escapes or a number in a column of the other kind, 1.0 in one of numbers, which say 1 then.

    number  DOUBLE, if the number as JSON is what number_json() makes of it
    text    VARCHAR, if the text needs no escapes in JSON
    json    VARCHAR, the JSON of anything
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.lake.json_paths import pointer, spellings
from events.lake.pieces import WHOLE

TYPES = {"number": "DOUBLE", "text": "VARCHAR", "json": "VARCHAR"}  # by kind
COUNT, APART = "promoted", "apart"
MACROS = rf"""
CREATE TEMP MACRO number_json(x) AS coalesce(
    CASE WHEN abs(x) < {2**53} AND x = trunc(x) THEN x::BIGINT::VARCHAR END, to_json(x)::VARCHAR);
CREATE TEMP MACRO guarded_json(value) AS CASE WHEN contains(value, '{{') THEN guarded(value) ELSE value END;
CREATE TEMP MACRO promoted_number(value, x) AS CASE WHEN isfinite(x) AND number_json(x) = value THEN x END;
CREATE TEMP MACRO promoted_text(value) AS CASE
    WHEN ascii(value) = {ord('"')} AND NOT contains(value, '\')
    THEN guarded_json(substring(value, 2, length(value) - 2)) END;
"""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A path with a column; `number` is its place among those of the table, from 1."""

    path: str
    number: int
    kind: str  # of TYPES

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.kind}_{self.number}"

    def apart(self) -> str:
        """Return the SQL of the JSON that the column couldn't say; NULL as a rule. See `once`."""
        there, value = f"{APART} IS NOT NULL", f"json_extract(plain({APART}), '/{self.number}')::VARCHAR"
        return once(value, there)


def once(sql: str, where: str = "") -> str:
    """Return what DuckDB evaluates once a row, where `where` holds: it repeats other SQL in each filter on its name."""
    return f"CASE WHEN {f'{where} AND ' if where else ''}random() < 2 THEN {sql} END"


class Part(NamedTuple):
    """Some of the events that a query reads: a SELECT, and which paths are columns in it."""

    sql: str
    columns: Mapping[str, Promoted] = {}


def parts_of(selected: str, source: str, columns: Sequence[Promoted]) -> tuple[Part, Part]:
    """Return the rows of a source that have all these columns, and the others; `source` ends in a condition."""
    least = max(one.number for one in columns)
    names = ", ".join([APART, *(one.name for one in columns)])
    return (
        Part(f"SELECT {selected}, {names} {source} AND {COUNT} >= {least}", {one.path: one for one in columns}),
        Part(f"SELECT {selected} {source} AND {COUNT} < {least}"),
    )


def filled(columns: Sequence[Promoted]) -> dict[str, str]:
    """Return the SQL of these columns, in order, and of those that say which there are, for a row with `event`.

    It repeats one expression, which DuckDB evaluates once a row. An event, whose text may be in pieces, is parsed once
    for its keys and once for all values: only where a key stands twice, each is looked for.
    """
    values = f"list_transform([{_json_values(columns)}], lambda found: [{', '.join(_first_values(columns))}])"
    typed = ", ".join(f"'{one.name}': {_typed(one, place)}" for place, one in enumerate(columns, 1))
    typed = f"list_transform({values}, lambda json: {{{typed}, 'json': json}})"
    names = [one.name for one in columns]
    kept = ", ".join(f"'{name}': row.{name}" for name in names)
    row = f"list_transform({typed}, lambda row: {{{kept}, '{APART}': {_apart(columns)}}})[1]"
    return {COUNT: str(columns[-1].number)} | {name: f"({row}).{name}" for name in (APART, *names)}


def _json_values(columns: Sequence[Promoted]) -> str:
    """Return the list of the JSON at all the keys that the paths may mean."""
    ways = _ways(columns)
    objects = sorted({pointer(list(keys[:length])) for keys in ways for length in range(len(keys))})
    is_doubled = f"list_bool_or(list_transform(json_keys(plain({WHOLE}), {_list(objects)}), lambda k: is_doubled(k)))"
    last = f"list_transform([{', '.join(map(_list, ways))}], lambda names: json_at(plain({WHOLE}), names))"
    first = f"json_extract(plain({WHOLE}), {_list([pointer(list(keys)) for keys in ways])})::VARCHAR[]"
    return f"CASE WHEN {is_doubled} THEN {last} ELSE {first} END"


def _first_values(columns: Sequence[Promoted]) -> list[str]:
    """Return for each path the first of its values in `found`, if any."""
    ways = _ways(columns)
    found = [
        [f"nullif(found[{ways.index(tuple(keys)) + 1}], 'null')" for keys in spellings(one.path)] for one in columns
    ]
    return [f"coalesce({', '.join(values)})" for values in found]


def _ways(columns: Sequence[Promoted]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(keys) for one in columns for keys in spellings(one.path)))


def _typed(one: Promoted, place: int) -> str:
    json = f"json[{place}]"
    return {
        "number": f"promoted_number({json}, TRY_CAST({json} AS DOUBLE))",
        "text": f"promoted_text({json})",
        "json": f"guarded_json({json})",
    }[one.kind]


def _apart(columns: Sequence[Promoted]) -> str:
    """Return what of a `row` its columns couldn't say; NULL if they said all."""
    unsaid = {
        one.number: (f"row.{one.name} IS NULL", f"row.json[{place}]")
        for place, one in enumerate(columns, 1)
        if one.kind != "json"
    }
    if not unsaid:
        return "NULL::VARCHAR"
    some = " OR ".join(f"({is_null} AND {json} IS NOT NULL)" for is_null, json in unsaid.values())
    members = ", ".join(
        f"""CASE WHEN {is_null} THEN '"{number}":' || {json} END""" for number, (is_null, json) in unsaid.items()
    )
    return f"CASE WHEN {some} THEN guarded('{{' || concat_ws(',', {members}) || '}}') END"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(text) for text in texts)}]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
