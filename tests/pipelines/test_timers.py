"""Ticks that are due."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from pipelines import timers
from pipelines.models import Pipeline, PlatformEvent, Resource, Subscription
from pipelines.timers import PAUSE, emit_due_ticks
from projects.models import Project
from tests.factories import disable, make_definition, make_project, make_trigger

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_definition(project)
    return project


@pytest.fixture(autouse=True)
def nothing_paused():
    timers._paused.clear()
    yield
    timers._paused.clear()


def make_timer(project: Project, name: str = "clock", at: datetime | None = NOON, **parameters) -> Resource:
    """A timer that ticks every hour, unless told otherwise."""
    return make_trigger(
        project,
        name,
        connector="time",
        event="tick",
        parameters=parameters or {"hourly": {}},
        next_tick_time=at,
    )


def _url() -> str:
    return psycopg.conninfo.make_conninfo(
        host=connection.settings_dict["HOST"],
        port=connection.settings_dict["PORT"] or None,
        user=connection.settings_dict["USER"] or None,
        password=connection.settings_dict["PASSWORD"] or None,
        dbname=connection.settings_dict["NAME"],
    )


def next_tick_of(trigger: Resource) -> datetime | None:
    return Subscription.objects.get(pk=trigger.pk).next_tick_time


def ticks() -> list[datetime]:
    return list(PlatformEvent.objects.order_by("event_time").values_list("event_time", flat=True))


def test_due_tick_is_emitted_once(project):
    trigger = make_timer(project)

    assert emit_due_ticks(NOON - timedelta(microseconds=1)) == 0
    assert emit_due_ticks(NOON + timedelta(seconds=0.4)) == 1
    assert emit_due_ticks(NOON + timedelta(seconds=0.9)) == 0

    event = PlatformEvent.objects.get()
    assert (event.connector, event.name, event.data, event.event_time) == ("time", "tick", {}, NOON)
    assert (event.trigger_id, event.processed) == (trigger.pk, True)
    assert Pipeline.objects.get().event == event
    assert next_tick_of(trigger) == NOON + HOUR


def test_missed_ticks_are_made_up_for_a_part_at_a_time(project, settings):
    settings.EVENTLANE_MISSED_TICKS = 3
    make_timer(project)
    now = NOON + 4.5 * HOUR

    assert [emit_due_ticks(now), emit_due_ticks(now), emit_due_ticks(now)] == [3, 2, 0]
    assert ticks() == [NOON + n * HOUR for n in range(5)]


def test_periodic_timer_skips_what_it_missed(project):
    trigger = make_timer(project, periodic=60)

    assert emit_due_ticks(NOON + timedelta(minutes=90, seconds=30)) == 1
    assert ticks() == [NOON + timedelta(minutes=90)]
    assert next_tick_of(trigger) == NOON + timedelta(minutes=91)


def test_oneshot_ticks_once(project):
    trigger = make_timer(project, oneshot="2030-01-01T12:00:00Z")

    assert emit_due_ticks(NOON) == 1
    assert next_tick_of(trigger) is None
    assert emit_due_ticks(NOON + 1000 * HOUR) == 0


@pytest.mark.parametrize("parameters, after", [({"hourly": {}}, 6 * HOUR), ({"periodic": 7200}, 6 * HOUR)])
def test_disabled_timer_goes_on_silently(project, parameters, after):
    trigger = make_timer(project, **parameters)
    disable(trigger)

    assert emit_due_ticks(NOON + 5 * HOUR) == 0
    assert next_tick_of(trigger) == NOON + after
    assert not PlatformEvent.objects.exists()


def test_filters_see_a_tick_without_data(project):
    trigger = make_timer(project)
    trigger.spec["data"]["filters"] = [{"path": "/a", "is_equal_to": 1}]
    trigger.save()

    assert emit_due_ticks(NOON) == 1
    assert PlatformEvent.objects.get().processed and not Pipeline.objects.exists()


def test_timer_that_fails_holds_up_nobody_and_is_tried_again_later(project, caplog):
    broken = make_definition(project, name="broken")
    broken.spec["data"]["tasks"][0]["task"] = "gone"
    broken.save()
    bad = make_timer(project, "bad", at=NOON - HOUR)
    bad.spec["data"]["pipelines"] = ["broken"]
    bad.save()
    make_timer(project, "good")

    with caplog.at_level(logging.ERROR):
        assert [emit_due_ticks(NOON) for _ in range(3)] == [1, 0, 0]
    assert [f"the timer of trigger {bad.pk} failed" in record.getMessage() for record in caplog.records] == [True]
    assert ticks() == [NOON] and next_tick_of(bad) == NOON - HOUR

    bad.spec["data"]["pipelines"] = ["deploy"]
    bad.save()
    assert emit_due_ticks(NOON + PAUSE) == 2
    assert ticks() == [NOON - HOUR, NOON, NOON]


@pytest.mark.django_db(transaction=True)
def test_lost_database_is_no_fault_of_the_timer(project):
    make_timer(project)

    def cut_off(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "projects_platformevent"'):
            with psycopg.connect(_url()) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        return execute(sql, params, many, context)

    with pytest.raises(OperationalError), connection.execute_wrapper(cut_off):
        emit_due_ticks(NOON)

    connection.close()
    assert not PlatformEvent.objects.exists() and emit_due_ticks(NOON) == 1


def test_cost_of_looking_does_not_depend_on_timers_that_are_not_due(project, django_assert_num_queries):
    for number in range(20):
        make_timer(project, f"later-{number}", at=NOON + HOUR)
    make_timer(project, "spent", at=None)

    with django_assert_num_queries(1):
        assert emit_due_ticks(NOON) == 0


@pytest.mark.django_db(transaction=True)
def test_of_several_that_look_at_once_one_emits(project):
    for number in range(10):
        make_timer(project, f"clock-{number}")
    barrier = threading.Barrier(4)
    counts: list[int] = []

    def look() -> None:
        barrier.wait()
        try:
            counts.append(sum(emit_due_ticks(NOON) for _ in range(3)))
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(counts) == 4 and sum(counts) == 10
    assert PlatformEvent.objects.count() == 10 and Pipeline.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_timers_of_a_project_being_deployed_are_left_for_later(project):
    other = make_project("other")
    make_definition(other)
    make_timer(project), make_timer(other)
    counts: list[int] = []

    def look() -> None:
        try:
            counts.append(emit_due_ticks(NOON))
        finally:
            connection.close()

    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # as a deployment does
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
        assert counts == [1]
    assert emit_due_ticks(NOON) == 1


def test_timers_of_a_disabled_organization_wait(project):
    make_timer(project)
    project.organization.disabled = True
    project.organization.save()
    assert emit_due_ticks(NOON + HOUR / 2) == 0

    project.organization.disabled = False
    project.organization.save()
    assert emit_due_ticks(NOON + HOUR / 2) == 1
