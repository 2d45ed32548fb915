"""What a column of a path says, its JSON says, to the last digit."""

from collections.abc import Iterator
from typing import Any

import pytest

from events.lake.promoted import TYPES
from tests.events.query.table import Table

VALUES = [
    *("1", "-7", "0", "-0", "-0.0", "1.0", "1.50", "2.25", "1e3", "1e-7", "1.5e300"),
    *("9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "12345678901234567890123456789"),
    *("0.1", "0.30000000000000004", "5e-324", "123456789.123456789", "true", "false", "null"),
    *('"1"', '"1.0"', '"007"', '"1e3"', '"9007199254740993"', '""', '"x"', '"X"', '"true"', '"null"', '"é"', '"😀"'),
    *(r'"\u00e9"', r'"a\nb"', r'"\""', r'"\u0000"', r'"\/"', '"/"', '"{DATA_PATH}"', '"{DATA_PATH|"', '"[1]"', '"{}"'),
    *("[]", "[1, 2]", '["1", null]', "[[1]]", '[{"b": 1}]', "{}", '{"c": 1}', '{"a": 1, "a": 2}', '{"a": {"DATA": 1}}'),
]
EVENTS = [
    *(f'{{"n": {n}, "a": {{"b": {value}}}}}' for n, value in enumerate(VALUES)),
    *(f'{{"n": {n}, "a.b": {value}, "a": {{"b": 1}}}}' for n, value in enumerate(VALUES, 100)),
    *(f'{{"n": {n}, "a": {{"b": "first", "b": {value}}}}}' for n, value in enumerate(VALUES, 200)),
    *(f'{{"n": {n}, "a": 1, "a": {{"b": {value}}}}}' for n, value in enumerate(VALUES, 300)),
    *(rf'{{"n": {n}, "a": {{"b": 1, "\u0062": {value}}}}}' for n, value in enumerate(VALUES, 400)),
    *('{"n": 500, "a": null}', '{"n": 501}', '{"n": 502, "a": [{"b": 1}]}', '{"n": 503, "a": "text"}'),
]
COMPARED: list[Any] = [
    1,
    1.5,
    -7,
    0,
    2**53 - 1,
    2**53,
    2**53 + 1,
    10**20,
    "1",
    "1.0",
    "x",
    "true",
    "é",
    "a\nb",
    "{DATA_PATH}",
]
FILTERS = [
    {"path": "a.b", "op": "exists"},
    *({"path": "a.b", "op": "=", "value": value} for value in COMPARED),
    *({"path": "a.b", "op": op, "value": value} for op in (">", "<=") for value in (1.5, 2**53 + 1, "1")),
    *({"path": "a.b", "op": op, "value": "1"} for op in ("contains", "ends_with")),
    {"path": "a.b", "op": "matches", "value": "^[0-9.]+$"},
    {"path": "a.b", "op": "like", "value": "_"},
]
FILTERS += [{"not": asked} for asked in FILTERS[:3]]
OPS = ["count", "count_distinct", "sum", "avg", "min", "max", "stddev", "p50", "p99", "first", "last"]


@pytest.fixture(scope="module")
def plain() -> Iterator[Table]:
    table = Table()
    table.fill(EVENTS)
    yield table
    table.close()


@pytest.fixture(scope="module", params=TYPES)
def promoted(request: pytest.FixtureRequest) -> Iterator[Table]:
    table = Table()
    table.fill(EVENTS)
    table.promote({"a.b": request.param, "n": "number", "x": "text", "/a/b": "number"})
    yield table
    table.close()


@pytest.fixture(scope="module")
def expected(plain: Table) -> list[list[Any]]:
    return [plain.found(filters=[asked]) for asked in FILTERS]


def test_filters_find_the_same(expected: list[list[Any]], promoted: Table) -> None:
    for asked, found in zip(FILTERS, expected, strict=True):
        assert promoted.found(filters=[asked]) == found, asked


@pytest.mark.parametrize("group_by", [["a.b"], ["a.b", "/a/b"], []])
def test_calculations_and_groups_are_the_same(plain: Table, promoted: Table, group_by: list[str]) -> None:
    # Floats that are added in another order have another sum.
    ops = [op for op in OPS if group_by or op not in ("sum", "avg", "stddev")]
    calculations = [{"op": op, "path": "a.b"} for op in ops]
    [one, other] = [
        table.ask(calculations=calculations, limit=1000, group_by=group_by).rows for table in (promoted, plain)
    ]
    assert repr(one) == repr(other)


def test_events_come_in_the_same_order(plain: Table, promoted: Table) -> None:
    order = [{"by": "a.b", "order": "desc"}]
    [one, other] = [
        [row.event for _, row in table.ask(order_by=order, limit=1000).events] for table in (promoted, plain)
    ]
    assert one == other


def test_most_rows_are_read_from_columns(promoted: Table) -> None:
    """The comparisons above mean something only if columns were read, with and without what they can't say."""
    [with_columns, others] = promoted.parts(["a.b"])
    [(count, apart)] = promoted.execute(f"SELECT count(*), count(apart) FROM ({with_columns.sql})")
    assert 50 < count < len(EVENTS)
    assert apart > 10 or promoted.kinds["a.b"] == "json"
    assert promoted.execute(f"SELECT count(*) FROM ({others.sql})") == [(len(EVENTS) - count,)]
