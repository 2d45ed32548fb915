"""Fields that become columns: found, added and filled beside everything else, and the same answers before and after."""

import json
import time
from typing import Any

import pytest
from django.utils import timezone

from events.lake import field_columns, noted_fields
from events.lake.connection import Lake, event_table_name
from events.lake.follow import EventFollower
from events.lake.maintain import maintain
from events.lake.query import EventQuery
from events.models import NotedField
from events.query.body import read_query
from events.query.run import ask
from tests.events.lake.conftest import Node

VALUES = [200, "200", 200.0, 2.5, 2**53 + 1, None, True, [1, 200], {"a": 1}, "{DATA_PATH}", "two\nlines"]
FIELDS = {"http.status": "number", "user": "text", "tags": "json"}
CALCULATIONS = [{"op": "count"}, {"op": "p50", "path": "http.status"}, {"op": "max", "path": "user"}]


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_columns, "FILLED_FROM", 0)
    monkeypatch.setattr(noted_fields, "SAMPLED_AGAIN", 1000 * 1000)  # these tests note fields themselves


def write(node: Node, start: int, count: int) -> None:
    node.write(
        *(
            json.dumps(
                {
                    "n": n,
                    "http": {"status": VALUES[n % len(VALUES)]},
                    "user": f"user {n % 7}" if n % 5 else VALUES[n % 11],
                    "tags": [n % 3],
                }
            )
            for n in range(start, start + count)
        )
    )


def note(node: Node, fields: dict[str, str]) -> None:
    for path, kind in fields.items():
        NotedField.objects.update_or_create(dataset=node.dataset, path=path, defaults={"kind": kind, "seen": 99})


def run() -> dict[str, str]:
    with Lake() as lake:
        steps = list(maintain(lake, timezone.now()))
    assert [step for step in steps if step.failed] == []
    return {step.name: step.result for step in steps}


def answers(node: Node, *, partial: bool = False) -> list[Any]:
    """Return answers in which each of FIELDS is a filter, a group or calculated."""
    asked: list[dict[str, Any]] = [
        {"filters": [{"path": "http.status", "op": "=", "value": 200}], "limit": 1000},
        {"calculations": CALCULATIONS, "group_by": ["http.status"], "limit": 100, "order_by": [{"by": "http.status"}]},
        {"calculations": CALCULATIONS, "group_by": ["user", "tags"], "limit": 3, "granularity": "1m"},
        {"calculations": CALCULATIONS, "filters": [{"path": "tags", "op": "=", "value": 2}]},
    ]
    found = []
    with Lake(read_only=True) as lake:
        for body in asked:
            everything = {"datasets": ["logs"], "time_zone": "UTC", "from": "2026-01-01", "to": "2200-01-01"}
            body = (
                {**everything, **body}
                if "granularity" not in body
                else {**everything, **body, "from": "1h", "to": "now"}
            )
            answer = ask(lake, [node.dataset], read_query(body, now_us=time.time_ns() // 1000))
            assert answer.statistics.partial == partial
            found.append(repr((answer.rows, answer.others, answer.events)))
    return found


def promoted(node: Node) -> dict[int, int]:
    """Return how many sealed events have how many columns."""
    table = event_table_name(node.dataset.table_name)
    with Lake(read_only=True) as lake:
        return dict(lake.execute(f"SELECT promoted, count(*) FROM {table} GROUP BY promoted"))


def test_a_large_file_is_filled_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(field_columns, "FILLED_AGAIN_BELOW", 0)
    write(node, 0, 500)
    node.seal()
    note(node, {"n": "number"})
    assert run()["columns"] == "1 columns added, 1 files filled"
    before = answers(node)
    note(node, FIELDS)
    assert run()["columns"] == "3 columns added, 0 files filled"
    assert promoted(node) == {1: 500}
    assert answers(node) == before


def test_answers_stay_the_same_while_fields_become_columns(node: Node) -> None:
    write(node, 0, 500)
    node.seal()
    write(node, 500, 20)  # few enough to stay in PostgreSQL
    node.seal()
    write(node, 520, 5)  # not sealed
    before = answers(node)
    note(node, FIELDS)
    assert run()["columns"] == "3 columns added, 1 files filled"
    assert promoted(node) == {0: 20, 3: 500}
    assert answers(node) == before
    write(node, 525, 500)
    node.seal()
    assert promoted(node) == {0: 525, 3: 500}
    before = answers(node)
    note(node, {"n": "number"})
    assert run()["columns"] == "1 columns added, 1 files filled"
    assert promoted(node) == {0: 20, 4: 1005}
    assert answers(node) == before
    assert run()["columns"] == "0 columns added, 0 files filled"


def newest_file(node: Node) -> list[Any]:
    """Return the ids in the table's newest file, in its order."""
    files = (node.lake_path / "main" / node.dataset.table_name).glob("*.parquet")
    newest = max(files, key=lambda file: file.stat().st_mtime)
    with Lake(read_only=True) as lake:
        return lake.execute(f"SELECT id FROM read_parquet('{newest}')")


def test_events_keep_their_order_and_a_follower_sees_nothing_new(node: Node) -> None:
    write(node, 0, 3000)
    node.seal()
    before = newest_file(node)
    note(node, FIELDS)
    with EventFollower(EventQuery(dataset=node.dataset, limit=1)) as follower:
        assert len(list(follower.history())) == 1
        assert run()["columns"] == "3 columns added, 1 files filled"
        assert newest_file(node) == before
        assert follower.news() == []
        write(node, 3000, 200)
        node.seal()
        assert len(follower.news()) == 200
        run()
        assert follower.news() == []


def test_at_most_so_many_fields_become_columns_those_asked_for_first(node: Node, settings: Any) -> None:
    write(node, 0, 200)
    node.seal()
    note(node, FIELDS)
    NotedField.objects.filter(path="tags").update(asked=3)
    NotedField.objects.create(dataset=node.dataset, path="rare", kind="text", seen=1, asked=2)
    settings.EVENTLANE_PROMOTED_FIELDS = 2
    run()
    numbers = NotedField.objects.exclude(number=None).values_list("number", "path")
    assert dict(numbers) == {1: "tags", 2: "http.status"}
    settings.EVENTLANE_PROMOTED_FIELDS = 64
    run()
    assert set(NotedField.objects.filter(number=None).values_list("path", flat=True)) == {"rare"}


def test_column_that_was_added_by_somebody_who_was_killed_then_stays_empty(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(node, 0, 200)
    node.seal()
    note(node, FIELDS)
    before = answers(node)
    with Lake() as lake, monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(NotedField, "save", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        list(maintain(lake, timezone.now()))
    assert answers(node) == before
    run()
    assert sorted(NotedField.objects.values_list("number", flat=True)) == [2, 3, 4]
    assert promoted(node) == {4: 200}
    assert answers(node) == before


def columns() -> dict[str, str]:
    return dict(NotedField.objects.exclude(number=None).values_list("path", "kind"))


def test_fields_that_most_events_have_are_found_while_sealing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted_fields, "SAMPLED_AGAIN", 100)
    monkeypatch.setattr(noted_fields, "AGAIN_SECONDS", 0)
    event = {"http": {"status": 200, "path": "/x"}, "user.id": "u1", "ok": True, "tags": [], "empty": {}, "none": None}
    own = {"msg": "hello", "level": "info", "time": "2026-11-27T10:00:00Z", "duration_ms": 3, "stack": "x" * 500}
    for start in (0, 200):
        unlike = [{"order": f"order {n} of today", "user.no": f"u-{n}"} for n in range(start, start + 200)]
        texts = [json.dumps(event | own | {"seldom": 1} | unlike[n] if n % 3 else event) for n in range(200)]
        node.write(*texts, '{"no json"')
        node.seal()
        assert columns() == {}
        run()
    found = {"http.status": "number", "http.path": "text", "user.id": "text", "ok": "json", "tags": "json"}
    assert columns() == found | {"seldom": "number", "user.no": "text"}


def test_fields_that_queries_ask_for_become_columns(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noted_fields, "SAMPLED_AGAIN", 100)
    monkeypatch.setattr(noted_fields, "AGAIN_SECONDS", 0)
    body = {"datasets": ["logs"], "q": "rare:1 level:info", "calculations": [{"op": "max", "path": "b.c"}]}
    for expected in ({}, {"a": "number"}, {"a": "number"}, {"a": "number", "rare": "number"}):
        node.write(*['{"a":1}'] * 150, *['{"rare":1}'] * 50)
        node.seal()
        run()
        assert columns() == expected  # no event has had b.c
        with Lake(read_only=True) as lake:
            ask(lake, [node.dataset], read_query(body, now_us=time.time_ns() // 1000))


def test_answers_around_a_damaged_file_use_columns_too(node: Node) -> None:
    write(node, 0, 200)
    node.seal()
    note(node, FIELDS)
    run()
    write(node, 200, 20)  # stays in PostgreSQL, which keeps texts in its own way
    node.seal()
    before = answers(node)
    write(node, 220, 300)
    node.seal()
    newest = max(
        (node.lake_path / "main" / node.dataset.table_name).glob("*.parquet"), key=lambda one: one.stat().st_mtime
    )
    newest.unlink()
    assert answers(node, partial=True) == before
