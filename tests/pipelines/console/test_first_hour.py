"""What a person meets in the console in the first hour."""

import pytest
from django.test import Client

from pipelines.command_executions import execute_command
from pipelines.console.schedules import schedule
from pipelines.models import Resource, Status
from projects.models import Account, Project
from tests.factories import House
from tests.pipelines.console.deployed import address, deploy_all, end, run, text, write

KEY = "/console/projects/apikey/add/"
PIPELINES = "/console/pipelines/pipeline/"


@pytest.fixture
def deployed(acme: House) -> dict[str, Resource]:
    return deploy_all(acme.project)


def test_only_project_is_chosen_for_a_new_key(alice: Client, acme: House) -> None:
    chosen = f'<option value="{acme.project.pk}" selected>'
    assert chosen in text(alice, KEY)
    Project.objects.create(organization=acme.organization, name="another")
    assert chosen not in text(alice, KEY)


def test_command_says_who_executed_it(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    execute_command(deployed["plain"], {}, None)
    execute_command(deployed["plain"], {}, acme.admin)
    bob = Account.objects.create(email="bob@example.com", organization=acme.organization)
    execute_command(deployed["plain"], {}, bob)
    bob.delete()
    for page in (text(alice, address(deployed["plain"], model="command")), text(alice, PIPELINES)):
        assert "manage.py run" in page and "alice@example.com" in page and "bob@example.com" in page
        assert "deleted account" not in page


def test_pipeline_and_event_are_found_by_id(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    made = [run(acme.project) for _ in range(2)]
    for path, row in ((PIPELINES, made[0]), ("/console/pipelines/platformevent/", made[0].event)):
        assert list(alice.get(f"{path}?q=+{row.pk}+").context["cl"].result_list) == [row]


def test_list_says_why_a_pipeline_failed(alice: Client, acme: House, deployed: dict[str, Resource]) -> None:
    failed, other = run(acme.project), run(acme.project)
    end(failed, Status.FAILED)
    end(other, Status.SUCCESSFUL)
    failed.tasks.filter(name="first").update(failure_message="exit status 3: <b>no\ndisk</b>")
    other.tasks.update(failure_message="of an earlier run")
    failed.tasks.exclude(name="first").update(status=Status.ABORTED)
    page = text(alice, PIPELINES)
    assert "first: exit status 3: &lt;b&gt;no disk&lt;/b&gt;" in page and "of an earlier run" not in page


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("pipelines/pipeline/", "Execute a command"),
        ("pipelines/trigger/", "manage.py deploy"),
        ("pipelines/hook/", "webhook or github"),
        ("pipelines/platformevent/", "POST /v0/events"),
    ],
)
def test_empty_list_says_what_to_do(path: str, advice: str, alice: Client) -> None:
    page = text(alice, f"/console/{path}")
    assert advice in page and " yet</h2>" in page and "yielded" not in page
    assert "match</h2>" in text(alice, f"/console/{path}?q=nothing-like-that")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"periodic": 90}, "every 90 s"),
        ({"periodic": 300}, "every 5 min"),
        ({"periodic": 7200}, "every 2 h"),
        ({"hourly": {"minute": 5}}, "every hour at 05:00 past"),
        ({"daily": {"hour": 14}}, "every day at 14:00:00 UTC"),
        ({"weekly": {"day": "monday", "hour": 9, "minute": 30}}, "every Monday at 09:30:00 UTC"),
        ({"oneshot": "2031-10-15T15:07:39Z"}, "once, 2031-10-15T15:07:39Z"),
        ({"cron": {"expression": "30 2 * * 1", "time_zone": "Europe/Paris"}}, "30 2 * * 1, Europe/Paris"),
    ],
)
def test_schedule_is_said(parameters: dict, told: str) -> None:
    assert schedule(parameters) == told


def test_timer_shows_its_schedule(alice: Client, deployed: dict[str, Resource]) -> None:
    told = schedule(deployed["nightly"].data["parameters"])
    for path in ("/console/pipelines/trigger/?q=nightly", address(deployed["nightly"], model="trigger")):
        page = text(alice, path)
        assert told in page and "all events" not in page


def test_breadcrumbs_begin_as_the_menu(alice: Client, acme: House) -> None:
    page = text(alice, f"/console/projects/project/{acme.project.pk}/change/")
    main = page[page.index('id="main"') :]
    assert "Access" in main.split("chevron_right")[0]


def test_page_begins_with_a_way_past_the_menu(alice: Client) -> None:
    page = text(alice, "/console/")
    assert page.index('href="#content"') < page.index("nav-sidebar") and 'id="content"' in page


def test_output_is_shown_with_colours_and_without_boxes(
    alice: Client, acme: House, deployed: dict[str, Resource]
) -> None:
    pipeline = run(acme.project)
    task = pipeline.tasks.get(name="first")
    write(task, "\x1b[31mred <b>\x1b[0m\n10%\r100%\n")
    page = text(alice, address(pipeline))
    assert '<span class="ev-red">red &lt;b&gt;</span>' in page and "100%" in page
    assert "\x1b" not in page and "10%\r" not in page
    assert text(alice, address(pipeline, "output", task.pk, 0)) == "red <b>\n100%\n"
