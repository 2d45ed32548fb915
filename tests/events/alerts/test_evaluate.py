"""Alerts are evaluated when they are due, each time once, and keep a history of what began and ended."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connection
from django.utils import timezone

from eventlane.times import format_time
from events.alerts.due import claim, evaluate_due, missed_windows
from events.alerts.evaluate import LONGEST_VALUE, Finding
from events.alerts.record import record
from events.alerts.words import lines, title
from events.models import Alert, AlertChange
from pipelines.models import Pipeline, PlatformEvent, Resource
from pipelines.periodic import PERIODIC
from pipelines.platform_events import replay
from pipelines.resources.deploy import deploy
from tests.events.alerts.conftest import BY_SERVICE, Watch, Watched, send, worker_of
from tests.events.alerts.receivers import WebServer
from tests.events.lake.conftest import Node
from tests.events.lake.test_files import fill
from tests.pipelines.resources.samples import alert, channel, pipeline, query, task
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


def test_it_begins_once_and_ends_once(watch: Watch) -> None:
    errors = watch()
    assert errors.state == "waiting"
    assert errors.evaluate() == "ok" and errors.row.value == 0
    errors.send("api", "api", "web")
    assert [errors.evaluate(), errors.evaluate()] == ["firing", "firing"]
    assert [errors.evaluate(HOUR), errors.evaluate(HOUR)] == ["ok", "ok"]  # of a window in which nothing came
    assert errors.history() == [("began", "firing", [[3]]), ("ended", "ok", [[3]])]


def test_each_group_begins_and_ends_by_itself(watch: Watch) -> None:
    errors = watch(query=BY_SERVICE, threshold=">= 2")
    errors.send("api", "api", "web")
    errors.evaluate()
    errors.send("web", "web")
    errors.evaluate()
    assert errors.history() == [("began", "firing", [["api", 2]]), ("began", "firing", [["web", 3]])]
    assert errors.row.value == 3 and len(errors.row.conditions) == 2


def test_only_events_of_the_window_count(watch: Watch) -> None:
    errors = watch(window="10m")
    errors.send("api", "api", "api", age=timedelta(minutes=11))
    errors.send("api", "api")
    assert errors.evaluate() == "ok" and errors.row.value == 2
    errors.send("api", age=timedelta(minutes=9))
    assert errors.evaluate() == "firing"
    assert errors.evaluate(timedelta(minutes=12)) == "ok"  # as it was then


def test_group_and_value_may_be_numbers_of_any_size(watch: Watch) -> None:
    huge = watch(query=BY_SERVICE | {"calculations": [{"op": "max", "path": "n"}]}, threshold="> 1")
    huge.node.write(
        '{"level":"error","service":1e400,"n":12345678901234567890123}', '{"level":"error","service":{"a":1},"n":2}'
    )
    assert huge.evaluate() == "firing"
    assert len(huge.row.conditions) == 2


def test_long_values_of_groups_are_cut_and_told_apart(watch: Watch) -> None:
    errors = watch(query=BY_SERVICE, threshold=">= 2")
    traces = [f"{'at line 1, ' * 1000}{end}" for end in ("a", "b")]
    errors.send(*traces, *traces, "x" * LONGEST_VALUE, "x" * LONGEST_VALUE)
    errors.evaluate()
    errors.evaluate()  # they are still the same conditions
    assert len(AlertChange.objects.get().conditions) == 3
    cut = [one["group"]["service"] for one in errors.row.conditions if one.get("cut") == ["service"]]
    assert len(set(cut)) == 2
    for value in cut:
        assert value.startswith(traces[0][:LONGEST_VALUE] + "… (cut; 11,001 characters, SHA-256 ") and len(value) < 400
    assert {"service": "x" * LONGEST_VALUE} in [one["group"] for one in errors.row.conditions]
    assert len(max(lines(AlertChange.objects.get()), key=len)) < 400
    assert len(title(AlertChange.objects.get())) == 300 and title(AlertChange.objects.get()).endswith("…")


LARGEST = BY_SERVICE | {"calculations": [{"op": "max", "path": "n"}]}


def write_values(watched: Watched, values: dict[str, int]) -> None:
    """Send an error of each of these services with this number."""
    lines = (json.dumps({"level": "error", "service": name, "n": n}) for name, n in values.items())
    watched.node.write(*lines)


@pytest.mark.parametrize(
    ("threshold", "firing"),
    [
        ("> 7", ["high"]), (">= 9", ["high"]), ("< 7", ["low"]), ("<= 1", ["low"]),
        ("= 1", ["low"]), ("= 9", ["high"]), ("!= 7", ["low", "high"]),
    ],
)  # fmt: skip
def test_no_group_is_missed_among_many(watch: Watch, threshold: str, firing: list[str]) -> None:
    errors = watch(query=LARGEST, threshold=threshold)
    write_values(errors, {f"s{n}": 7 for n in range(1100)} | {"low": 1, "high": 9})
    assert errors.evaluate() == "firing"
    assert [one["group"]["service"] for one in errors.row.conditions] == firing


@pytest.mark.parametrize(
    ("threshold", "worst"),
    [
        ("> 0", [10, 9, 8]), (">= 0", [10, 9, 8]), ("< 11", [1, 2, 3]), ("<= 10", [1, 2, 3]),
        ("= 4", [4, 4, 4]), ("!= 4", [10, 9, 8]), ("!= 8.5", [1, 2, 3]),
    ],
)  # fmt: skip
def test_more_groups_than_are_listed_are_told_of(watch: Watch, settings: Any, threshold: str, worst: list[int]) -> None:
    settings.EVENTLANE_ALERT_GROUPS = 3
    errors = watch(query=LARGEST, threshold=threshold)
    write_values(errors, {f"s{n}": n for n in range(1, 11)} | {f"t{n}": 4 for n in range(3)})
    errors.evaluate()
    [(_, _, [cut, *listed])] = errors.history()
    assert (cut, [value for _, value in listed]) == ("more than 3 groups, not all are listed", worst)


def test_groups_that_may_be_among_those_left_out_do_not_end(watch: Watch, settings: Any) -> None:
    settings.EVENTLANE_ALERT_GROUPS = 2
    errors = watch(query=LARGEST, threshold="> 1")
    write_values(errors, {"a": 2, "b": 3})
    errors.evaluate()
    write_values(errors, {"c": 4, "d": 5})
    errors.evaluate()
    assert [one.get("group") for one in errors.row.conditions] == [None, {"service": "b"}, {"service": "a"}]
    [*_, change] = AlertChange.objects.order_by("creation_time")
    assert title(change) == "FIRING: many-errors, more than 2 groups, not all are listed"
    errors.evaluate(HOUR)
    [*_, change] = AlertChange.objects.order_by("creation_time")
    assert title(change) == "OK: many-errors, all groups are listed again"
    assert lines(change) == ["more than 2 groups, not all are listed", "service b", "service a"]


def test_text_that_is_a_number_is_compared_as_one(watch: Watch) -> None:
    last = watch(query=BY_SERVICE | {"calculations": [{"op": "last", "path": "status"}]}, threshold=">= 500")
    of = {"a": '"503"', "b": '"many"', "c": "true", "d": '"499"', "e": "null", "f": "500"}
    last.node.write(*(f'{{"level":"error","service":"{name}","status":{status}}}' for name, status in of.items()))
    last.evaluate()
    assert last.history() == [("began", "firing", [["a", "503"], ["f", 500]])]


def test_silence_is_no_data(watch: Watch) -> None:
    errors = watch(no_data="10m", threshold="< 1", window="1m")
    assert errors.evaluate() == "no_data"
    errors.send("api", age=timedelta(minutes=5))
    assert errors.evaluate() == "firing"  # something came within 10 minutes, and nothing within the last one
    errors.send("api")
    assert errors.evaluate() == "ok"
    assert [kind for kind, _, _ in errors.history()] == ["began", "began", "ended", "ended"]


def test_saved_query_and_its_calculation(watch: Watch) -> None:
    slow = {"op": "max", "path": "duration", "alias": "slowest"}
    saved = query("slow", q="", calculations=[{"op": "count"}, slow], granularity="1m", limit=1, time="received")
    slowest = watch(saved, query="slow", calculation="slowest", threshold="> 100")
    slowest.node.write(
        *(json.dumps({"service": name, "duration": n}) for name, n in [("a", 200), ("b", 50), ("c", 300)])
    )
    assert slowest.evaluate() == "firing"
    assert slowest.history() == [("began", "firing", [["c", 300], ["a", 200]])]


def test_error_is_a_state_and_leaves_the_groups_alone(watch: Watch) -> None:
    errors = watch()
    errors.send("api", "api", "api")
    errors.evaluate()
    errors.node.dataset.name = "other"
    errors.node.dataset.save()
    assert errors.evaluate() == "error" and errors.row.value == 3
    errors.node.dataset.name = "logs"
    errors.node.dataset.save()
    assert errors.evaluate() == "firing"
    text = "The project has no dataset 'logs'."
    assert errors.history() == [("began", "firing", [[3]]), ("began", "error", [text]), ("ended", "firing", [text])]


@contextmanager
def unanswerable(errors: Watched, since: timedelta, until: timedelta) -> Iterator[None]:
    """Let evaluations have failed: the first one so long ago, and the last one."""
    errors.node.dataset.name = "other"
    errors.node.dataset.save()
    assert errors.evaluate() == "error"
    row, now = errors.row, timezone.now()
    row.conditions[0]["since"], row.evaluation_time = format_time(now - since), now - until
    row.save()
    yield
    errors.node.dataset.name = "logs"
    errors.node.dataset.save()
    Resource.objects.update(update_time=timezone.now() - 2 * HOUR)  # it isn't new


def test_what_fired_while_it_could_not_be_evaluated_is_made_up_for(watch: Watch, web: WebServer) -> None:
    hook = channel("hook", kind="webhook", url=web.url())
    errors = watch(hook, query=BY_SERVICE, window="5m", frequency="1m", channels=["hook"], no_data="1m")
    with unanswerable(errors, timedelta(minutes=40), timedelta(minutes=1)):
        errors.send("api", "api", "api", age=timedelta(minutes=21))
        errors.send(*["web"] * 2, age=timedelta(minutes=21))
        errors.send(*["web"] * 2, age=timedelta(minutes=9))  # never more than two within a window
        errors.send("late", age=timedelta(seconds=20))
    now = timezone.now()
    assert errors.evaluate() == "ok"
    groups = [entry for entry in errors.history() if entry[2] != ["The project has no dataset 'logs'."]]
    assert groups == [("began", "firing", [["api", 3]]), ("ended", "ok", [["api", 3]])]
    began = AlertChange.objects.get(kind="began", state="firing")
    assert timedelta(minutes=16) < now - began.time < timedelta(minutes=21)
    shown = parse_qs(began.link.partition("?")[2])
    assert datetime.fromisoformat(shown["to"][0]) == began.time
    assert send() == 2 and json.loads(web.received[0][2])["title"] == "FIRING: many-errors, service api: 3"
    before = len(errors.history())
    errors.evaluate()
    assert len(errors.history()) == before


def test_windows_that_are_made_up_for_are_bounded(watch: Watch, settings: Any) -> None:
    settings.EVENTLANE_ALERT_MISSED_WINDOWS = 3
    errors = watch(window="5m", frequency="1m")
    assert missed_windows(errors.row, timezone.now()) == []
    with unanswerable(errors, timedelta(minutes=40), timedelta(minutes=10)):
        pass
    due, row = timezone.now(), errors.row
    last = row.evaluation_time
    assert last is not None
    ends = [last - timedelta(minutes=minutes) for minutes in (10, 5, 0)]
    assert missed_windows(row, due) == ends  # what nobody evaluated after that is left out
    assert missed_windows(row, last + timedelta(minutes=1)) == [end - timedelta(minutes=4) for end in ends]
    row.resource.update_time = last - timedelta(minutes=7)
    assert missed_windows(row, due) == ends[1:]
    row.conditions[0]["since"] = format_time(last)
    assert missed_windows(row, due) == [last] and missed_windows(row, last + timedelta(minutes=1)) == []
    settings.EVENTLANE_ALERT_MISSED_WINDOWS = 0
    assert missed_windows(row, due) == []


def test_events_of_a_damaged_file_are_not_taken_for_silence(watch: Watch) -> None:
    errors = watch(query={"datasets": ["logs"], "group_by": ["service"]}, threshold="> 1", no_data="10m")
    file = errors.node.lake_path / fill(errors.node, 0)
    errors.send("api", "api")
    assert errors.evaluate() == "firing"
    file.unlink()
    assert errors.evaluate() == "error"  # groups are found, and those that aren't don't end
    [*groups, error] = errors.row.conditions
    assert [(one["group"]["service"], one["value"]) for one in groups] == [(None, 150), ("api", 2)]
    assert error["text"].startswith("Not all events could be read: the 150 events of main/")
    assert errors.history() == [("began", "firing", [[None, 150], ["api", 2]]), ("began", "error", [error["text"]])]


def test_silence_with_a_damaged_file_is_an_error(watch: Watch) -> None:
    errors = watch(query={"datasets": ["logs"]}, threshold=None, no_data="10m")
    (errors.node.lake_path / fill(errors.node, 0)).unlink()
    assert errors.evaluate() == "error"


def test_link_of_no_data_shows_the_time_without_any(watch: Watch) -> None:
    errors = watch(no_data="2h", window="1m")
    errors.evaluate()
    shown = parse_qs(AlertChange.objects.get().link.partition("?")[2])
    [start], [end] = shown["from"], shown["to"]
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(hours=2)


def test_late_worker_catches_up_once(watch: Watch) -> None:
    errors = watch(frequency="1m")
    first = timezone.now() - HOUR - timedelta(seconds=20)
    Alert.objects.update(next_time=first)
    assert evaluate_due(threading.Event()) == 1
    assert errors.row.evaluation_time == first + HOUR
    assert errors.row.next_time == first + HOUR + timedelta(minutes=1)
    assert evaluate_due(threading.Event()) == 0


def test_many_workers_evaluate_each_due_time_once(watch: Watch) -> None:
    watched = [watch(*(alert(f"a{n}") for n in range(12)), name="errors")]
    watched[0].send("api", "api", "api")
    Alert.objects.update(next_time=timezone.now())
    counts: list[int] = []

    def work() -> None:
        try:
            counts.append(evaluate_due(threading.Event()))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(counts) == 4 and sum(counts) == 13
    assert AlertChange.objects.count() == 13


def test_dead_workers_claim_ends_and_a_late_one_is_dropped(watch: Watch) -> None:
    errors = watch()
    errors.make_due()
    dead = claim(timezone.now())
    assert dead is not None and claim(timezone.now()) is None
    later = timezone.now() + HOUR
    taken = claim(later)
    assert taken is not None
    assert record(taken, Finding(), later) and not record(dead, Finding(), later)


def test_stopped_worker_gives_its_claim_back(watch: Watch) -> None:
    errors = watch()
    errors.make_due()
    assert evaluate_due(_StopsLater()) == 0
    assert errors.row.claim_time is None and errors.state == "waiting"


class _StopsLater(threading.Event):
    """Is set from the second look on: after an alert was claimed."""

    def is_set(self) -> bool:
        looked, self.looked = getattr(self, "looked", False), True
        return looked


def test_disabled_alert_rests_and_changed_one_is_evaluated_at_once(watch: Watch) -> None:
    errors = watch()
    errors.evaluate()
    Resource.objects.update(disabled=True)
    errors.make_due()
    assert evaluate_due(threading.Event()) == 0
    Resource.objects.update(disabled=False)
    errors.evaluate()
    deploy(errors.project, [alert()])
    assert evaluate_due(threading.Event()) == 0
    errors.make_due()
    busy = claim(timezone.now())
    deploy(errors.project, [alert(threshold=">= 0")])
    assert busy is not None and not record(busy, Finding(), timezone.now())
    assert evaluate_due(threading.Event()) == 1 and errors.state == "firing"
    deploy(errors.project, [])
    assert not Alert.objects.exists()


def test_it_starts_pipelines_when_it_begins(watch: Watch) -> None:
    none = task(runtime={"name": "none"}, steps=[])
    errors = watch(none, pipeline(concurrent=True), query=BY_SERVICE, threshold="> 1", pipelines=["greetings"])
    errors.send("api", "api", "web")
    errors.evaluate()
    errors.evaluate()
    event = PlatformEvent.objects.get()
    assert (event.connector, event.name) == ("alert", "many-errors")
    [condition] = event.data["conditions"]
    assert (condition["group"], condition["value"]) == ({"service": "api"}, 2)
    assert "/console/explore/?dataset=" in event.data["link"]
    assert Pipeline.objects.get().event == event
    replay(event)
    assert Pipeline.objects.count() == 2


def test_slow_alert_leaves_threads_to_others(settings: Any) -> None:
    threads = [one for one in PERIODIC if one.name.startswith("alerts ")]
    assert len(threads) == settings.EVENTLANE_QUERY_SLOTS > 1


def test_worker_evaluates_it(node: Node, watch: Watch) -> None:
    """A real worker, with the delay and the interval that it has."""
    node.write('{"level":"error"}', '{"level":"error"}', '{"level":"error"}')
    errors = watch()
    with worker_of(node):
        wait_until(lambda: errors.state != "waiting", 90)
    assert errors.state == "firing"
