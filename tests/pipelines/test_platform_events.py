"""What events start."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.utils import timezone

from eventlane.wire.errors import UnknownObject
from pipelines.models import Pipeline, PlatformEvent, Subscription
from pipelines.platform_events import (
    create_events,
    fire,
    hold_resources,
    replay,
    try_to_hold_resources,
)
from projects.models import Project
from tests.factories import disable, make_command, make_definition, make_project, make_trigger

pytestmark = pytest.mark.django_db

THEN = datetime(2030, 1, 1, 12, tzinfo=UTC)
ONLY_PAID = [{"path": "/plan", "is_equal_to": "paid"}]


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_definition(project)
    return project


def started() -> list[tuple[str, str]]:
    """Name and event of every pipeline."""
    return list(Pipeline.objects.order_by("id").values_list("name", "event_id"))


def test_event_is_stored_for_its_trigger_and_starts_its_pipeline(project):
    trigger = make_trigger(project)

    [event] = create_events(project, "custom", "hello", {"a": [1]}, THEN)

    stored = PlatformEvent.objects.get()
    assert stored == event
    assert (stored.connector, stored.name, stored.data, stored.event_time) == ("custom", "hello", {"a": [1]}, THEN)
    assert (stored.trigger_id, stored.command_id, stored.original_event_id) == (trigger.pk, None, None)
    assert stored.processed
    [pipeline] = Pipeline.objects.all()
    assert (pipeline.event_id, pipeline.trigger_id, pipeline.command_id) == (event.pk, trigger.pk, None)
    assert pipeline.event_time == THEN and pipeline.tasks.get().command_parameters is None


def test_event_happens_now_unless_told_otherwise(project):
    make_trigger(project)
    before = timezone.now()

    [event] = create_events(project, "custom", "hello", {})

    assert before <= event.event_time <= timezone.now()


def test_nothing_is_stored_where_nobody_listens(project):
    make_trigger(project)
    make_trigger(make_project("other"), "elsewhere")
    disable(make_trigger(project, "disabled", event="other"))

    for connector, name in (("custom", "other"), ("webhook", "hello"), ("custom", "hello2")):
        assert create_events(project, connector, name, {}) == []
    assert not PlatformEvent.objects.exists() and started() == []


def test_every_trigger_gets_an_event_of_its_own(project):
    triggers = [make_trigger(project, f"t-{number}", pipelines=["deploy"] * (number != 1)) for number in range(3)]

    events = create_events(project, "custom", "hello", {})

    assert {event.trigger_id for event in events} == {trigger.pk for trigger in triggers}
    assert len({event.pk for event in events}) == 3
    assert sorted(event_id for _, event_id in started()) == sorted(
        event.pk for event in events if event.trigger_id != triggers[1].pk
    )


def test_every_pipeline_of_a_trigger_is_started_in_its_order(project):
    for name in ("zeta", "alpha"):
        make_definition(project, name=name)
    make_trigger(project, pipelines=["zeta", "deploy", "alpha"])

    [event] = create_events(project, "custom", "hello", {})

    assert {name for name, _ in started()} == {"zeta", "deploy", "alpha"}
    assert {event_id for _, event_id in started()} == {event.pk}


def test_disabled_pipeline_and_one_that_is_not_there_are_left_out(project):
    disable(make_definition(project, name="off"))
    make_trigger(project, pipelines=["off", "gone", "deploy"])

    create_events(project, "custom", "hello", {})

    assert [name for name, _ in started()] == ["deploy"]


def test_event_that_filters_refuse_is_kept_and_starts_nothing(project):
    picky = make_trigger(project, "picky", filters=ONLY_PAID)
    make_trigger(project, "other")

    events = create_events(project, "custom", "hello", {"plan": "free"})

    assert [event.processed for event in events] == [True, True]
    [(_, event_id)] = started()
    assert PlatformEvent.objects.get(pk=event_id).trigger_id != picky.pk
    create_events(project, "custom", "hello", {"plan": "paid"})
    assert Pipeline.objects.filter(trigger_id=picky.pk).count() == 1


def test_github_event_goes_to_those_who_asked_for_its_repository(project):
    site = {"organization": "acme", "repository": "site"}
    for name, parameters in (("all", {"organization": "acme"}), ("site", site), ("other", {"organization": "x"})):
        make_trigger(project, name, connector="github", event="push", parameters=parameters)

    events = create_events(project, "github", "push", {"organization": "Acme", "repository": "site"})
    assert len(events) == 2
    assert len(create_events(project, "github", "push", {"organization": "acme", "repository": "api"})) == 1


@pytest.mark.parametrize(
    "data, stored",
    [
        ({"a\0": ["x\0y"]}, {"a\ufffd": ["x\ufffdy"]}),
        ({"a": "\ud800 \U0001f600"}, {"a": "\ufffd \U0001f600"}),
        ({"a": [float("inf"), float("nan"), 10**5000, True]}, {"a": [None, None, None, True]}),
        ({"a": "\\u0000", "b": 1e300}, {"a": "\\u0000", "b": 10**300}),
    ],
)
def test_what_postgresql_cannot_store_is_replaced(project, data, stored):
    make_trigger(project)

    [event] = create_events(project, "custom", "hello", data)

    assert PlatformEvent.objects.get(pk=event.pk).data == stored


def test_fire_asks_no_filter(project):
    trigger = make_trigger(project, connector="dataset", event="logs", filters=ONLY_PAID)

    event = fire(trigger, connector="dataset", name="logs", data={"level": "error"}, event_time=THEN)

    stored = PlatformEvent.objects.get(pk=event.pk)
    assert (stored.trigger_id, stored.event_time, stored.processed) == (trigger.pk, THEN, True)
    assert started() == [("deploy", event.pk)]


def test_crash_while_pipelines_start_leaves_no_event(project):
    broken = make_definition(project, name="broken")
    broken.spec["data"]["tasks"][0]["task"] = "gone"
    broken.save()
    make_trigger(project, pipelines=["deploy", "broken"])

    with pytest.raises(KeyError), transaction.atomic():
        create_events(project, "custom", "hello", {})

    assert not PlatformEvent.objects.exists() and started() == []


# Replay


def test_replay_is_a_copy_that_starts_what_is_deployed_now(project):
    trigger = make_trigger(project, filters=ONLY_PAID)
    [event] = create_events(project, "custom", "hello", {"plan": "free"}, THEN)
    assert started() == []
    trigger.spec["data"]["filters"] = []
    trigger.save()

    copy = replay(event)

    same = ("project_id", "trigger_id", "command_id", "connector", "name", "data", "event_time")
    assert [getattr(copy, name) for name in same] == [getattr(event, name) for name in same]
    assert copy.pk != event.pk and copy.original_event_id == event.pk and copy.creation_time > event.creation_time
    assert started() == [("deploy", copy.pk)]
    assert replay(copy).original_event_id == copy.pk
    assert PlatformEvent.objects.count() == 3


def test_replay_obeys_filters(project):
    make_trigger(project, filters=ONLY_PAID)
    [event] = create_events(project, "custom", "hello", {"plan": "free"})

    assert replay(event).processed and started() == []


@pytest.mark.parametrize("fate", ["disabled", "deleted"])
def test_replay_without_its_trigger_starts_nothing(project, fate):
    trigger = make_trigger(project)
    [event] = create_events(project, "custom", "hello", {})
    if fate == "disabled":
        disable(trigger)
    else:
        trigger.delete()

    copy = replay(event)

    assert copy.trigger_id == event.trigger_id
    assert [event_id for _, event_id in started()] == [event.pk]


def test_replay_of_a_command_gives_the_same_parameters(project):
    from pipelines.command_executions import execute_command
    from pipelines.models import CommandExecution

    command = make_command(project, {"name": "version", "type": "string"})
    execution = execute_command(command, {"version": "1.2"}, None)

    copy = replay(execution.event)

    pipeline = Pipeline.objects.get(event=copy)
    assert (pipeline.command_id, pipeline.trigger_id) == (command.pk, None)
    assert pipeline.tasks.get().command_parameters == {"version": "1.2"}
    assert CommandExecution.objects.count() == 1
    disable(command)
    assert not Pipeline.objects.filter(event=replay(execution.event)).exists()


# Beside a deployment


def test_project_that_is_gone(project):
    Project.objects.filter(pk=project.pk).delete()

    with pytest.raises(UnknownObject), transaction.atomic():
        create_events(project, "custom", "hello", {})


@pytest.mark.django_db(transaction=True)
def test_events_wait_for_a_deployment_and_see_what_it_did(project):
    trigger = make_trigger(project)
    results: list[list[PlatformEvent]] = []
    deploying, waiting = threading.Event(), threading.Event()

    def send() -> None:
        deploying.wait()
        waiting.set()
        try:
            results.append(create_events(project, "custom", "hello", {}))
        finally:
            connection.close()

    thread = threading.Thread(target=send)
    thread.start()
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # as a deployment does
        Subscription.objects.filter(trigger=trigger).delete()
        deploying.set()
        waiting.wait()
        thread.join(0.3)
        assert thread.is_alive() and results == []
    thread.join(10)

    assert results == [[]]


@pytest.mark.django_db(transaction=True)
def test_events_do_not_wait_for_each_other(project):
    make_trigger(project)
    results: list[int] = []

    def send() -> None:
        try:
            results.append(len(create_events(project, "custom", "hello", {})))
            with transaction.atomic():
                assert try_to_hold_resources(project.pk)
        finally:
            connection.close()

    with transaction.atomic():
        hold_resources(project.pk)
        thread = threading.Thread(target=send)
        thread.start()
        thread.join(10)
        assert results == [1]
