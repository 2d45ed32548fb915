"""From the journal to platform events: each match once, whoever reads, whatever fails."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.lake.sealer import Sealer
from events.models import Dataset, JournalProgress, MatchedRequest, TriggerMatch
from events.triggers import fire as firing
from events.triggers import store as storing
from events.triggers import watcher as watching
from events.triggers.store import forget_sealed
from events.triggers.watcher import TriggerWatcher
from pipelines.models import Pipeline, PlatformEvent, Resource, Subscription
from pipelines.resources.switch import switch
from pipelines.waiting import waiting_for
from tests.events.lake.conftest import Node
from tests.events.triggers.conftest import add_trigger, drain, fired
from tests.factories import make_resource

ERROR = {"path": "/level", "is_equal_to": "error"}


def seal(node: Node, watcher: TriggerWatcher) -> int:
    """Close the journal file and seal what may be sealed; return how many events."""
    node.writer.close()
    sealer = Sealer(node.journal, watcher.held_back)
    try:
        return sum(sealed.events for sealed in sealer.seal_available())
    finally:
        sealer.close()


def numbers(count: int, start: int = 0) -> list[str]:
    return [f'{{"level":"error","n":{number}}}' for number in range(start, start + count)]


@pytest.mark.quick
def test_match_becomes_an_event_and_pipelines_while_the_file_is_open(node: Node, watcher: TriggerWatcher) -> None:
    make_resource(node.dataset.project, "pipeline", "alert", {"tasks": [], "concurrent": True})
    trigger = add_trigger(node.dataset, ERROR, pipelines=("alert",))
    before = timezone.now()
    node.write('{"level":"info"}', '{"level":"error","user":{"id":7}}')
    drain(watcher)
    [event] = PlatformEvent.objects.all()
    assert (event.connector, event.name, event.trigger_id) == ("dataset", "logs", trigger.pk)
    assert event.data == {"level": "error", "user": {"id": 7}} and event.processed
    assert before <= event.event_time <= timezone.now()
    assert [pipeline.name for pipeline in Pipeline.objects.filter(event=event)] == ["alert"]
    assert TriggerMatch.objects.count() == 0


@pytest.mark.parametrize("beside", ["1.5", '"\\ud800"', "1e999"])
def test_numbers_keep_their_digits_and_are_compared_as_numbers(
    node: Node, watcher: TriggerWatcher, beside: str
) -> None:
    digits = "0.12345678901234567890123"
    add_trigger(node.dataset, {"path": "/n", "is_equal_to": float(digits)}, {"path": "/one", "is_equal_to": 1})
    node.write(f'{{"n":{digits},"one":1.0,"beside":{beside}}}')
    drain(watcher)
    [data] = fired()
    assert str(data["n"]) == digits and data["beside"] in (1.5, "\ufffd", "1e999")


def test_growing_file_is_read_on_and_sealing_adds_nothing(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR)
    for number in range(3):
        node.write(*numbers(1, number))
        drain(watcher)
    assert seal(node, watcher) == 3
    drain(watcher)
    assert [data["n"] for data in fired()] == [0, 1, 2]


def test_request_that_is_sent_again_fires_nothing_more(node: Node, watcher: TriggerWatcher) -> None:
    """Whether its copy is in the same stretch, the same file or another; after a day it fires anew."""
    add_trigger(node.dataset, ERROR)
    token = b"0123456789abcdef"
    for _ in range(2):
        node.write(*numbers(2), token=token)
    drain(watcher)
    node.write(*numbers(2), token=token)
    assert seal(node, watcher) == 2
    node.write(*numbers(2), token=token)
    node.write(*numbers(1, 2), token=token[::-1])
    drain(watcher)
    assert [data["n"] for data in fired()] == [0, 1, 2]
    MatchedRequest.objects.update(received_time=timezone.now() - timedelta(hours=25))
    node.write(*numbers(1), token=token)
    drain(watcher)
    assert [data["n"] for data in fired()] == [0, 1, 2, 0]
    MatchedRequest.objects.update(received_time=timezone.now() - timedelta(hours=25))
    forget_sealed(node.journal)
    assert not MatchedRequest.objects.exists()


def test_sealer_evaluates_what_the_watcher_has_not(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(5))
    assert seal(node, watcher) == 5 and node.files() == []
    assert fired() == [] and TriggerMatch.objects.count() == 5
    drain(watcher)
    assert len(fired()) == 5


def test_a_new_watcher_goes_on_where_the_last_one_was(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(3))
    drain(watcher)
    node.write(*numbers(2, 3))
    drain(TriggerWatcher(node.journal))
    assert [data["n"] for data in fired()] == [0, 1, 2, 3, 4]


def test_two_watchers_of_one_file_fire_each_match_once(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(2))
    other = TriggerWatcher(node.journal)
    drain(watcher), drain(other)
    node.write('{"level":"info"}')
    drain(other)  # remembers more than what is committed
    node.write(*numbers(2, 2))
    drain(watcher), drain(other)
    node.write(*numbers(2, 4))
    drain(other), drain(watcher)
    assert [data["n"] for data in fired()] == [0, 1, 2, 3, 4, 5]


def test_watchers_at_once_fire_each_match_once(node: Node) -> None:
    add_trigger(node.dataset, ERROR)
    for start in range(0, 300, 10):
        node.write(*numbers(10, start))

    def watch() -> None:
        try:
            drain(TriggerWatcher(node.journal))
        finally:
            connection.close()

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain(TriggerWatcher(node.journal))
    assert sorted(data["n"] for data in fired()) == list(range(300))


def test_without_triggers_no_file_is_read(node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    node.write(*numbers(2))
    monkeypatch.setattr(watching.JournalFile, "read", lambda *args: pytest.fail("a file was read"))
    drain(watcher)  # the first time it looks for what is left over, too
    watcher._next_look = 0.0
    with CaptureQueriesContext(connection) as captured:
        assert watcher.watch() == watching.LOOK_SECONDS
    assert len(captured) == 1
    with CaptureQueriesContext(connection) as captured:
        watcher.watch()
    assert len(captured) == 0


def test_trigger_deployed_before_an_event_sees_it_though_the_watcher_looked_before(
    node: Node, watcher: TriggerWatcher
) -> None:
    other = Dataset.objects.create(project=node.dataset.project, name="other")
    add_trigger(other, name="first")
    drain(watcher)
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(1))
    drain(watcher)
    assert len(fired()) == 1


def test_only_events_since_the_subscription_count(node: Node, watcher: TriggerWatcher) -> None:
    node.write(*numbers(2), age=timedelta(minutes=1))
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(1, 2))
    drain(watcher)
    assert [data["n"] for data in fired()] == [2]


def test_disabled_trigger_and_those_of_other_projects_do_not_fire(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    Resource.objects.filter(pk=trigger.pk).update(disabled=True)
    from tests.factories import make_house

    house = make_house("acme", "alice")
    same_name = Dataset.objects.create(project=house.project, name=node.dataset.name)
    add_trigger(same_name, ERROR)
    node.write(*numbers(2))
    drain(watcher)
    assert fired() == []


def test_trigger_that_is_enabled_again_fires_by_nothing_that_came_before(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    row = Resource.objects.filter(pk=trigger.pk)
    switch(row, disabled=True)
    node.write(*numbers(2))
    drain(watcher)
    switch(row, disabled=False)
    node.write(*numbers(1, 2))
    drain(TriggerWatcher(node.journal))
    assert [data["n"] for data in fired()] == [2]


def test_match_of_a_trigger_that_is_gone_comes_to_nothing(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    node.write(*numbers(2))
    seal(node, watcher)
    trigger.delete()
    drain(watcher)
    assert fired() == [] and TriggerMatch.objects.count() == 0


def test_changed_filters_hold_for_the_next_events(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    node.write(*numbers(1))
    drain(watcher)
    trigger.spec["data"]["filters"] = [{"path": "/level", "is_equal_to": "warn"}]
    trigger.update_time = timezone.now()
    trigger.save()
    node.write('{"level":"error"}', '{"level":"warn"}')
    drain(watcher)
    assert fired() == [{"level": "error", "n": 0}, {"level": "warn"}]


def test_rate_limit_lets_so_many_pass_in_a_window(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR, rate_limit={"events": 2, "seconds": 3600})
    Subscription.objects.update(creation_time=timezone.now() - timedelta(days=1))
    for age in (7300, 7200, 7190, 3650, 3640, 30):
        node.write(*numbers(1, age), age=timedelta(seconds=age))
        drain(watcher)
    assert [data["n"] for data in fired(trigger)] == [7300, 7200, 3650, 3640, 30]
    [subscription] = Subscription.objects.all()
    assert (subscription.suppressed_events, subscription.window_events) == (1, 1)


def test_rate_limit_within_one_request(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR, rate_limit={"events": 3, "seconds": 60})
    free = add_trigger(node.dataset, ERROR, name="free")
    node.write(*numbers(10))
    drain(watcher)
    assert len(fired()) == 13 and len(fired(free)) == 10
    assert Subscription.objects.exclude(pk=free.pk).get().suppressed_events == 7


def test_data_that_postgresql_can_not_hold_fires_all_the_same(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset)
    node.write('{"a":"x\\u0000y"}', '{"a":"\\ud800"}', '{"a":"ok"}')
    drain(watcher)
    assert fired() == [{"a": "x\ufffdy"}, {"a": "\ufffd"}, {"a": "ok"}]


def test_nothing_is_done_twice_when_storing_or_firing_fails_half_way(
    node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(5))
    for module, name in ((storing, "_admitted"), (firing, "_enabled_triggers")):
        original = getattr(module, name)

        def failing(*args: Any, module: Any = module, name: str = name, original: Any = original) -> Any:
            monkeypatch.setattr(module, name, original)
            raise OperationalError("connection lost")

        monkeypatch.setattr(module, name, failing)
        with pytest.raises(OperationalError):
            watcher.watch()
    drain(watcher)
    assert [data["n"] for data in fired()] == [0, 1, 2, 3, 4]


def test_one_match_that_can_not_be_fired_is_tried_again_and_then_given_up(
    node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add_trigger(node.dataset, ERROR)
    original = firing.fire

    def picky(trigger: Resource, **event: Any) -> PlatformEvent:
        if event["data"]["n"] == 1:
            raise ValueError("not this one")
        return original(trigger, **event)

    monkeypatch.setattr(firing, "fire", picky)
    node.write(*numbers(3))
    drain(watcher)
    assert [data["n"] for data in fired()] == [0, 2]
    assert TriggerMatch.objects.get().failures == 1
    for _ in range(firing.MOST_ATTEMPTS - 1):
        assert TriggerMatch.objects.update(due_time=timezone.now()) == 1
        firing.fire_due_matches()
    assert TriggerMatch.objects.count() == 0
    assert caplog.text.count("trying again") == 1 and caplog.text.count("will not be fired") == 1


def test_file_that_can_not_be_evaluated_is_held_back_for_a_while_only(
    node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(2))

    def broken(*args: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(watching, "evaluate", broken)
    drain(watcher)
    assert seal(node, watcher) == 0 and len(node.files()) == 1
    monkeypatch.setattr(watching, "HOLD_SECONDS", 0.0)
    assert seal(node, watcher) == 2 and node.files() == []
    assert "is sealed without looking for triggers: RuntimeError: a bug" in caplog.text


def test_progress_of_files_that_are_gone_is_forgotten_later(node: Node, watcher: TriggerWatcher) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(1))
    seal(node, watcher)
    node.write(*numbers(1))
    drain(watcher)
    storing.forget_sealed(node.journal)
    assert JournalProgress.objects.count() == 2
    JournalProgress.objects.update(update_time=timezone.now() - timedelta(hours=1))
    storing.forget_sealed(node.journal)
    assert [row.file_name for row in JournalProgress.objects.all()] == [
        name.removesuffix(".journal") for name in node.files()
    ]


def test_run_gets_over_an_outage_and_stops(
    node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_trigger(node.dataset, ERROR)
    node.write(*numbers(1))
    stop, outages = threading.Event(), [OperationalError("away"), RuntimeError("odd")]
    original = TriggerWatcher.watch

    def failing(self: TriggerWatcher) -> float:
        if outages:
            raise outages.pop()
        pause = original(self)
        if fired():
            stop.set()
        return pause

    monkeypatch.setattr(TriggerWatcher, "watch", failing)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    watcher.run(stop)
    assert len(fired()) == 1


def test_disabled_trigger_drops_what_waits_for_it_and_counts_it(node: Node, watcher: TriggerWatcher) -> None:
    trigger, other = add_trigger(node.dataset, ERROR), add_trigger(node.dataset, ERROR, name="other")
    node.write(*numbers(3000))
    seal(node, watcher)
    assert waiting_for([trigger.pk])[trigger.pk].events == 1000  # what the server's own rate limit lets pass
    assert switch(Resource.objects.filter(pk=trigger.pk), disabled=True) == 1000
    assert waiting_for([trigger.pk, other.pk]).keys() == {other.pk}
    subscription = Subscription.objects.get(pk=trigger.pk)
    assert (subscription.dropped_events, subscription.suppressed_events) == (1000, 2000)
    firing.fire_due_matches()
    assert fired(trigger) == [] and len(fired(other)) == firing.FIRED_AT_ONCE


def test_match_found_before_its_trigger_was_disabled_is_not_stored_behind_that(
    node: Node, watcher: TriggerWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    original = watching.store

    def late(*args: Any) -> None:
        for disabled in (True, False):
            switch(Resource.objects.filter(pk=trigger.pk), disabled=disabled)
        original(*args)

    monkeypatch.setattr(watching, "store", late)
    node.write(*numbers(1))
    drain(watcher)
    assert fired() == [] and TriggerMatch.objects.count() == 0


def test_deleted_trigger_takes_what_waits_for_it_along(node: Node, watcher: TriggerWatcher) -> None:
    trigger = add_trigger(node.dataset, ERROR)
    node.write(*numbers(100))
    seal(node, watcher)
    trigger.delete()
    assert TriggerMatch.objects.count() == 0


def test_default_rate_limit_holds_for_triggers_without_one(node: Node, watcher: TriggerWatcher, settings: Any) -> None:
    settings.EVENTLANE_TRIGGER_RATE_LIMIT = (2, 60.0)
    plain, own = (
        add_trigger(node.dataset),
        add_trigger(node.dataset, name="own", rate_limit={"events": 4, "seconds": 60}),
    )
    node.write(*numbers(5))
    drain(watcher)
    assert (len(fired(plain)), len(fired(own))) == (2, 4)
    settings.EVENTLANE_TRIGGER_RATE_LIMIT = None
    node.write(*numbers(5))
    drain(TriggerWatcher(node.journal))
    assert len(fired(plain)) == 7


def test_clock_that_was_ahead_neither_closes_a_window_for_ever_nor_deafens_a_trigger(
    node: Node, watcher: TriggerWatcher
) -> None:
    trigger = add_trigger(node.dataset, ERROR, rate_limit={"events": 2, "seconds": 60})
    ahead = timezone.now() + timedelta(days=365)
    Subscription.objects.update(window_start_time=ahead, window_events=2)
    node.write(*numbers(1))
    drain(watcher)
    assert len(fired(trigger)) == 1
    Subscription.objects.update(creation_time=ahead)
    drain(watcher)
    node.write(*numbers(1))
    drain(watcher)
    assert len(fired(trigger)) == 2


def test_storm_of_one_trigger_does_not_hold_up_the_others(node: Node, watcher: TriggerWatcher) -> None:
    storm, calm = (
        add_trigger(node.dataset, ERROR),
        add_trigger(node.dataset, {"path": "/n", "is_equal_to": 999}, name="calm"),
    )
    node.write(*numbers(1000))
    seal(node, watcher)
    firing.fire_due_matches()
    assert len(fired(calm)) == 1 and 0 < len(fired(storm)) < firing.FIRED_AT_ONCE
