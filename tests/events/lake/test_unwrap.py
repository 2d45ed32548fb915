"""Datasets with `unwrap_message`: columns come from JSON in messages, too, sealed and unsealed alike."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from events.journal import new_batch
from events.lake.arrow import event_table
from events.lake.connection import Lake, event_table_name
from events.lake.maintain import reread_files
from events.lake.quarantine import entries, put_back
from events.lake.query import EventRow
from events.lake.seal import Refusal, quarantine
from events.models import Dataset, UnreadTimes
from tests.events.lake.conftest import Node

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
INNER = {"time": "2026-11-27T12:00:00Z", "level": 50, "msg": "lost", "service": "shop", "req": {"id": "r1"}}
INNER |= {"trace_id": "t1", "span_id": "s1", "duration": 12.5, "err": {"message": "boom"}}
READ = ("event_time", "level", "service", "request_id", "trace_id", "span_id", "duration", "error")
WHOLE = (NOON, "error", "shop", "r1", "t1", "s1", 12.5, "boom")


@pytest.fixture
def unwrapping(node: Node) -> Node:
    Dataset.objects.filter(pk=node.dataset.pk).update(unwrap_message=True)
    node.dataset.refresh_from_db()
    return node


def both(node: Node, *events: Any, **origin: str) -> list[EventRow]:
    """Return the rows of events, the same sealed as unsealed."""
    node.write(*[event if isinstance(event, str) else json.dumps(event) for event in events], **origin)
    unsealed = node.rows()
    node.seal()
    assert node.rows() == unsealed
    return unsealed


def read(row: EventRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in READ)


def test_what_a_container_writes_is_understood(unwrapping: Node) -> None:
    line = json.dumps(INNER)
    docker = {"log": f"{line}\n", "stream": "stderr"}
    [row, other] = both(unwrapping, docker, {"message": f" {line}"}, service="route")
    assert read(row) == read(other) == WHOLE
    assert (row.message, row.event) == (docker["log"], json.dumps(docker))  # both stay as they are
    assert [found.id for found in unwrapping.rows(filters=[("level", "error"), ("trace_id", "t1")])]


def test_the_events_own_values_count_first(unwrapping: Node) -> None:
    own = {"log": json.dumps(INNER), "level": "info", "timestamp": "2026-11-27T13:00:00Z", "service": "docker"}
    [row] = both(unwrapping, own, service="route")
    assert read(row) == (NOON.replace(hour=13), "info", "docker", *WHOLE[3:])


def test_messages_without_an_object_change_nothing(unwrapping: Node) -> None:
    texts = [
        "plain",
        "{not json}",
        "[1]",
        "7",
        '"text"',
        "null",
        "{}",
        '{"level":',
        "{DATA_PATH}",
        "{} {}",
        "\\",
        "{\0}",
    ]
    for row in both(
        unwrapping, *[{"message": text} for text in texts], '{"message":{"level":"error"}}', service="route"
    ):
        assert (row.level, row.service, row.trace_id) == (None, "route", None)
        assert row.event_time == row.received_time


def test_messages_are_read_like_events(unwrapping: Node) -> None:
    levels = {
        '{"level":"info","level":"error"}': "error",
        '{"record":{"level":{"name":"debug","name":"error"}}}': "error",
        '{"message":"{\\"level\\":\\"error\\"}"}': None,  # one layer
        '{"level":"\\u0065rror"}': "error",
        '{"LEVEL":"info","Level":"error"}': "error",
        '{"level":{"x":1},"severity":"ERROR"}': "error",
    }
    rows = both(unwrapping, *[{"message": inner, "message2": 1} for inner in levels])
    assert [row.level for row in rows] == list(levels.values())


def test_words_of_the_catalog_and_times_that_cannot_be_read(unwrapping: Node) -> None:
    [row] = both(unwrapping, {"message": json.dumps({"service": "{DATA_PATH}", "time": "soon"})})
    assert (row.service, row.event_time) == ("{DATA_PATH}", row.received_time)
    both(unwrapping, {"time": "later", "message": json.dumps({"time": "2026-11-27T12:00:00Z"})})
    assert [row.events for row in UnreadTimes.objects.all()] == [1]


def test_datasets_of_one_batch_have_their_own_setting(unwrapping: Node) -> None:
    plain = Dataset.objects.create(project=unwrapping.dataset.project, name="plain")
    for dataset in (plain, unwrapping.dataset):
        unwrapping.write(json.dumps({"message": json.dumps(INNER)}), dataset=dataset)
    for _ in ("unsealed", "sealed"):
        assert [row.level for row in unwrapping.rows()] == ["error"]
        assert [row.level for row in unwrapping.rows(dataset=plain)] == [None]
        unwrapping.seal()


def test_what_was_stored_before_stays_until_it_is_read_anew(node: Node) -> None:
    both(node, *[{"message": json.dumps(INNER)}] * 200)
    Dataset.objects.update(unwrap_message=True)
    node.dataset.refresh_from_db()
    assert {row.level for row in node.rows()} == {None}
    with Lake() as lake:
        lake.execute(f"UPDATE {event_table_name(node.dataset.table_name)} SET reading = 1")
        assert reread_files(lake, timezone.now()) == "200 events in 1 files read anew"
    assert {read(row) for row in node.rows()} == {WHOLE}


def test_what_comes_back_from_quarantine_is_unwrapped(unwrapping: Node) -> None:
    both(unwrapping, {"message": "first"})
    text = json.dumps({"message": json.dumps(INNER)}).encode()
    events = event_table([new_batch(unwrapping.dataset.pk, "web", "", [text], [len(text)])])
    with Lake() as lake:
        quarantine(lake, events, unwrapping.dataset.pk, [Refusal("for this test")])
        assert put_back(lake, entries(lake)).events == 1
    assert read(unwrapping.rows()[-1]) == WHOLE
