"""The project chosen in the sidebar: lists, home and system follow it, walls stay where they are."""

import pytest
from django.test import Client

from eventlane import project_choice
from events.models import Dataset, Namespace
from projects.api_keys import issue_api_key
from projects.models import ApiKey, Project
from tests.console import logged_in
from tests.factories import House, make_account, make_house

pytestmark = pytest.mark.django_db
SWITCH = "/console/projects/project/switch/"
LISTS = {"events/dataset": "shop-orders", "events/namespace": "shop-web", "projects/apikey": "shop key"}
OTHERS = {"events/dataset": "acme-logs", "events/namespace": "acme-web", "projects/apikey": "acme sender"}


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def shop(acme: House) -> Project:
    """A second project of Acme, with one row of everything."""
    project = Project.objects.create(organization=acme.organization, name="shop")
    dataset = Dataset.objects.create(project=project, name="shop-orders")
    Namespace.objects.create(dataset=dataset, name="shop-web")
    issue_api_key(account=acme.admin, name="shop key", rights=["ingest"], project=project)
    issue_api_key(account=acme.admin, name="key of all", rights=["read"])
    return project


@pytest.fixture
def alice(acme: House, shop: Project) -> Client:
    return logged_in(acme.admin)


def choose(client: Client, project: Project | None, **fields: str) -> int:
    return client.post(SWITCH, {"project": project.pk if project else ""} | fields).status_code


def rows(client: Client, name: str, query: str = "") -> str:
    """Return the names in a list's rows, without what stands around them."""
    response = client.get(f"/console/{name}/{query}")
    return ", ".join(getattr(row, "name", "") for row in response.context["cl"].result_list)


@pytest.mark.parametrize("name", LISTS)
def test_list_follows_the_choice(name: str, alice: Client, shop: Project) -> None:
    assert LISTS[name] in rows(alice, name) and OTHERS[name] in rows(alice, name)
    assert choose(alice, shop) == 302
    assert LISTS[name] in rows(alice, name) and OTHERS[name] not in rows(alice, name)
    page = alice.get(f"/console/{name}/").content.decode()
    assert "Only the project" in page and f'<option value="{shop.pk}" selected>' in page
    choose(alice, None)
    assert OTHERS[name] in rows(alice, name)
    assert "Only the project" not in alice.get(f"/console/{name}/").content.decode()


def test_keys_of_every_project_stay_in_the_list(alice: Client, shop: Project) -> None:
    choose(alice, shop)
    assert "key of all" in rows(alice, "projects/apikey")


def test_home_and_system_follow_the_choice(alice: Client, shop: Project) -> None:
    choose(alice, shop)
    for path in ("/console/system/", "/console/system/live/"):
        response = alice.get(path)
        statistics = {title: value for title, value, *_ in response.context["statistics"]}
        assert statistics["Datasets"] == statistics["Namespaces"] == "1" and statistics["Keys in use"] == "2"
    rows = alice.get("/console/").context["table"].rows
    assert [row.dataset.name for row in rows] == ["shop-orders"]


def test_filter_in_the_address_goes_before_the_choice(alice: Client, acme: House, shop: Project) -> None:
    choose(alice, shop)
    assert rows(alice, "events/dataset", f"?project__id__exact={acme.project.pk}") == "acme-logs"
    assert rows(alice, "events/namespace", f"?dataset__id__exact={acme.dataset.pk}") == "acme-web"
    assert rows(alice, "projects/apikey", f"?project__id__exact={acme.project.pk}") == "acme sender"


def test_rows_of_other_projects_keep_their_pages(alice: Client, acme: House, shop: Project) -> None:
    choose(alice, shop)
    assert alice.get(f"/console/events/dataset/{acme.dataset.pk}/change/").status_code == 200
    assert acme.project.pk in alice.get("/console/events/dataset/add/").content.decode()


@pytest.mark.parametrize("name", ["events/dataset", "projects/apikey"])
def test_new_rows_start_in_the_chosen_project(name: str, alice: Client, shop: Project) -> None:
    choose(alice, shop)
    form = alice.get(f"/console/{name}/add/").context["adminform"].form
    assert form.initial["project"] == shop


def test_bulk_action_reaches_no_further_than_the_list(alice: Client, acme: House, shop: Project) -> None:
    choose(alice, shop)
    key = ApiKey.objects.get(name="shop key")
    bulk = {"action": "revoke_selected", "confirmed": "yes", "_selected_action": [key.pk], "select_across": "1"}
    alice.post("/console/projects/apikey/", bulk | {"index": "0"})
    assert {key.name for key in ApiKey.objects.filter(revocation_time=None)} == {"acme sender"}


def test_projects_of_others_are_unknown(alice: Client, acme: House, shop: Project) -> None:
    umbrella = make_house("umbrella", "charlie")
    choose(alice, shop)
    assert choose(alice, umbrella.project) == 404
    for strange in ("0" * 27, "\0", "x", "é" * 27):
        assert alice.post(SWITCH, {"project": strange}).status_code == 404
    assert rows(alice, "events/dataset") == "shop-orders"
    assert umbrella.project.pk not in alice.get("/console/").content.decode()
    session = alice.session
    session[project_choice.SESSION_KEY] = umbrella.project.pk  # as if the project had been moved
    session.save()
    assert "umbrella" not in alice.get("/console/events/dataset/").content.decode()
    assert rows(alice, "events/dataset") == "acme-logs, shop-orders"


def test_choice_is_ones_own_and_ends_with_the_project(alice: Client, acme: House, shop: Project) -> None:
    bob = logged_in(make_account(acme.organization, "bob"))
    assert choose(bob, acme.project) == 302 and choose(alice, shop) == 302
    assert (rows(bob, "events/dataset"), rows(alice, "events/dataset")) == ("acme-logs", "shop-orders")
    shop.delete()
    assert rows(alice, "events/dataset") == "acme-logs"
    assert alice.get("/console/").status_code == 200


def test_choice_asks_for_login_and_post(client: Client, alice: Client, shop: Project) -> None:
    assert client.post(SWITCH, {"project": shop.pk})["Location"].startswith("/console/login/")
    opened = alice.get(SWITCH, {"project": shop.pk})
    assert opened.status_code == 405 and "only takes what a form sends" in opened.content.decode()
    checked = Client(enforce_csrf_checks=True)
    checked.cookies = alice.cookies
    assert checked.post(SWITCH, {"project": shop.pk}).status_code == 403
    assert "acme-logs" in rows(alice, "events/dataset")


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/console/events/dataset/", "/console/events/dataset/"),
        ("", "/console/"),
        ("https://evil.example/", "/console/"),
        ("//evil.example/", "/console/"),
        ("javascript:alert(1)", "/console/"),
    ],
)
def test_choice_leads_back_to_where_one_was(back: str, location: str, alice: Client, shop: Project) -> None:
    assert alice.post(SWITCH, {"project": shop.pk, "next": back})["Location"] == location


def test_too_many_projects_are_chosen_on_their_pages(
    alice: Client, acme: House, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_choice, "MOST_OFFERED", 1)
    page = alice.get("/console/").content.decode()
    assert f'<option value="{acme.project.pk}">' in page and shop.pk not in page and "More projects" in page
    assert (
        f"/console/projects/project/{shop.pk}/choose/"
        in alice.get(f"/console/projects/project/{shop.pk}/change/").content.decode()
    )
    assert "Show only the project “shop”?" in alice.get(f"/console/projects/project/{shop.pk}/choose/").content.decode()
    choose(alice, shop)
    assert f'<option value="{shop.pk}" selected>' in alice.get("/console/").content.decode()
