"""The console's datasets, namespaces, projects and home page."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client

from events.models import Dataset, DroppedTable, Namespace
from projects.models import ApiKey, Project
from tests.console import count_queries, logged_in
from tests.factories import House, make_account, make_house

pytestmark = pytest.mark.django_db
LIST = "/console/events/dataset/"
PROJECTS = "/console/projects/project/"
NAMESPACES = "/console/events/namespace/"
INLINE = {"namespaces-TOTAL_FORMS": "0", "namespaces-INITIAL_FORMS": "0"}  # what the page sends of its namespaces


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


def test_new_dataset(alice: Client, acme: House) -> None:
    form = {"name": "orders", "project": acme.project.pk, "retention_days": "7", "default_namespace": "web"}
    assert alice.post(f"{LIST}add/", form | {"unwrap_message": "on"})["Location"] == LIST
    dataset = Dataset.objects.get(name="orders")
    assert (dataset.project, dataset.retention_days, dataset.default_namespace) == (acme.project, 7, "web")
    assert dataset.unwrap_message


def test_new_dataset_without_a_project_leads_to_a_new_project(alice: Client, acme: House) -> None:
    advice = "There is no project yet."
    assert advice not in alice.get(f"{LIST}add/").content.decode()
    acme.project.delete()
    page = alice.get(f"{LIST}add/").content.decode()
    assert advice in page and f'href="{PROJECTS}add/"' in page


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"name": "Orders"}, "name"),
        ({"name": "or/ders"}, "name"),
        ({"name": "orders\n"}, None),  # forms strip white space at the ends
        ({"name": "acme-logs"}, "__all__"),
        ({"retention_days": "0"}, "retention_days"),
        ({"default_namespace": "a\x01b"}, "default_namespace"),
        ({"default_namespace": "é" * 201}, "default_namespace"),
        ({"default_namespace": "Größe/№ 1"}, None),
    ],
)
def test_dataset_form_takes_what_the_events_api_takes(
    alice: Client, acme: House, fields: dict[str, str], at: str | None
) -> None:
    form = {"name": "orders", "project": acme.project.pk, "retention_days": "7", "default_namespace": ""} | fields
    response = alice.post(f"{LIST}add/", form)
    assert response.status_code == (302 if at is None else 200)
    if at:
        assert list(response.context["adminform"].form.errors) == [at]


def test_name_and_project_of_a_dataset_are_fixed(alice: Client, acme: House) -> None:
    other = Project.objects.create(organization=acme.organization, name="other")
    form = {"name": "renamed", "project": other.pk, "retention_days": "90", "default_namespace": "web"} | INLINE
    assert alice.post(f"{LIST}{acme.dataset.pk}/change/", form).status_code == 302
    dataset = Dataset.objects.get()
    assert (dataset.name, dataset.project) == ("acme-logs", acme.project)
    assert (dataset.retention_days, dataset.default_namespace) == (90, "web")


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [(30, "7", True), (None, "365", True), (7, "30", False), (7, "7", False), (7, "", False)],
)
def test_shorter_retention_asks_because_it_deletes_events(
    alice: Client, acme: House, before: int | None, after: str, asks: bool
) -> None:
    Dataset.objects.update(retention_days=before)
    form = {"retention_days": after, "default_namespace": ""} | INLINE
    response = alice.post(f"{LIST}{acme.dataset.pk}/change/", form)
    assert response.status_code == (200 if asks else 302)
    if asks:
        assert Dataset.objects.get().retention_days == before
        assert f"received more than {after} days ago will be deleted" in response.content.decode()
        assert 'name="confirm_deletion"' in response.content.decode()
        alice.post(f"{LIST}{acme.dataset.pk}/change/", form | {"confirm_deletion": "on"})
    assert Dataset.objects.get().retention_days == (int(after) if after else None)


def test_dataset_page_says_how_to_send_and_what_it_holds(alice: Client, acme: House, settings: object) -> None:
    settings.EVENTLANE_PUBLIC_URL = "https://events.example.com"
    page = alice.get(f"{LIST}{acme.dataset.pk}/change/").content.decode()
    assert "curl https://events.example.com/v1/acme-logs/my-service" in page
    assert "confirm_deletion" not in page
    for fact in (acme.dataset.table_name, "acme-web", "0\xa0bytes"):
        assert fact in page


def test_deleting_a_dataset_needs_its_name_typed(alice: Client, acme: House) -> None:
    path = f"{LIST}{acme.dataset.pk}/delete/"
    question = alice.get(path).content.decode()
    assert "Delete the dataset “acme-logs”?" in question and "Events" in question and "Stored bytes" in question
    for typed in ({}, {"name": ""}, {"name": "acme"}, {"name": "ACME-LOGS"}):
        answer = alice.post(path, {"post": "yes"} | typed, follow=True)
        assert "Nothing was deleted" in answer.content.decode() and Dataset.objects.exists()
    assert alice.post(path, {"post": "yes", "name": "acme-logs"})["Location"] == LIST
    assert not Dataset.objects.exists() and not Namespace.objects.exists()
    assert DroppedTable.objects.get().table_name == acme.dataset.table_name


def test_deleting_many_datasets_asks_first(alice: Client, acme: House) -> None:
    other = Dataset.objects.create(project=acme.project, name="orders")
    form = {"action": "delete_selected", "_selected_action": [acme.dataset.pk, other.pk], "index": "0"}
    question = alice.post(LIST, form).content.decode()
    assert "Delete 2 datasets?" in question and "orders: 0 events, 0\xa0bytes" in question
    assert Dataset.objects.count() == 2
    alice.post(LIST, form | {"post": "yes"})
    assert not Dataset.objects.exists() and DroppedTable.objects.count() == 2


@pytest.mark.parametrize("path", [LIST, PROJECTS, NAMESPACES, "/console/"])
def test_page_asks_as_many_questions_for_many_rows(path: str, alice: Client, acme: House) -> None:
    few = count_queries(alice, path)
    for index in range(10):
        project = Project.objects.create(organization=acme.organization, name=f"project-{index}")
        dataset = Dataset.objects.create(project=project, name=f"dataset-{index}")
        Namespace.objects.create(dataset=dataset, name="web")
    # Home looks up what is wrong, and then the few datasets that it concerns: more questions than to read all datasets
    # at once, which took 23 s with 100,000 of them.
    assert count_queries(alice, path) == few <= (22 if path == "/console/" else 13)


def test_list_shows_counts_and_finds(alice: Client, acme: House) -> None:
    Namespace.objects.create(dataset=acme.dataset, name="second")
    page = alice.get(LIST, {"q": "acme-lo"}).content.decode()
    assert "0\xa0bytes" in page and ">2</a>" in page and "30 days" in page
    assert "acme-logs" not in alice.get(LIST, {"q": "nothing-like-it"}).content.decode().partition("<form")[2]


def test_namespaces_are_looked_at_only(alice: Client, acme: House) -> None:
    other = Dataset.objects.create(project=acme.project, name="orders")
    Namespace.objects.create(dataset=other, name="elsewhere")
    page = alice.get(NAMESPACES, {"dataset__id__exact": acme.dataset.pk}).content.decode()
    assert "acme-web" in page and "elsewhere" not in page and "addlink" not in page
    assert "acme-project / acme-logs" in page and "acme-project / orders" in page  # the filter's choices
    view = alice.get(f"{NAMESPACES}{acme.namespace.pk}/change/").content.decode()
    assert "acme-web" in view and 'name="_save"' not in view
    assert alice.get(f"{NAMESPACES}add/").status_code == 403
    assert alice.post(f"{NAMESPACES}{acme.namespace.pk}/delete/", {"post": "yes"}).status_code == 403


def test_project_is_made_and_switched(alice: Client, acme: House) -> None:
    alice.post(f"{PROJECTS}add/", {"name": "shop"})
    shop = Project.objects.get(name="shop")
    assert shop.organization == acme.organization and not shop.create_datasets
    alice.post(f"{PROJECTS}{shop.pk}/change/", {"name": "shop", "create_datasets": "on"})
    assert Project.objects.get(name="shop").create_datasets


def test_deleting_a_project_says_what_goes_and_needs_its_name(alice: Client, acme: House) -> None:
    path = f"{PROJECTS}{acme.project.pk}/delete/"
    question = alice.get(path).content.decode()
    for noun in ("Datasets", "Events", "Stored bytes", "Namespaces", "API keys"):
        assert f"<dt>{noun}</dt>" in question
    alice.post(path, {"post": "yes", "name": "acme"})
    assert Project.objects.exists()
    alice.post(path, {"post": "yes", "name": "acme-project"})
    assert not (Project.objects.exists() or Dataset.objects.exists() or ApiKey.objects.exists())
    assert DroppedTable.objects.get().table_name == acme.dataset.table_name


def test_home_shows_shortcuts_and_system_statistics(alice: Client, acme: House) -> None:
    statistics = {title: value for title, value, *_ in alice.get("/console/system/").context["statistics"]}
    assert [statistics[title] for title in ("Datasets", "Projects", "Namespaces", "Keys in use")] == ["1"] * 4
    assert "Create API key" in alice.get("/console/").content.decode()


def test_console_is_not_framed_and_loads_nothing_from_elsewhere(alice: Client, client: Client) -> None:
    pages = (alice.get("/console/"), alice.get(LIST), client.get("/console/login/"), client.get("/console/nothing/"))
    for response in (*pages, alice.get("/nothing/")):
        policy = response["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "http://" not in policy and "https://" not in policy


def test_scripts_of_the_console_are_files(alice: Client, acme: House) -> None:
    parts = [part.split() for part in alice.get("/console/")["Content-Security-Policy"].split(";")]
    assert {name: sources for name, *sources in parts}["script-src"] == ["'self'"]
    for path in ("/console/", "/console/explore/", "/console/pipelines/pipeline/", f"{LIST}add/"):
        page = alice.get(path).content.decode()
        assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|javascript:", page), path


@pytest.mark.parametrize("path", ["/", "/console"])
def test_short_addresses_lead_to_the_console(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == "/console/"


def test_problem_pages_are_the_consoles_own(acme: House) -> None:
    bob = logged_in(make_account(acme.organization, "bob"))
    bob.raise_request_exception = False
    for path, status, words in ((f"{LIST}add/", 403, "Not allowed"), ("/console/nothing/", 404, "Nothing here")):
        response = bob.get(path)
        assert response.status_code == status and words in response.content.decode()
    checked = Client(enforce_csrf_checks=True)
    response = checked.post("/console/login/", {"username": "alice@example.com", "password": "x"})
    assert response.status_code == 403 and "The form has expired" in response.content.decode()
    assert "Something went wrong" in render_to_string("500.html")
