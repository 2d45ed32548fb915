"""An organization with very many datasets: a page loads those that it shows, and no others."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.lake.slots import slots
from events.models import Dataset, Namespace
from projects.models import Account, Project
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import make_account

MANY = 600
OFFERED = 200  # in a choice
LONGEST_STATEMENT = 20_000  # characters: one that names all datasets has 17,000 more


@pytest.fixture
def alice(node: Node) -> Iterator[Client]:
    """Return a client of an organization with many datasets, of which two have events."""
    project = node.dataset.project
    rows = [Dataset(project=project, name=f"tenant-{number:04}") for number in range(MANY)]
    Dataset.objects.bulk_create(rows)
    Namespace.objects.bulk_create([Namespace(dataset=one, name="web") for one in rows])
    node.write('{"level":"error","message":"sealed"}', dataset=rows[-1])
    node.seal()
    node.write(*['{"level":"info","message":"in the journal"}'] * 3)
    yield logged_in(make_account(project.organization, "alice", role=Account.Role.ADMIN))
    slots.close()  # its DuckDB is attached to this test's lake


@contextmanager
def loaded_datasets() -> Iterator[list[str]]:
    found: list[str] = []

    def note(instance: Dataset, **_: Any) -> None:
        found.append(instance.pk)

    post_init.connect(note, Dataset)
    try:
        yield found
    finally:
        post_init.disconnect(note, Dataset)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("", 40),
        ("home/standing/", 40),
        ("home/events/", 20),
        ("home/errors/", 20),
        ("system/live/", 10),
        ("ledger/", 10),
        ("explore/?dataset={logs}&from=1h", OFFERED + 10),
        ("dashboards/", OFFERED + 10),
        ("events/dataset/", 60),
        ("events/dataset/{logs}/change/", 20),
        ("events/namespace/", OFFERED + 60),
        ("projects/project/", 0),
        ("projects/apikey/add/", 0),
        ("search/?s=tenant", 0),
    ],
)
def test_page_loads_the_datasets_that_it_shows(node: Node, alice: Client, path: str, most: int) -> None:
    address = "/console/" + path.format(logs=node.dataset.pk)
    with loaded_datasets() as loaded, CaptureQueriesContext(connection) as asked:
        assert alice.get(address).status_code == 200
    assert len(loaded) <= most
    assert max(len(one["sql"]) for one in asked.captured_queries) < LONGEST_STATEMENT


def test_home_shows_those_that_have_events(node: Node, alice: Client) -> None:
    response = alice.get("/console/")
    table = response.context["table"]
    shown = [row.dataset.name for row in table.rows]
    assert shown[:3] == ["logs", f"tenant-{MANY - 1:04}", "tenant-0000"]
    assert len(shown) == 12 and table.more == MANY + 1 - 12
    assert [row.last_hour for row in table.rows[:3]] == ["3", "1", "0"]
    assert response.context["standing"].rate.last_hour == "4"
    assert alice.get("/console/home/events/").context["levels"].total == 4
    assert [row["pattern"].text for row in alice.get("/console/home/errors/").context["rows"]] == ["sealed"]


def test_explore_begins_with_the_busiest_of_all(node: Node, alice: Client) -> None:
    node.write(*['{"level":"info"}'] * 9, dataset=Dataset.objects.get(name=f"tenant-{MANY - 2:04}"))
    page = alice.get("/console/explore/", follow=True)
    assert page.context["dataset"].name == f"tenant-{MANY - 2:04}"
    assert page.context["dataset"] in page.context["offered"]


def test_filter_offers_a_part_and_what_is_chosen(node: Node, alice: Client) -> None:
    last = Dataset.objects.get(name=f"tenant-{MANY - 1:04}")
    page = alice.get(f"/console/events/namespace/?dataset__id__exact={last.pk}").content.decode()
    project = Project.objects.get()
    assert page.count(f"{project} / tenant-") == OFFERED  # logs is offered, too
    assert re.search(rf'value="{last.pk}"[^>]*selected|selected[^>]*value="{last.pk}"', page)
    found = alice.get(f"/console/events/namespace/?q={last.name}").context["cl"].result_list
    assert [namespace.dataset for namespace in found] == [last]


def test_dashboard_is_begun_for_a_dataset_that_is_not_offered(node: Node, alice: Client) -> None:
    last = Dataset.objects.get(name=f"tenant-{MANY - 1:04}")
    page = alice.get("/console/dashboards/")
    assert last not in page.context["offered"] and "The page of any other dataset" in page.content.decode()
    button = reverse("admin:events_dataset_new_dashboard", args=[last.pk])
    assert button in alice.get(f"/console/events/dataset/{last.pk}/change/").content.decode()
    assert last.name in alice.get(button, follow=True).context["draft"].text


def test_counts_in_lists_are_those_of_each_row(node: Node, alice: Client) -> None:
    last = Dataset.objects.get(name=f"tenant-{MANY - 1:04}")
    Namespace.objects.create(dataset=last, name="api")
    rows = alice.get("/console/events/dataset/?o=-6").context["cl"].result_list
    assert [row.namespace_total for row in rows[:3]] == [2, 1, 1] and rows[0] == last
    [project] = alice.get("/console/projects/project/").context["cl"].result_list
    assert (project.dataset_total, project.keys) == (MANY + 1, 0)
