"""If a key occurs twice in an object, the last one counts, as in json.loads and for triggers."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.journal import new_batch
from events.lake import columns, conditions
from events.lake.arrow import event_table
from events.lake.columns import converted
from events.lake.conditions import compile_conditions
from events.triggers.evaluate import decode_event
from tests.events.lake.conftest import Node
from tests.examples import examples

NAMES = ["a", "b", "a.b", "0", "", 'k"', "x\\y", "/", "100%", "level", "message", "error", "time"]
TEXTS = ["1", "2", '"a":1,"a":2', "level", "\n", "é"]
COLUMNS = ["level", "message", "error"]
PATHS = [*(name for name in NAMES if name not in COLUMNS), "a.a", "b.a.b", "a.0", "a.1.a", 'a.k"']


def written(value: Any, escaped: bool = False) -> str:
    """Return a value as JSON; an object is a tuple of members (name, value, whether its name is escaped)."""
    if isinstance(value, tuple):
        return "{" + " , ".join(f"{written(name, coded)} :{written(inner)}" for name, inner, coded in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if escaped:
        return '"' + "".join(f"\\u{ord(character):04x}" for character in value) + '"'
    return json.dumps(value)


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(st.tuples(st.sampled_from(NAMES), values, st.booleans()), max_size=6).map(tuple)


leaves = st.sampled_from([None, True, 1, 2, *TEXTS])
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=12)
batches = st.lists(objects(values).map(written), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(columns.MACROS + conditions.MACROS)
        yield database


def convert(database: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    """Convert the events in a table, as in the lake."""
    encoded = [text.encode() for text in texts]
    events = event_table([new_batch("dataset", "web", "", encoded, list(map(len, encoded)))])
    database.register("events", events)
    source = converted(lambda sql, events: database.execute(sql).fetchall(), events)
    database.execute(f"CREATE OR REPLACE TEMP TABLE found AS {source}")


def test_filters_find_the_last_sealed_and_unsealed(node: Node) -> None:
    texts = [
        '{"level":"debug","level":"error","user":{"id":1},"user" : {"id":2}}',
        '{"user":{"id":1,"id":2},"\\u006cevel":"error"}',
        '{"level":"error","user":2,"user":{"id":2,"id":1}}',
        '{"level":"error","level":null,"user":{"id":2}}',
    ]
    node.write(*texts)
    unsealed = node.events(filters=(("level", "error"), ("user.id", "2")))
    node.seal()
    assert unsealed == node.events(filters=(("level", "error"), ("user.id", "2"))) == texts[:2]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"error":"first","error":{"message":"last"}}', "last"),
        ('{"error":{"message":"first"},"error":"last"}', "last"),
        ('{"error":{"type":"first"},"error":{"message":"last"}}', "last"),
        ('{"error":{},"error":{"message":"first","message":"last"}}', "last"),
        ('{"error":{"message":"first"},"error":{}}', None),
    ],
)
def test_last_of_objects_is_looked_into(database: duckdb.DuckDBPyConnection, text: str, error: str | None) -> None:
    convert(database, [text])
    assert database.execute("SELECT error FROM found").fetchall() == [(error,)]


@settings(max_examples=examples(40), deadline=None)
@given(texts=batches)
def test_columns_hold_the_last(database: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    convert(database, texts)
    rows = database.execute(f"SELECT {', '.join(COLUMNS)}, event FROM found ORDER BY id").fetchall()
    assert [row[-1] for row in rows] == texts
    for row, text in zip(rows, texts, strict=True):
        assert list(row[:-1]) == [in_column(name, json.loads(text).get(name)) for name in COLUMNS]


@settings(max_examples=examples(25), deadline=None)
@given(texts=batches, wanted=st.lists(st.sampled_from(["1", "true", *TEXTS]), min_size=len(PATHS), max_size=len(PATHS)))
def test_filters_compare_the_last(database: duckdb.DuckDBPyConnection, texts: list[str], wanted: list[str]) -> None:
    convert(database, texts)
    filters = list(zip(PATHS, wanted, strict=True))
    found = [compile_conditions(filters=[one]) for one in filters]
    query = f"SELECT {', '.join(f'coalesce({one.sql}, false)' for one in found)} FROM found ORDER BY id"
    rows = database.execute(query, [value for one in found for value in one.parameters]).fetchall()
    for text, row in zip(texts, rows, strict=True):
        assert list(row) == [as_text(value_at(json.loads(text), path)) == value for path, value in filters]


@given(texts=batches)
def test_triggers_see_the_last(texts: list[str]) -> None:
    for text in texts:
        assert decode_event(text.encode()) == json.loads(text)


def test_path_of_any_length_is_compared(database: duckdb.DuckDBPyConnection) -> None:
    depth = 40
    text = '{"a":1,"a":' * depth + '"end"' + "}" * depth
    convert(database, [text])
    found = compile_conditions(filters=[(".".join("a" * depth), "end")])
    assert database.execute(f"SELECT count(*) FROM found WHERE {found.sql}", found.parameters).fetchone() == (1,)


def value_at(event: Any, path: str) -> Any:
    """Return the value under the path as a key, otherwise at its end, or None."""
    if event.get(path) is not None:
        return event[path]
    for part in path.split("."):
        if isinstance(event, dict):
            event = event.get(part)
        elif isinstance(event, list) and part.isdigit() and int(part) < len(event):
            event = event[int(part)]
        else:
            return None
    return event


def in_column(name: str, value: Any) -> str | None:
    """Return a value as it stands in its column."""
    if name == "error" and isinstance(value, dict):
        value = value.get("message")
    if value in (None, "") or isinstance(value, list | dict) or (name == "error" and not isinstance(value, str)):
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return "fatal" if name == "level" and text in ("1", "2") else text


def as_text(value: Any) -> str | None:
    """Return a value as a filter compares it; None for what it can't be compared with here."""
    if value is None or isinstance(value, list | dict):
        return None
    return value if isinstance(value, str) else json.dumps(value)
