"""The palette (Ctrl+K) finds what an account sees, by name; and addresses that people guess lead somewhere."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from eventlane.palette import KINDS, MOST_OF_A_KIND
from events.console.explore.question import explore_address
from events.models import Dataset, Namespace
from pipelines.models import Resource
from projects.api_keys import issue_api_key
from projects.models import Project
from tests.console import logged_in
from tests.factories import House, make_definition, make_house, make_identity, make_resource, start

pytestmark = pytest.mark.django_db
RESOURCE_PAGES = {
    "alert": "admin:events_alert_change",
    "channel": "admin:pipelines_resource_change",
    "command": "admin:pipelines_command_change",
    "dashboard": "console-dashboard",
    "query": "console-explore-saved",
    "task": "admin:pipelines_resource_change",
    "trigger": "admin:pipelines_trigger_change",
}


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


def search(client: Client, text: str) -> Any:
    response = client.get(reverse("admin:search"), {"s": text})
    assert response.status_code == 200
    return response


def found(client: Client, text: str) -> list[tuple[str, str, str]]:
    """Return kind, name and place of what is found."""
    return [(line.kind, line.name, line.place) for line in search(client, text).context["found"].lines]


def urls(client: Client, text: str) -> dict[str, str]:
    return {line.kind: line.url for line in search(client, text).context["found"].lines}


def test_every_type_of_resource_is_found_and_leads_to_its_page(acme: House, alice: Client) -> None:
    assert set(RESOURCE_PAGES) == set(Resource.Type.values) - {"pipeline"}
    for type, page in RESOURCE_PAGES.items():
        row = make_resource(acme.project, type, f"orders-{type}", {})
        [(kind, name, place)] = found(alice, f"ders-{type}")
        assert (name, place) == (row.name, "acme-project")
        assert kind == ("Saved query" if type == "query" else row.get_type_display())
        assert urls(alice, row.name) == {kind: reverse(page, args=[row.pk])}


def test_pipeline_leads_to_its_runs_and_they_to_its_definition(acme: House, alice: Client) -> None:
    definition = make_definition(acme.project, name="orders-sync")
    other = Project.objects.create(organization=acme.organization, name="other")
    [run, _] = [start(definition), start(make_definition(other, name="orders-sync"))]
    [here, _] = [line.url for line in search(alice, "orders-sync").context["found"].lines]
    page = alice.get(here)
    assert [row.pk for row in page.context["cl"].result_list] == [run.pk]
    definition_page = reverse("admin:pipelines_resource_change", args=[definition.pk])
    assert page.context["cl"].definition == definition and definition_page in page.content.decode()
    assert here.replace("&", "&amp;") in alice.get(definition_page).content.decode()
    both = alice.get(f"{reverse('admin:pipelines_pipeline_changelist')}?name=orders-sync")
    assert len(both.context["cl"].result_list) == 2 and both.context["cl"].definition is None


def test_dataset_and_namespace_lead_to_their_events(acme: House, alice: Client) -> None:
    assert urls(alice, "acme-logs")["Dataset"] == explore_address(acme.dataset.pk)
    assert found(alice, "ACME-web") == [("Namespace", "acme-web", "acme-project / acme-logs")]
    assert urls(alice, "acme-web")["Namespace"] == explore_address(acme.dataset.pk, q="namespace:acme-web")
    unspeakable = Namespace.objects.create(dataset=acme.dataset, name="a\nb" * 60)
    assert urls(alice, "a\nb") == {"Namespace": reverse("admin:events_namespace_change", args=[unspeakable.pk])}


def test_pages_of_the_menu_are_found_by_title_and_group(alice: Client) -> None:
    assert found(alice, "ledger") == [("Page", "Ledger", "Events")]
    assert ("Page", "Triggers", "Automation") in found(alice, "automation")


def test_run_is_found_by_its_id_alone(acme: House, alice: Client) -> None:
    run = start(make_definition(acme.project))
    assert found(alice, run.pk) == [("Run of a pipeline", "deploy", "acme-project")]
    assert found(alice, acme.dataset.pk) == [("Dataset", "acme-logs", "acme-project")]
    assert [kind for kind, *_ in found(alice, "deploy")] == ["Pipeline"]


def test_key_is_found_by_name_and_not_by_anything_of_its_secret(acme: House, alice: Client) -> None:
    api_key, secret = issue_api_key(account=acme.admin, name="Till 7", rights=["ingest"], project=acme.project)
    assert found(alice, "till") == [("API key", "Till 7", "acme-project")]
    for part in (secret, secret[:12], secret[-8:], api_key.prefix, api_key.prefix[4:], api_key.digest):
        assert found(alice, part) == []
    assert secret[:8] not in search(alice, "till").content.decode()
    identity = make_identity(acme.project, name="till", api_key="hunter2-hunter2")
    assert found(alice, "hunter2") == []
    assert urls(alice, "till")["Identity"] == reverse("admin:pipelines_identity_change", args=[identity.pk])


def test_what_fits_better_comes_first(acme: House, alice: Client) -> None:
    for name in ("new-orders", "orders-eu", "orders"):
        Dataset.objects.create(project=acme.project, name=name)
    make_resource(acme.project, "task", "orders", {})
    assert [(kind, name) for kind, name, _ in found(alice, " ORDERS ")] == [
        ("Dataset", "orders"),
        ("Task", "orders"),
        ("Dataset", "orders-eu"),
        ("Dataset", "new-orders"),
    ]


def test_few_of_a_kind_are_shown_and_that_is_said(acme: House, alice: Client) -> None:
    names = [f"many-{number}" for number in range(MOST_OF_A_KIND)]
    Dataset.objects.bulk_create(Dataset(project=acme.project, name=name) for name in names)
    assert [name for _, name, _ in found(alice, "many")] == names
    assert "There are more" not in search(alice, "many").content.decode()
    Dataset.objects.create(project=acme.project, name="many-more")
    assert [name for _, name, _ in found(alice, "many")] == names
    assert "There are more Datasets" in search(alice, "many").content.decode()


def test_chosen_project_is_followed_as_lists_follow_it(acme: House, alice: Client) -> None:
    shop = Project.objects.create(organization=acme.organization, name="shop")
    other = Dataset.objects.create(project=shop, name="acme-logs")
    issue_api_key(account=acme.admin, name="acme reader", rights=["read"])
    make_resource(acme.project, "task", "acme-task", {})
    alice.post("/console/projects/project/switch/", {"project": shop.pk})
    assert sorted(found(alice, "acme")) == [
        ("API key", "acme reader", ""),  # it reaches every project
        ("Dataset", "acme-logs", "shop"),
        ("Project", "acme-project", ""),  # the list of projects shows all of them, too
    ]
    assert urls(alice, "acme-logs") == {"Dataset": explore_address(other.pk)}
    assert "in the project shop" in search(alice, "nothing-like-it").content.decode()
    alice.post("/console/projects/project/switch/", {"project": ""})
    assert ("Task", "acme-task", "acme-project") in found(alice, "acme")


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", '"', "'; --", "%%acme", "<script>", "😀", "x" * 5000])
def test_strange_texts_are_names_that_nothing_has(acme: House, alice: Client, text: str) -> None:
    assert found(alice, text) == []
    assert "<script>" not in search(alice, text).content.decode()
    Namespace.objects.create(dataset=acme.dataset, name=text[:200])
    assert [kind for kind, *_ in found(alice, text[:200])] == ["Namespace"]


def test_nothing_is_looked_for_without_a_text(alice: Client) -> None:
    for text in ("", "  ", "\t\n"):
        assert found(alice, text) == []
    assert alice.get(f"{reverse('admin:search')}?s=%00").status_code == 400


def test_new_name_is_found_at_once_and_a_deleted_one_no_more(acme: House, alice: Client) -> None:
    assert found(alice, "fresh") == []
    row = make_resource(acme.project, "task", "fresh", {})
    assert found(alice, "fresh") == [("Task", "fresh", "acme-project")]
    row.delete()
    assert found(alice, "fresh") == []


@pytest.mark.django_db(transaction=True)
def test_search_ends_in_time_and_says_what_it_left_out(acme: House, alice: Client, settings: Any) -> None:
    settings.EVENTLANE_FIND_SECONDS = 2
    make_resource(acme.project, "task", "acme-task", {})
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE events_dataset IN ACCESS EXCLUSIVE MODE")
        response = search(alice, "acme")
    finally:
        other.close()
    assert "Datasets" in response.context["found"].left_out
    assert "Task" in {line.kind for line in response.context["found"].lines}
    assert "no time to look for Datasets" in response.content.decode()
    assert "Dataset" in {kind for kind, *_ in found(alice, "acme")}
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("alerts", "/console/events/alert/"),
        ("alert", "/console/events/alert/"),
        ("datasets", "/console/events/dataset/"),
        ("namespaces", "/console/events/namespace/"),
        ("quarantine", "/console/events/quarantinedrequest/"),
        ("events", "/console/explore/"),
        ("pipelines", "/console/pipelines/pipeline/"),
        ("triggers", "/console/pipelines/trigger/"),
        ("commands", "/console/pipelines/command/"),
        ("tasks", "/console/pipelines/resource/?type__exact=task"),
        ("queries", "/console/pipelines/resource/?type__exact=query"),
        ("saved-queries", "/console/pipelines/resource/?type__exact=query"),
        ("channels", "/console/pipelines/resource/?type__exact=channel"),
        ("identities", "/console/pipelines/identity/"),
        ("platform_events", "/console/pipelines/platformevent/"),
        ("projects", "/console/projects/project/"),
        ("api-keys", "/console/projects/apikey/"),
        ("keys", "/console/projects/apikey/"),
        ("accounts", "/console/projects/account/"),
        ("dashboard", "/console/dashboards/"),
    ],
)
def test_guessed_address_leads_to_the_list(alice: Client, word: str, page: str) -> None:
    for path in (f"/console/{word}/", f"/console/{word}"):
        response = alice.get(path)
        assert (response.status_code, response["Location"]) == (302, page)
        assert Client().get(path)["Location"].startswith("/console/login/")
    assert alice.get(page, follow=True).status_code == 200


def test_every_kind_and_page_of_the_menu_has_an_address_to_guess(alice: Client) -> None:
    words = [kind.plural for kind in KINDS if not kind.by_id] + ["Explore", "Home", "Ledger", "System", "Hooks"]
    for word in words:
        path = f"/console/{word.lower().replace(' ', '-')}/"
        assert alice.get(path, follow=True).status_code == 200, path


def test_other_addresses_stay_unknown(alice: Client) -> None:
    for path in ("/console/nonsense/", "/console/alerts/x/", "/console/--/", "/console/auth/"):
        assert alice.get(path).status_code == 404, path
    assert alice.post("/console/alerts/").status_code in (403, 404)


def test_list_of_a_type_of_resources_shows_only_these(acme: House, alice: Client) -> None:
    for type in ("task", "channel"):
        make_resource(acme.project, type, f"a-{type}", {})
    page = alice.get("/console/channels/", follow=True).content.decode()
    assert "a-channel" in page and "a-task" not in page
