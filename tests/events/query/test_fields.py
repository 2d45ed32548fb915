"""What events can be asked for: the paths that they have, with types, counts and values."""

from typing import Any

import pytest

from events.lake.json_paths import path_of
from events.query.body import read_query
from events.query.fields import Fields, fields_of
from tests.events.query.table import NOW_US, Table


def fields(table: Table, **body: Any) -> Fields:
    everything = {"datasets": ["logs"], "from": "0001-01-02", "to": "9999-12-30"}
    return fields_of(read_query(everything | body, now_us=NOW_US), table)


def shown(table: Table, **body: Any) -> dict[str, tuple[dict[str, int], int, list[tuple[Any, int]]]]:
    """Return types, distinct values and top values by path, without the column that every event has."""
    found = fields(table, **body).fields
    return {one.path: (one.types, one.distinct, one.top) for one in found if one.path != "namespace"}


def test_paths_with_types_and_values(table: Table) -> None:
    table.fill(
        [
            {"level": "error", "http": {"status": 500}, "n": 1, "ok": True},
            {"level": "error", "http": {"status": "404"}, "n": 1.5, "tags": ["a"]},
            {"level": "info", "http": {"status": 500}, "n": None, "empty": {}},
        ]
    )
    found = shown(table)
    assert list(found) == ["http.status", "level", "n", "empty", "ok", "tags"]
    assert found["level"] == ({"string": 3}, 2, [("error", 2), ("info", 1)])
    assert found["http.status"] == ({"number": 2, "string": 1}, 2, [(500, 2), ("404", 1)])
    assert found["n"] == ({"number": 2}, 2, [(1.5, 1), (1, 1)])
    assert found["empty"] == ({"object": 1}, 1, [({}, 1)])
    assert found["ok"] == ({"boolean": 1}, 1, [(True, 1)])
    assert found["tags"] == ({"array": 1}, 1, [(["a"], 1)])
    [first, *_] = fields(table).show()["fields"]
    assert (first["events"], first["share"]) == (3, 1.0)


def test_columns_are_told_apart(table: Table) -> None:
    table.fill([{"level": "error", "http": {"status": 500}, "n": 1}])
    table.promote({"http.status": "number"})
    shown = {one["path"]: one["column"] for one in fields(table).show()["fields"]}
    assert shown == {"namespace": True, "level": True, "http.status": True, "n": False}


def test_only_of_what_the_search_line_finds(table: Table) -> None:
    table.fill([{"level": "error", "code": 7}, {"level": "info", "free": 1}])
    assert list(shown(table, q="level:error")) == ["code", "level"]
    assert list(shown(table, q="level:nothing")) == []


@pytest.mark.parametrize(
    "event",
    ['{"a.b":1}', '{"/a":1}', '{"":1}', '{"a":{"":1}}', '{"a/b":{"c~d":1}}', '{"a":{"b.c":{"d":{"e.f":{"g":1}}}}}'],
)
def test_every_path_finds_its_events(table: Table, event: str) -> None:
    table.fill([event, "{}"])
    [path] = shown(table)
    found = table.ask(filters=[{"path": path, "op": "exists"}])
    assert [row.event for _, row in found.events] == [event]


def test_layouts_of_one_path_are_one_field(table: Table) -> None:
    table.fill(
        [
            *[{"http.status": 200}] * 2,
            *[{"http": {"status": 404}}] * 3,
            {"http.status": 500, "http": {"status": 1}},  # the longest key counts
            {"http.status": None, "http": {"status": 503}},
            {"http.status": {"code": 7}, "http": {"status": 2}},
            {"a": {"b.c": 1}},
            {"a.b": {"c": 2}},
            '{"a":{"b.c":3,"b.c":4}}',
        ]
    )
    found = shown(table)
    assert list(found) == ["http.status", "a.b.c", "http.status.code"]
    assert found["http.status"] == ({"number": 7}, 4, [(404, 3), (200, 2), (503, 1), (500, 1)])
    assert found["a.b.c"] == ({"number": 3}, 3, [(4, 1), (2, 1), (1, 1)])
    for path, (_, _, top) in found.items():
        for value, count in top:
            assert len(table.ask(filters=[{"path": path, "op": "=", "value": value}]).events) == count


def test_own_keys_called_like_columns_that_say_when_and_which(table: Table) -> None:
    table.fill([{"id": 7, "dataset": "d", "event_time": 1_700_000_000, "user": {"id": 8}}])
    found = shown(table)
    assert list(found) == ["/dataset", "/event_time", "/id", "user.id"]
    assert found["/id"] == ({"number": 1}, 1, [(7, 1)])
    assert len(table.ask(filters=[{"path": "/id", "op": "=", "value": 7}]).events) == 1


@pytest.mark.parametrize("company", [[], [{"a": 7}] * 3], ids=["alone", "among others"])
def test_last_of_keys_that_stand_twice_counts(table: Table, company: list[Any]) -> None:
    doubled = [
        '{"a":1,"a":"x"}',
        '{"b":{"c":1,"c":true}}',
        '{"d":{"x":1},"d":{"y":2}}',
        '{"e":{"x":1},"e":3}',
        '{"f":1,"\\u0066":null}',
    ]
    table.fill([*doubled, *company])
    found = shown(table)
    assert {path: types for path, (types, _, _) in found.items()} == {
        "a": {"string": 1} | ({"number": 3} if company else {}),
        "b.c": {"boolean": 1},
        "d.y": {"number": 1},
        "e": {"number": 1},
    }
    assert ("x", 1) in found["a"][2] and found["d.y"][2] == [(2, 1)]


def test_paths_have_dots_where_that_is_what_they_mean() -> None:
    assert path_of(["http", "status"]) == "http.status"
    assert path_of(["http.status"]) == "http.status"
    assert path_of(["/x"]) == "/~1x"


def test_values_too_long_to_be_shown_still_count(table: Table) -> None:
    table.fill([{"message": "x" * 1000}, {"message": "short"}])
    assert shown(table)["message"] == ({"string": 2}, 2, [("short", 1)])


def test_only_the_newest_events_are_read_and_it_says_so(table: Table, settings: Any) -> None:
    table.fill({"timestamp": 1_700_000_000 + n, "n": n} for n in range(10))
    settings.EVENTLANE_FIELDS_EVENTS = 4
    found = fields(table)
    assert found.events == 4
    assert found.statistics.warnings == ["only the newest 4 of 10 events were read"]
    [n] = [one for one in found.fields if one.path == "n"]
    assert sorted(value for value, _ in n.top) == [6, 7, 8, 9]


def test_keys_that_are_values_are_bounded(table: Table) -> None:
    table.fill({"by_user": {f"user-{n}": 1}, "level": "info"} for n in range(1000))
    found = fields(table)
    assert 250 < len(found.fields) <= 300 and "level" in [one.path for one in found.fields]
    assert found.statistics.warnings and "most frequent of" in found.statistics.warnings[0]
