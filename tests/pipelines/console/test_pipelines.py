"""The console's list and page of pipelines."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from pipelines.admin import PipelineAdmin, automation
from pipelines.command_executions import execute_command
from pipelines.console.spans import span
from pipelines.models import Pipeline, Resource, Status, Task
from pipelines.platform_events import replay
from tests.console import count_queries
from tests.factories import House
from tests.pipelines.console.deployed import FILLED, address, deploy_all, end, run, text, write

LIST = "/console/pipelines/pipeline/"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def deployed(acme: House) -> dict[str, Resource]:
    return deploy_all(acme.project)


@pytest.fixture
def pipeline(acme: House, deployed: dict[str, Resource]) -> Pipeline:
    return run(acme.project)


def rows(client: Client, query: str = "") -> list[Pipeline]:
    return list(client.get(LIST + query).context["cl"].result_list)


# The list


def test_list_says_how_it_stands_and_why(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    first = run(acme.project)
    replay(first.event)
    execute_command(deployed["plain"], {}, acme.admin)
    page = text(alice, LIST)
    assert page.count("Waiting</span>") == 0 and page.count("Waiting") >= 3
    assert re.search(r"trigger\s+<a[^>]*>guests</a>", page) and "custom/guest" in page
    assert " replayed</span>" in page and re.search(r"command\s+<a[^>]*>plain</a>", page)
    assert " by alice@example.com</span>" in page
    assert "acme-project" in page


def test_list_is_newest_first(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    made = [run(acme.project, number=number).pk for number in range(4)]
    assert [pipeline.pk for pipeline in rows(alice)] == made[::-1]


def test_list_is_filtered(alice: Client, acme: House, pipeline: Pipeline) -> None:
    failed = run(acme.project)
    end(failed, Status.FAILED)
    assert rows(alice, "?status__exact=failed") == [failed]
    assert rows(alice, "?status__exact=successful") == []
    assert len(rows(alice, "?name=greetings")) == 2
    assert len(rows(alice, "?q=greet")) == 2 and rows(alice, "?q=nothing") == []
    assert len(rows(alice, f"?project__id__exact={acme.project.pk}")) == 2


def test_list_asks_the_same_number_of_questions_whatever_its_length(
    alice: Client, acme: House, pipeline: Pipeline, deployed: dict[str, Resource]
) -> None:
    few = count_queries(alice, LIST)
    for _ in range(5):
        replay(run(acme.project).event)
        execute_command(deployed["plain"], {}, acme.admin)
    assert count_queries(alice, LIST) <= few + 1  # the executions, which there were none of


def test_long_list_is_counted_to_a_limit(
    alice: Client, acme: House, deployed: dict[str, Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automation, "MOST_LISTED", 2)
    monkeypatch.setattr(PipelineAdmin, "list_per_page", 1)
    for _ in range(3):
        run(acme.project)
    assert "the newest 2 pipelines" in text(alice, LIST)
    assert len(rows(alice)) == len(rows(alice, "?p=2")) == 1
    assert alice.get(f"{LIST}?p=3").status_code == 302  # Django's way to say that there is no such page


# The page


def test_page_draws_the_graph_and_lists_tasks(alice: Client, pipeline: Pipeline) -> None:
    page = text(alice, address(pipeline))
    assert page.count("<rect") == 2 and page.count('class="ev-arrow"') == 1
    assert re.findall(r'data-node="([\w-]+)" data-status="(\w+)"', page) == [("first", "created"), ("greet", "created")]
    assert re.findall(r'data-task="([^"]+)"', page) == ["first", "greet"]
    assert "Waits for first." in page and "Waits for a worker." in page
    assert "name: greetings" in page and "echo hello" in page  # the specs
    assert "data-live-end" not in page


def test_page_says_what_is_waited_for(alice: Client, pipeline: Pipeline) -> None:
    first = pipeline.tasks.filter(name="first")
    first.update(due_time=timezone.now() + timedelta(seconds=100))
    assert "Retried in 1 min" in text(alice, address(pipeline))
    first.update(due_time=None, throttled=True)
    assert "as many tasks are running as the limits allow" in text(alice, address(pipeline))
    Pipeline.objects.filter(pk=pipeline.pk).update(admitted=False)
    assert "Waits for an earlier run of greetings to end." in text(alice, address(pipeline))


def test_page_shows_a_task_that_failed(alice: Client, pipeline: Pipeline) -> None:
    task = pipeline.tasks.get(name="first")
    write(task, "half done\nand then", exit_code=3, output_bytes=18)
    Task.objects.filter(pk=task.pk).update(
        status=Status.FAILED, end_time=timezone.now(), failure_message="step 1: exit status 3", retry=2
    )
    page = text(alice, address(pipeline))
    assert "step 1: exit status 3" in page and "exit code 3" in page and "half done\nand then" in page
    assert "retry 2 of 0" in page and 'data-node="first" data-status="failed"' in page


def test_instances_are_one_box_and_several_tasks(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    definition = deployed["greetings"]
    definition.spec["data"]["tasks"] = [{"name": "many", "task": "greet", "nb_instances": 3}]
    definition.save()
    pipeline = run(acme.project)
    Task.objects.filter(pipeline=pipeline, instance_id=2).update(status=Status.SUCCESSFUL)
    page = text(alice, address(pipeline))
    assert re.findall(r'data-task="([^"]+)"', page) == ["many 1", "many 2", "many 3"]
    assert page.count("<rect") == 1 and "1 of 3 ended" in page
    assert re.findall(r"ev-dot ev-dot-(\w+)", page) == ["created", "successful", "created"]


@pytest.mark.parametrize("page", ["change", "live"])
def test_hostile_texts_are_texts(page: str, alice: Client, pipeline: Pipeline) -> None:
    task = pipeline.tasks.get(name="first")
    write(task, f"{HOSTILE}</pre>{HOSTILE}\x1b[31m", label=HOSTILE)
    task.refresh_from_db()
    task.spec["data"]["steps"][0]["label"] = HOSTILE
    task.failure_message, task.name, task.worker = HOSTILE, f'"{HOSTILE}', HOSTILE
    task.save()
    Pipeline.objects.filter(pk=pipeline.pk).update(name=HOSTILE)
    pipeline.scratchpad.create(key=HOSTILE, value=HOSTILE)
    shown = text(alice, address(pipeline, page))
    assert "<script>alert" not in shown and "<img src=x" not in shown
    assert shown.count("&lt;script&gt;alert(1)") >= 7
    assert "<script>alert" not in text(alice, LIST)


def test_output_is_cut_and_there_as_a_whole(alice: Client, pipeline: Pipeline) -> None:
    task = pipeline.tasks.get(name="first")
    output = "<b>begin</b>\n" + "x" * 300_000 + "\nend"
    write(task, output, truncated=True)
    page = text(alice, address(pipeline, "live"))
    assert "begin" not in page and "x\nend</pre>" in page and len(page) < 100_000
    assert "the middle was dropped" in page and "earlier characters" in page
    response = alice.get(address(pipeline, "output", task.pk, 0))
    assert response.content.decode() == output
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff" and "default-src" in response["Content-Security-Policy"]
    assert alice.get(address(pipeline, "output", task.pk, 1)).status_code == 404


def test_live_part_asks_the_same_number_of_questions_whatever_the_graph(
    alice: Client, acme: House, deployed: dict[str, Resource], pipeline: Pipeline
) -> None:
    few = count_queries(alice, address(pipeline, "live"))
    definition = deployed["greetings"]
    definition.spec["data"]["tasks"] = [{"name": f"t{number}", "task": "greet"} for number in range(20)]
    definition.save()
    large = run(acme.project)
    for task in large.tasks.all():
        write(task, "output")
    assert count_queries(alice, address(large, "live")) == few


def test_scratchpad_is_shown(alice: Client, pipeline: Pipeline) -> None:
    pipeline.scratchpad.create(key="commit", value="4f2c" * 1000)
    page = text(alice, address(pipeline))
    assert "<code>commit</code>" in page and "4f2c" * 500 in page and "4f2c" * 501 not in page


# What the buttons do


def buttons(client: Client, pipeline: Pipeline) -> set[str]:
    """Return the last parts of the addresses of the forms that are shown."""
    page = text(client, address(pipeline))
    return set(re.findall(r'<form method="post" action="[^"]*/(\w+)/">', page)) - {"switch"}


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        (Status.CREATED, {"abort"}),
        (Status.SUCCESSFUL, {"restart"}),
        (Status.FAILED, {"restart", "restart_from_failure"}),
        (Status.ABORTED, {"restart", "restart_from_failure"}),
    ],
)
def test_buttons_are_those_that_apply(status: str, offered: set[str], alice: Client, pipeline: Pipeline) -> None:
    if status != Status.CREATED:
        end(pipeline, status)
        assert "data-live-end" in text(alice, address(pipeline))
    assert buttons(alice, pipeline) == offered


def test_user_aborts_and_restarts(bob: Client, pipeline: Pipeline) -> None:
    assert bob.post(address(pipeline, "abort")).status_code == 302
    pipeline.refresh_from_db()
    assert pipeline.status == Status.ABORTED
    assert bob.post(address(pipeline, "restart_from_failure")).status_code == 302
    pipeline.refresh_from_db()
    assert pipeline.status == Status.CREATED
    end(pipeline, Status.SUCCESSFUL)
    assert bob.post(address(pipeline, "restart")).status_code == 302
    pipeline.refresh_from_db()
    assert pipeline.status == Status.CREATED
    told = LogEntry.objects.filter(object_id=pipeline.pk).order_by("pk").values_list("change_message", flat=True)
    assert list(told) == ["Aborted.", "Restarted from failure.", "Restarted."]


def test_what_cannot_be_done_is_said(alice: Client, pipeline: Pipeline) -> None:
    response = alice.post(address(pipeline, "restart"), follow=True)
    assert "The pipeline has not ended yet." in response.content.decode()
    assert not LogEntry.objects.filter(object_id=pipeline.pk).exists()


@pytest.mark.parametrize("page", ["abort", "restart", "restart_from_failure"])
def test_a_look_changes_nothing(page: str, alice: Client, acme: House, pipeline: Pipeline) -> None:
    assert alice.get(address(pipeline, page)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(acme.admin)
    assert strict.post(address(pipeline, page)).status_code == 403
    pipeline.refresh_from_db()
    assert pipeline.status == Status.CREATED


def test_command_page_leads_to_the_pipeline(alice: Client, deployed: dict[str, Resource]) -> None:
    response = alice.post(address(deployed["hello"], "execute", model="command"), FILLED)
    assert response["Location"] == address(Pipeline.objects.get())


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (59.9, "59 s"), (61, "1 min 1 s"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_spans_are_told_as_people_say_them(seconds: float, told: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert span(start, start + timedelta(seconds=seconds)) == told
    assert span(None, start) == ""
