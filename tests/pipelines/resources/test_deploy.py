"""Deploy: a set of specs becomes what a project has."""

# ruff: noqa: E501  # a case is one line

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from eventlane.wire.errors import InvalidRequestBody, UnknownObject
from pipelines.models import Hook, Identity, Pipeline, PlatformEvent, Resource, Subscription
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.factories import make_project
from tests.pipelines.resources.samples import command, pipeline, task, timer, trigger, whole

LONG_AGO = datetime.fromisoformat("2020-01-01T00:00:00Z")
KEYS = [("task", "greet"), ("pipeline", "greetings"), ("command", "hello"), ("trigger", "guests")]


@pytest.fixture
def project(db: None) -> Project:
    return make_project("acme")


def resource(project: Project, name: str) -> Resource:
    return project.resources.get(name=name)


def rows(project: Project) -> list[dict[str, Any]]:
    return [*project.resources.order_by("id").values(), *project.subscriptions.order_by("trigger").values()]


def grow_old(project: Project) -> None:
    project.resources.update(creation_time=LONG_AGO, update_time=LONG_AGO)
    project.subscriptions.update(creation_time=LONG_AGO)


def test_new_specs_make_resources(project):
    done = deploy(project, whole())

    assert (done.created, done.updated, done.deleted, done.unchanged) == (KEYS, [], [], [])
    assert sorted((row.type, row.name) for row in project.resources.all()) == sorted(KEYS)
    greetings = resource(project, "greetings")
    assert greetings.spec == done.after["pipeline", "greetings"]
    assert greetings.data["tasks"][0]["on_failure"] == "abort"
    assert greetings.creation_time == greetings.update_time and not greetings.disabled


def test_the_same_again_changes_nothing(project):
    deploy(project, whole())
    grow_old(project)
    project.resources.update(disabled=True)
    before = rows(project)

    done = deploy(project, whole())

    assert (done.created, done.updated, done.deleted, done.unchanged) == ([], [], [], KEYS)
    assert rows(project) == before


def test_a_changed_spec_updates_its_resource_and_no_other(project):
    deploy(project, whole())
    grow_old(project)
    Resource.objects.filter(name="greet").update(disabled=True)
    before = resource(project, "greet")

    done = deploy(project, [task(environment={"LANG": "C"}), *whole()[1:]])

    after = resource(project, "greet")
    assert (done.updated, done.unchanged) == (KEYS[:1], KEYS[1:])
    assert (after.pk, after.creation_time, after.disabled) == (before.pk, LONG_AGO, True)
    assert after.update_time > LONG_AGO and after.data["environment"] == {"LANG": "C"}
    assert done.before["task", "greet"] == before.spec
    assert resource(project, "greetings").update_time == LONG_AGO


def test_true_is_a_change_from_one(project):
    def guests(value: Any) -> list[dict[str, Any]]:
        return [task(), pipeline(), trigger(filters=[{"path": "/a", "is_equal_to": value}])]

    deploy(project, guests(1))

    assert deploy(project, guests(1.0)).updated == []
    assert deploy(project, guests(True)).updated == [("trigger", "guests")]


def test_what_the_set_does_not_have_is_deleted(project):
    deploy(project, whole())

    done = deploy(project, whole()[:2])

    assert done.deleted == [("command", "hello"), ("trigger", "guests")]
    assert sorted(row.name for row in project.resources.all()) == ["greet", "greetings"]
    assert not Subscription.objects.exists()


def test_an_empty_set_deletes_everything_but_what_was_executed(project):
    deploy(project, whole())
    event = PlatformEvent.objects.create(
        project=project, connector="custom", name="guest", data={}, event_time=timezone.now()
    )
    definition = resource(project, "greetings")
    executed = Pipeline.objects.create(
        project=project, definition=definition, name="x", spec=definition.spec, event=event, event_time=event.event_time
    )

    assert len(deploy(project, []).deleted) == 4

    executed.refresh_from_db()
    assert not Resource.objects.exists() and executed.definition is None and executed.spec == definition.spec


def test_a_problem_anywhere_changes_nothing(project):
    deploy(project, whole())
    before = rows(project)

    with pytest.raises(InvalidRequestBody) as refused:
        deploy(
            project, [task(environment={"A": "b"}), pipeline(), command("new"), trigger(pipelines=["no"]), task("y")]
        )

    assert {problem["pointer"] for problem in refused.value.data["jsv_errors"]} == {"/specs/3/data/pipelines/0"}
    assert rows(project) == before


@pytest.mark.parametrize("specs", [[], whole()[:2], [task(environment={"A": "b"}), *whole()[1:], timer()]])
def test_dry_run_tells_the_same_and_changes_nothing(project, specs):
    deploy(project, whole())
    before = rows(project)

    told = deploy(project, specs, dry_run=True)

    assert rows(project) == before and not Hook.objects.exists()
    done = deploy(project, specs)
    assert (told.created, told.updated, told.deleted) == (done.created, done.updated, done.deleted)


def test_identities_are_the_projects_own(project):
    other = Project.objects.create(organization=project.organization, name="other")
    Identity.objects.create(project=other, name="bot", connector="generic", type="password", encrypted_data=b"")

    with pytest.raises(InvalidRequestBody):
        deploy(project, [task(identities=["bot"])])
    assert deploy(other, [task(identities=["bot"])]).created == [("task", "greet")]


def test_other_projects_are_left_alone(project):
    other = Project.objects.create(organization=project.organization, name="other")
    deploy(other, whole())
    before = rows(other)

    deploy(project, [task("greet")])
    deploy(project, [])

    assert rows(other) == before


def test_trigger_gets_a_subscription(project):
    now = timezone.now()
    deploy(
        project,
        [
            *whole(),
            timer("ticks", periodic=60),
            trigger("pushes", connector="github", event="push", parameters={"organization": "acme"}),
        ],
    )

    ticks = Subscription.objects.get(trigger__name="ticks")
    pushes = Subscription.objects.get(trigger__name="pushes")
    guests = Subscription.objects.get(trigger__name="guests")
    assert (ticks.connector, ticks.event, ticks.parameters) == ("time", "tick", {"periodic": 60})
    assert now <= ticks.next_tick_time <= timezone.now() + timedelta(seconds=1)
    assert (pushes.connector, pushes.event, pushes.parameters) == ("github", "push", {"organization": "acme"})
    assert pushes.next_tick_time is guests.next_tick_time is None
    assert [hook.connector for hook in Hook.objects.filter(project=project)] == ["github"]  # fmt: skip


def test_spent_timer_has_no_tick(project):
    deploy(project, [task(), pipeline(), timer(oneshot="2020-01-01T00:00:00Z")])

    assert Subscription.objects.get().next_tick_time is None


def test_timer_runs_on_while_it_listens_to_the_same(project):
    deploy(project, [task(), pipeline(), pipeline("more"), timer(daily={"hour": 3})])
    Subscription.objects.update(next_tick_time=LONG_AGO, suppressed_events=7)
    before = Subscription.objects.values().get()

    done = deploy(project, [task(), pipeline(), pipeline("more"), timer(daily={"hour": 3}) | {"description": "New."}])
    assert done.updated == [("trigger", "nightly")]
    assert Subscription.objects.values().get() == before

    deploy(project, [task(), pipeline(), trigger("nightly", connector="time", event="tick", parameters={"daily": {"hour": 3}}, pipelines=[])])  # fmt: skip
    assert Subscription.objects.values().get() == before


@pytest.mark.parametrize(
    "other",
    [
        timer(daily={"hour": 4}),
        timer(weekly={"day": "monday"}),
        trigger("nightly"),
        timer(daily={"hour": 3}) | {"data": timer(daily={"hour": 3})["data"] | {"identity": "bot"}},
    ],
)
def test_trigger_that_listens_to_something_else_begins_anew(project, other):
    Identity.objects.create(project=project, name="bot", connector="generic", type="password", encrypted_data=b"")
    deploy(project, [task(), pipeline(), timer(daily={"hour": 3})])
    Subscription.objects.update(creation_time=LONG_AGO, next_tick_time=LONG_AGO, suppressed_events=7)
    trigger_id = resource(project, "nightly").pk

    deploy(project, [task(), pipeline(), other])

    new = Subscription.objects.get()
    assert new.trigger_id == trigger_id == resource(project, "nightly").pk
    assert new.creation_time > LONG_AGO and new.next_tick_time != LONG_AGO and new.suppressed_events == 0
    assert new.identity == other["data"].get("identity", "")


def test_deployment_costs_the_same_for_few_and_many(project, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        deploy(project, [task(), pipeline(), *(timer(f"t{number}", periodic=60 + number) for number in range(150))])
    with django_assert_max_num_queries(25):
        done = deploy(project, [task(), pipeline(), *(timer(f"t{n}", periodic=61 + n) for n in range(150))])
    assert len(done.updated) == 150


def test_project_that_is_gone_is_unknown(project):
    stale = Project.objects.get(pk=project.pk)
    project.delete()

    with pytest.raises(UnknownObject):
        deploy(stale, whole())


@pytest.mark.django_db(transaction=True)
def test_of_two_deployments_the_second_waits():
    project = make_project("acme")
    done = threading.Event()

    def second() -> None:
        try:
            deploy(Project.objects.get(pk=project.pk), [task("second")])
            done.set()
        finally:
            connections.close_all()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        deploy(project, [task("first")])
        thread.start()
        assert not done.wait(0.3)
        # Meanwhile what refers to the project goes on: its row is locked against changes of its key only.
        store_event_elsewhere(project)
    thread.join(10)

    assert done.is_set() and [row.name for row in project.resources.all()] == ["second"]


def store_event_elsewhere(project: Project) -> None:
    """Store an event from another connection, and fail rather than wait."""

    def store() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            PlatformEvent.objects.create(
                project=project, connector="custom", name="x", data={}, event_time=timezone.now()
            )
        finally:
            connections.close_all()

    thread = threading.Thread(target=store)
    thread.start()
    thread.join(10)
    assert PlatformEvent.objects.count() == 1
