"""Following a dataset: every event once, whether it comes through the journal, the lake, or both."""

import json
from datetime import timedelta
from typing import Any

import duckdb
import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from events.lake.connection import Lake
from events.lake.follow import EventFollower
from events.lake.maintain import maintain
from events.lake.query import EventQuery, EventRow
from events.lake.snapshot import Snapshot
from events.query.where import search_conditions
from tests.events.lake.conftest import Node


def numbers(rows: Any) -> list[int]:
    return [json.loads(row.event)["n"] for row in rows]


def write(node: Node, *written: int, **options: Any) -> None:
    node.write(*[json.dumps({"n": number}) for number in written], **options)


def follow(node: Node, **query: Any) -> EventFollower:
    return EventFollower(EventQuery(**{"dataset": node.dataset} | query))


@pytest.mark.quick
def test_history_then_news(node: Node) -> None:
    write(node, 1, 2)
    node.seal()
    write(node, 3)
    with follow(node) as follower:
        assert numbers(follower.history()) == [1, 2, 3]
        assert follower.news() == []
        write(node, 4)
        assert numbers(follower.news()) == [4]
        assert follower.news() == []


def test_history_is_limited_but_not_forgotten(node: Node) -> None:
    write(node, 1, 2, 3)
    with follow(node, limit=1) as follower:
        assert numbers(follower.history()) == [3]
        node.seal()
        assert follower.news() == []


def test_what_another_node_seals_while_we_look_comes_with_the_next_look(
    node: Node, other_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit is not in our snapshot, but a statement to the catalog after it would already see it."""
    write(node, 1)
    node.seal()
    take_sides = Snapshot.take_sides
    due = [2]

    def take_sides_while_the_other_seals(*arguments: Any, **options: Any) -> None:
        take_sides(*arguments, **options)
        if due:
            write(other_node, due.pop())
            other_node.seal()

    with follow(node) as follower:
        assert numbers(follower.history()) == [1]
        monkeypatch.setattr(Snapshot, "take_sides", take_sides_while_the_other_seals)
        assert numbers(follower.news()) + numbers(follower.news()) == [2]


def test_sealing_shows_nothing_again(node: Node) -> None:
    write(node, 1)
    with follow(node) as follower:
        assert numbers(follower.history()) == [1]
        write(node, 2)
        assert numbers(follower.news()) == [2]
        write(node, 3)
        node.seal()
        assert numbers(follower.news()) == [3]
        assert follower.news() == []


def test_file_written_and_sealed_between_two_looks(node: Node) -> None:
    with follow(node) as follower:
        assert numbers(follower.history()) == []
        write(node, *range(300))
        node.seal()
        assert numbers(follower.news()) == list(range(300))
        write(node, 300)
        node.seal()
        write(node, 301)
        assert numbers(follower.news()) == [300, 301]
        assert follower.news() == []


def test_file_sealed_before_but_not_yet_removed(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.journal.JournalFile.remove", lambda file: None)
    write(node, 1)
    node.seal()
    with follow(node) as follower:
        assert numbers(follower.history()) == [1]
        assert follower.news() == []
        write(node, 2)
        node.seal()
        assert numbers(follower.news()) == [2]
        assert follower.news() == []


def test_events_of_other_nodes_come_when_they_are_sealed(node: Node, other_node: Node) -> None:
    write(other_node, 1)
    with follow(node) as follower:
        assert numbers(follower.history()) == []
        assert follower.news() == []
        other_node.seal()
        assert numbers(follower.news()) == [1]
        write(node, 2)
        write(other_node, 3, age=timedelta(hours=2))  # its sealer was away for a while
        other_node.seal()
        assert numbers(follower.news()) == [3, 2]
        node.seal()
        assert follower.news() == []


def test_maintenance_shows_nothing_again(node: Node, other_node: Node, settings: Any) -> None:
    """Merging, rewriting, flushing and expiring move rows into other files and take snapshots away."""
    settings.EVENTLANE_SNAPSHOT_HOURS = 0
    for start in range(0, 600, 150):
        write(other_node, *range(start, start + 150), age=timedelta(days=31 if start < 300 else 0))
        other_node.seal()
    with follow(node, limit=None) as follower:
        assert len(list(follower.history())) == 600
        write(other_node, 600)
        other_node.seal()
        with Lake() as lake:
            steps = list(maintain(lake, timezone.now() + timedelta(seconds=1)))
        assert [step.result for step in steps if step.failed] == []
        assert {"300 events deleted"} <= {step.result for step in steps}
        assert numbers(follower.news()) == [600]
        write(other_node, *range(601, 801))
        other_node.seal()
        assert numbers(follower.news()) == list(range(601, 801))
        assert follower.news() == []


def test_rewritten_file_shows_nothing_again(node: Node, other_node: Node) -> None:
    write(other_node, *range(150), age=timedelta(days=31))
    write(other_node, *range(150, 300))
    other_node.seal()
    with follow(node, limit=None) as follower:
        assert len(list(follower.history())) == 300
        with Lake() as lake:
            steps = {step.name: step.result for step in maintain(lake, timezone.now())}
        assert (steps["retention"], steps["rewrite"]) == (
            "150 events deleted",
            "1 files with deleted events rewritten",
        )
        assert follower.news() == []


def test_filters_hold_for_news(node: Node, other_node: Node) -> None:
    with follow(node, namespace="web", filters=(("n", "2"),), limit=None) as follower:
        assert numbers(follower.history()) == []
        for at in (node, other_node):
            write(at, 1, 2, 3)
            write(at, 2, namespace="db")
        other_node.seal()
        assert numbers(follower.news()) == [2, 2]
        node.seal()
        assert follower.news() == []


def test_search_line_holds_for_news(node: Node, other_node: Node) -> None:
    with follow(node, where=search_conditions("n>1 dataset:logs -namespace:db")) as follower:
        assert numbers(follower.history()) == []
        write(node, 1, 2)
        write(node, 3, namespace="db")
        assert numbers(follower.news()) == [2]
        write(other_node, 1, 4)
        other_node.seal()
        assert numbers(follower.news()) == [4]


def test_new_connection_loses_nothing(node: Node, other_node: Node) -> None:
    with follow(node) as follower:
        assert numbers(follower.history()) == []
        write(node, 1)
        assert numbers(follower.news()) == [1]
        write(node, 2)
        follower.reconnect()
        node.seal()
        write(other_node, 3)
        other_node.seal()
        assert numbers(follower.news()) == [2, 3]
        assert follower.news() == []


def rows_by_number(rows: list[EventRow]) -> dict[int, EventRow]:
    return {json.loads(row.event)["n"]: row for row in rows}


def test_news_are_the_same_rows_wherever_they_come_from(node: Node, other_node: Node) -> None:
    with follow(node) as follower:
        list(follower.history())
        write(node, 1)
        write(other_node, 2)
        other_node.seal()
        news = rows_by_number(follower.news())
        node.seal()
        assert news == rows_by_number(node.rows())


def kill_lake_connections() -> None:
    with psycopg.connect(django_settings.DATABASE_URL, autocommit=True) as admin:
        ours = "application_name = 'eventlane lake' AND datname = %s"
        name = connection.settings_dict["NAME"]
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}", [name])


def test_killed_connections_are_got_over(node: Node) -> None:
    with follow(node) as follower:
        list(follower.history())
        write(node, 1)
        kill_lake_connections()
        try:
            news = follower.news()
        except duckdb.Error:
            follower.reconnect()
            news = follower.news()
        assert numbers(news) == [1]
        assert follower.news() == []
