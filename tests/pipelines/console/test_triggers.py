"""The console's pages of triggers, platform events and resources, and pipelines on its home."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from events.models import TriggerMatch
from pipelines.models import Pipeline, PlatformEvent, Resource, Status, Subscription
from pipelines.resources.deploy import deploy
from tests.console import count_queries
from tests.factories import House
from tests.pipelines.console.deployed import address, deploy_all, end, run, text, text_of, visit, write
from tests.pipelines.resources.samples import pipeline, task, timer, trigger

TRIGGERS, EVENTS, RESOURCES = (f"/console/pipelines/{name}/" for name in ("trigger", "platformevent", "resource"))
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def deployed(acme: House) -> dict[str, Resource]:
    return deploy_all(acme.project)


def names(client: Client, path: str) -> list[str]:
    return [row.name for row in client.get(path).context["cl"].result_list]


# Triggers


def test_timers_stand_first_by_their_next_tick(alice: Client, acme: House) -> None:
    deploy(
        acme.project,
        [task(), pipeline(), timer("later", daily={"hour": 3}), timer("soon", periodic=30), timer("none", periodic=60)],
    )
    now = timezone.now()
    for name, tick in (("later", now + timedelta(hours=5)), ("soon", now + timedelta(seconds=90)), ("none", None)):
        Subscription.objects.filter(trigger__name=name).update(next_tick_time=tick)
    assert names(alice, TRIGGERS) == ["soon", "later", "none"]
    page = text(alice, TRIGGERS)
    assert "a minute from now" in page and f"{now + timedelta(hours=5):%Y-%m-%d %H:%M:%S} UTC" in page
    assert "no more" in page


def test_list_tells_what_a_trigger_does(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    Subscription.objects.filter(trigger__name="guests").update(suppressed_events=1234)
    visit(acme.project)
    page = text(alice, TRIGGERS)
    for words in ("custom/guest", "1 filter<", "greetings", "1,234", "now", "never"):
        assert words in page
    assert names(alice, f"{TRIGGERS}?connector=custom") == ["guests"]
    assert names(alice, f"{TRIGGERS}?connector=github") == []


def test_page_lists_last_events_with_what_they_started(
    alice: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    started, ignored = run(acme.project), visit(acme.project)
    page = text(alice, address(deployed["guests"], model="trigger"))
    assert address(started) in page and address(started.event) in page and address(ignored) in page
    assert "path: /vip" in page and "is_equal_to: true" in page
    few = count_queries(alice, address(deployed["guests"], model="trigger"))
    for _ in range(5):
        run(acme.project)
    assert count_queries(alice, address(deployed["guests"], model="trigger")) == few


def test_admin_switches_a_trigger(alice: Client, bob: Client, deployed: dict[str, Resource]) -> None:
    guests = deployed["guests"]
    page = address(guests, model="trigger")
    assert "Disable</button>" in text(alice, page) and "Disable</button>" not in text(bob, page)
    alice.post(address(guests, "disable", model="trigger"))
    assert "disabled" in text(alice, TRIGGERS) and "Enable</button>" in text(alice, page)
    alice.post(address(guests, "enable", model="trigger"))
    guests.refresh_from_db()
    assert not guests.disabled
    told = LogEntry.objects.filter(object_id=guests.pk).order_by("pk").values_list("change_message", flat=True)
    assert list(told) == ["Disabled.", "Enabled."]


def test_page_tells_what_is_queued_and_aborts_it(
    alice: Client, bob: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    for name, model in (("guests", "trigger"), ("greetings", "resource"), ("hello", "command")):
        assert "Abort queued pipelines" not in text(bob, address(deployed[name], model=model))
    first, second = run(acme.project), run(acme.project)
    page = text(bob, address(deployed["guests"], model="trigger"))
    assert "2 pipelines" in page and "Abort queued pipelines" in page
    assert "2 pipelines" in text(bob, address(deployed["greetings"]))
    told = text_of(bob.post(address(deployed["guests"], "abort_queued", model="trigger"), follow=True))
    assert "2 queued pipelines aborted." in told
    assert {one.status for one in Pipeline.objects.filter(pk__in=[first.pk, second.pk])} == {Status.ABORTED}
    assert bob.get(address(deployed["guests"], "abort_queued", model="trigger")).status_code == 405
    assert bob.post(address(deployed["greet"], "abort_queued")).status_code == 404


def test_page_tells_the_rate_limit_what_waits_and_what_was_dropped(alice: Client, acme: House) -> None:
    storm = trigger("storm", connector="dataset", event="logs")
    own = trigger("own", connector="dataset", event="logs", parameters={"rate_limit": {"events": 5, "seconds": 60}})
    deploy(acme.project, [task(), pipeline(), storm, own])
    by_name = {resource.name: resource for resource in Resource.objects.filter(project=acme.project)}
    assert "5 events in 60 s</dd>" in text(alice, address(by_name["own"], model="trigger"))
    rows = [
        TriggerMatch(trigger_id=by_name["storm"].pk, dataset="logs", event_time=timezone.now(), event=b"{}")
        for _ in range(1200)
    ]
    TriggerMatch.objects.bulk_create(rows)
    assert "1,200 wait" in text(alice, TRIGGERS)
    page = text(alice, address(by_name["storm"], model="trigger"))
    assert "1,000 events in 60 s, the server’s" in page and "1,200 events, the oldest from" in page
    told = text_of(alice.post(address(by_name["storm"], "disable", model="trigger"), follow=True))
    assert "Disabled. 1,200 waiting events dropped." in told and "1200 waiting events, last" in told
    assert "1,200 dropped" in text(alice, TRIGGERS)
    assert not TriggerMatch.objects.exists()


def test_list_of_triggers_asks_the_same_number_of_questions_whatever_its_length(
    alice: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    few = count_queries(alice, TRIGGERS)
    deploy_all(acme.organization.projects.create(name="shop"))
    assert count_queries(alice, TRIGGERS) == few


# Platform events


def test_event_page_shows_data_as_text(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    event = visit(acme.project, name=HOSTILE, nested={"größe": [1, 2]})
    page = text(alice, address(event))
    assert HOSTILE not in page and "&lt;script&gt;alert(1)" in page
    assert re.search(r"&quot;größe&quot;: \[\n +1,\n +2\n +\]", page)
    assert "its trigger's filters didn't match" in page


def test_large_data_is_cut(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    event = visit(acme.project, text="x" * 300_000)
    page = text(alice, address(event))
    assert "The rest isn't shown" in page and len(page) < 200_000


def test_user_replays_an_event(bob: Client, acme: House, deployed: dict[str, Resource]) -> None:
    original = run(acme.project).event
    page = text_of(bob.post(address(original, "replay"), follow=True))
    copy = PlatformEvent.objects.exclude(pk=original.pk).get()
    assert "Replayed: 1 pipeline started." in page and address(original) in page
    assert address(copy.pipelines.get()) in page
    assert address(copy) in text(bob, address(original))
    Resource.objects.filter(pk=deployed["guests"].pk).update(disabled=True)
    assert "nothing was started" in text_of(bob.post(address(original, "replay"), follow=True))
    assert bob.get(address(original, "replay")).status_code == 405


def test_events_of_deleted_triggers_stay(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    event = run(acme.project).event
    deploy(acme.project, [])
    assert "a deleted trigger" in text(alice, address(event))
    assert "a deleted trigger" in text(alice, EVENTS)
    assert "a deleted trigger" in text(alice, address(Pipeline.objects.get()))


def test_list_of_events_asks_the_same_number_of_questions_whatever_its_length(
    alice: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    run(acme.project)
    few = count_queries(alice, EVENTS)
    for _ in range(5):
        run(acme.project)
        visit(acme.project)
    assert count_queries(alice, EVENTS) == few
    assert len(names(alice, f"{EVENTS}?connector=custom")) == 11 and names(alice, f"{EVENTS}?connector=time") == []


# Resources


def test_resources_lead_to_their_pages(alice: Client, deployed: dict[str, Resource]) -> None:
    assert names(alice, f"{RESOURCES}?type__exact=task") == ["greet"]
    for name, model in (("hello", "command"), ("guests", "trigger")):
        assert alice.get(address(deployed[name]))["Location"] == address(deployed[name], model=model)
    page = text(alice, address(deployed["greetings"]))
    for name, model in (("hello", "command"), ("guests", "trigger"), ("greet", "")):
        assert address(deployed[name], model=model) in page
    assert "concurrent: true" in page and "Disable</button>" in page
    page = text(alice, address(deployed["greet"]))
    assert address(deployed["greetings"]) in page and "echo hello" in page and "Disable</button>" not in page


def test_page_of_another_type_is_not_found(alice: Client, deployed: dict[str, Resource]) -> None:
    assert alice.get(address(deployed["hello"], model="trigger")).status_code == 404
    assert alice.post(address(deployed["guests"], "execute", model="command")).status_code == 404


# The home page


def test_home_tells_of_pipelines_once_something_is_deployed(alice: Client, bob: Client, acme: House) -> None:
    assert "Pipelines</h2>" not in text(alice, "/console/")
    deployed = deploy_all(acme.project)
    assert "nothing failed in the last 24 hours" in text(alice, "/console/home/pipelines/")
    running, failed, old = (run(acme.project) for _ in range(3))
    for pipeline_, ago in ((failed, 1), (old, 25)):
        end(pipeline_, Status.FAILED)
        Pipeline.objects.filter(pk=pipeline_.pk).update(end_time=timezone.now() - timedelta(hours=ago))
    for client in (alice, bob):
        page = text(client, "/console/home/pipelines/")
        assert address(running) in page and address(failed) in page and address(old) not in page
        assert address(deployed["nightly"], model="trigger") in page and "next tick" in page


def test_home_groups_failures_by_what_the_program_said_last(alice: Client, acme: House) -> None:
    deploy_all(acme.project)
    for number in range(3):
        pipeline_ = run(acme.project)
        write(
            pipeline_.tasks.earliest("pk"),
            f"Hello\n/tmp/x{number}/steps/0: line 3: NAME: parameter not set\n",
            exit_code=2,
        )
        end(pipeline_, Status.FAILED)
    failed = run(acme.project)
    end(failed, Status.FAILED)
    groups = alice.get("/console/home/pipelines/").context["automation"]["failed"]
    assert [(group.count, group.latest == failed.pk) for group in groups] == [(1, True), (3, False)]
    assert groups[1].reason == "NAME: parameter not set"
    assert alice.get(groups[1].list_url).context["cl"].result_count == 4


def test_home_asks_the_same_number_of_questions_whatever_runs(
    alice: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    end(run(acme.project), Status.FAILED)
    run(acme.project)
    few = count_queries(alice, "/console/home/pipelines/")
    for _ in range(4):
        end(run(acme.project), Status.FAILED)
        run(acme.project)
    assert count_queries(alice, "/console/home/pipelines/") == few
