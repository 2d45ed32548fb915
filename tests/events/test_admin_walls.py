"""The walls of the console: nobody sees or touches a row of another organization, by any way in.

Alice is an admin of Acme, Bob a user of Acme, Charlie an admin of Umbrella. Every test runs over every model that
the console shows, but for those of automation: tests/projects/ has their walls.
"""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from events.models import Alert, Dataset, Namespace, QuarantinedRequest
from pipelines.models import Command, Hook, Identity, Pipeline, PlatformEvent, Resource, Trigger
from projects.models import Account, ApiKey, Organization, Project
from tests.console import logged_in
from tests.factories import House, make_account, make_house

pytestmark = pytest.mark.django_db
MODELS = [Organization, Account, Project, Dataset, Namespace, ApiKey]
AUTOMATION = [Pipeline, PlatformEvent, Resource, Command, Trigger, Hook, Identity, Alert, QuarantinedRequest]
PAGES = ["change", "delete", "history"]
PARTS = [f"/console/home/{name}/" for name in ("standing", "pipelines", "events", "errors")]
DETAILS = ["rotate", "revoke", "set_password", "password", "password_link", "choose", "send", "arrived"]
UNKNOWN = "0" * 27


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def umbrella() -> House:
    return make_house("umbrella", "charlie")


@pytest.fixture
def alice(acme: House, umbrella: House) -> Client:
    return logged_in(acme.admin)


@pytest.fixture
def bob(acme: House) -> Client:
    return logged_in(make_account(acme.organization, "bob"))


def address(model: type[Model], page: str, *ids: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=ids)


def text(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def state_of_rows() -> Iterator[list[dict]]:
    for model in MODELS:
        yield list(model.objects.order_by("pk").values())


def test_console_shows_these_models_and_no_others() -> None:
    reverse("admin:index")  # loads the console, which other tests may have done before
    assert set(admin.site._registry) == {*MODELS, *AUTOMATION}


@pytest.mark.parametrize("model", MODELS)
def test_list_shows_own_rows_only(model: type[Model], alice: Client, acme: House, umbrella: House) -> None:
    lists = (address(model, "changelist"), address(model, "changelist") + "?all=")
    for path in (*lists, "/console/", *PARTS, "/console/system/", "/console/ledger/", "/console/explore/"):
        page = text(alice, path)
        assert "umbrella" not in page and "charlie" not in page and umbrella.organization.pk not in page
    assert "acme" in text(alice, address(model, "changelist"))


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Organization])
def test_search_and_filters_find_own_rows_only(model: type[Model], alice: Client, acme: House, umbrella: House) -> None:
    row, own = umbrella.rows()[model], acme.rows()[model]
    queries = ["q=umbrella", "q=charlie", f"id__exact={row.pk}", f"project__id__exact={umbrella.project.pk}"]
    for query in [*queries, f"dataset__id__exact={umbrella.dataset.pk}", f"account__id__exact={umbrella.admin.pk}"]:
        page = text(alice, f"{address(model, 'changelist')}?{query}")
        assert address(model, "change", row.pk) not in page
        assert "charlie@" not in page and "umbrella-" not in page and "umbrella " not in page
    assert address(model, "change", own.pk) in text(alice, f"{address(model, 'changelist')}?id__exact={own.pk}")


def test_palette_finds_own_rows_only(alice: Client, bob: Client, acme: House, umbrella: House) -> None:
    for client in (alice, bob):
        for word in ("umbrella", "charlie", *(row.pk for row in umbrella.rows().values())):
            response = client.get("/console/search/", {"s": word})
            assert response.status_code == 200
            assert response.context["found"].lines == [], word
        lines = client.get("/console/search/", {"s": "acme"}).context["found"].lines
        assert {line.kind for line in lines} == {"Dataset", "Namespace", "Project", "API key"}
        lines = client.get("/console/search/", {"s": "a"}).context["found"].lines  # everybody's
        assert {line.name for line in lines if line.kind == "Account"} == {"alice@example.com", "bob@example.com"}
        assert not any("umbrella" in line.name + line.place for line in lines)


def test_palette_does_not_follow_a_foreign_project(alice: Client, acme: House, umbrella: House) -> None:
    session = alice.session
    session["project"] = umbrella.project.pk
    session.save()
    assert alice.get("/console/search/", {"s": "umbrella"}).context["found"].lines == []
    assert alice.get("/console/search/", {"s": "acme-logs"}).context["found"].lines[0].name == "acme-logs"


@pytest.mark.parametrize("page", [*PAGES, *DETAILS])
@pytest.mark.parametrize("model", MODELS)
def test_foreign_row_answers_like_an_unknown_one(
    model: type[Model], page: str, alice: Client, acme: House, umbrella: House
) -> None:
    def answer(pk: str) -> tuple[int, str, str]:
        response = alice.get(f"{address(model, 'changelist')}{pk}/{page}/")
        shown = alice.get(response["Location"], follow=True) if response.status_code == 302 else response
        body = re.sub(r'csrf\w*" value="\w+"', "", shown.content.decode())
        body = body.partition("<div data-live=")[0]  # statistics change
        return response.status_code, response.get("Location", "").replace(pk, "ID"), body.replace(pk, "ID")

    assert answer(umbrella.rows()[model].pk) == answer(UNKNOWN)


@pytest.mark.parametrize("model", MODELS)
def test_what_cannot_be_an_id_is_unknown_too(model: type[Model], alice: Client) -> None:
    for page in (*PAGES, *DETAILS):
        for strange in ("%00", "x", "%C3%A9"):
            path = f"{address(model, 'changelist')}{strange}/{page}/"
            assert alice.get(path).status_code in (302, 403, 404), path


@pytest.mark.parametrize("model", MODELS)
def test_own_row_has_its_pages(model: type[Model], alice: Client, acme: House) -> None:
    for page in ("change", "history"):
        assert "acme" in text(alice, address(model, page, acme.rows()[model].pk))


@pytest.mark.parametrize("model", MODELS)
def test_nothing_of_others_can_be_changed_or_deleted(
    model: type[Model], alice: Client, acme: House, umbrella: House
) -> None:
    before = list(state_of_rows())
    row = umbrella.rows()[model]
    form = {"name": "taken-over", "email": "mallory@example.com", "role": "user", "retention_days": "1"}
    alice.post(address(model, "change", row.pk), form)
    alice.post(address(model, "delete", row.pk), {"post": "yes", "name": str(row)})
    passwords = {"password1": "quiet-otter-42", "password2": "quiet-otter-42", "name": "spy"}
    for page in DETAILS:
        alice.post(f"{address(model, 'changelist')}{row.pk}/{page}/", passwords)
    for action in ("delete_selected", "revoke_selected"):
        bulk = {"action": action, "_selected_action": [row.pk], "post": "yes", "confirmed": "yes", "index": "0"}
        alice.post(address(model, "changelist"), bulk)
        alice.post(address(model, "changelist"), bulk | {"select_across": "1", "action": f"{action}x"})
    assert list(state_of_rows()) == before


def test_select_across_reaches_own_rows_only(alice: Client, acme: House, umbrella: House) -> None:
    bulk = {"_selected_action": [acme.api_key.pk], "select_across": "1", "index": "0"}
    alice.post(address(ApiKey, "changelist"), bulk | {"action": "revoke_selected", "confirmed": "yes"})
    alice.post(address(Dataset, "changelist"), bulk | {"action": "delete_selected", "post": "yes"})
    assert ApiKey.objects.get(pk=acme.api_key.pk).revocation_time
    assert not ApiKey.objects.get(pk=umbrella.api_key.pk).revocation_time
    assert list(Dataset.objects.all()) == [umbrella.dataset]


def test_forms_offer_and_take_own_rows_only(alice: Client, acme: House, umbrella: House) -> None:
    for model in (ApiKey, Dataset):
        page = text(alice, address(model, "add"))
        assert acme.project.pk in page and umbrella.project.pk not in page and umbrella.admin.pk not in page
    key = {"name": "spy", "read": "on", "account": acme.admin.pk, "project": acme.project.pk}
    for field, foreign in (("account", umbrella.admin.pk), ("project", umbrella.project.pk)):
        response = alice.post(address(ApiKey, "add"), key | {field: foreign})
        assert field in response.context["adminform"].form.errors
    response = alice.post(address(Dataset, "add"), {"name": "spy", "project": umbrella.project.pk})
    assert "project" in response.context["adminform"].form.errors
    assert not ApiKey.objects.filter(name="spy").exists() and not Dataset.objects.filter(name="spy").exists()


@pytest.mark.parametrize(
    ("model", "field"),
    [(ApiKey, "account"), (ApiKey, "project"), (ApiKey, "organization"), (Dataset, "project"), (Namespace, "dataset")],
)
def test_autocompletion_finds_own_rows_only(
    model: type[Model], field: str, alice: Client, acme: House, umbrella: House
) -> None:
    where = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field}
    response = alice.get("/console/autocomplete/", where | {"term": ""})
    assert umbrella.organization.pk not in response.content.decode()
    for word in ("umbrella", "charlie"):
        assert word not in response.content.decode()
    if field != "organization":  # which has no search, so nothing to complete
        assert "acme" in response.content.decode() or "alice" in response.content.decode()


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (Account, "password__startswith"),
        (Account, "api_keys__digest__startswith"),
        (ApiKey, "digest__startswith"),
        (ApiKey, "account__password__startswith"),
        (ApiKey, "replaced_by__digest__startswith"),
        (Project, "api_keys__digest__startswith"),
        (Organization, "accounts__password__startswith"),
        (Dataset, "project__organization__name__startswith"),
    ],
)
def test_secrets_and_other_tables_cannot_be_filtered_by(model: type[Model], lookup: str, alice: Client) -> None:
    response = alice.get(f"{address(model, 'changelist')}?{lookup}=a")
    # The organization's list redirects before it looks at filters.
    assert response.status_code == (302 if model is Organization else 400)


def test_system_shows_own_changes_only(alice: Client, acme: House, umbrella: House) -> None:
    page = text(alice, "/console/system/")
    assert "acme-project" in page and "added by alice@example.com" in page
    assert "umbrella" not in page and "charlie" not in page


def test_project_name_taken_elsewhere_is_free_here(alice: Client, acme: House, umbrella: House) -> None:
    assert alice.post(address(Project, "add"), {"name": umbrella.project.name}).status_code == 302
    assert Project.objects.filter(organization=acme.organization, name=umbrella.project.name).exists()
    response = alice.post(address(Project, "add"), {"name": acme.project.name})
    assert "already has a project of this name" in response.content.decode()


def test_dataset_name_taken_elsewhere_is_free_here(alice: Client, acme: House, umbrella: House) -> None:
    form = {"name": umbrella.dataset.name, "project": acme.project.pk}
    assert alice.post(address(Dataset, "add"), form).status_code == 302
    assert alice.post(address(Dataset, "add"), form).context["adminform"].form.errors


@pytest.mark.parametrize("model", MODELS)
def test_user_sees_but_changes_nothing(model: type[Model], bob: Client, acme: House) -> None:
    before = list(state_of_rows())
    row = acme.rows()[model]
    listing, page = text(bob, address(model, "changelist")), text(bob, address(model, "change", row.pk))
    assert "acme" in listing and "acme" in page
    buttons = ("addlink", 'name="_save"', "/delete/", "/rotate/", "/revoke/", "/set_password/", "/password_link/")
    for button in (*buttons, 'name="action"'):
        assert button not in listing and button not in page
    assert bob.get(address(model, "add")).status_code == 403
    assert bob.post(address(model, "change", row.pk), {"name": "taken-over"}).status_code == 403
    assert bob.post(address(model, "delete", row.pk), {"post": "yes", "name": str(row)}).status_code == 403
    for action in ("delete_selected", "revoke_selected"):
        bob.post(address(model, "changelist"), {"action": action, "_selected_action": [row.pk], "confirmed": "yes"})
    for detail in ("rotate", "revoke", "password", "password_link", "send"):
        assert bob.post(f"{address(model, 'changelist')}{row.pk}/{detail}/").status_code in (302, 403)
    assert list(state_of_rows()) == before


@pytest.mark.parametrize("model", MODELS)
def test_nobody_gets_in_without_login(model: type[Model], client: Client, acme: House) -> None:
    row = acme.rows()[model]
    details = [f"{address(model, 'changelist')}{row.pk}/{page}/" for page in DETAILS]
    for path in (
        address(model, "changelist"),
        address(model, "change", row.pk),
        "/console/",
        *PARTS,
        "/console/system/",
        "/console/system/live/",
        "/console/explore/",
        "/console/search/?s=acme",
        *details,
    ):
        response = client.get(path)
        assert response.status_code == 302 and response["Location"].startswith("/console/login/")


def test_disabled_people_are_out_at_once(alice: Client, acme: House) -> None:
    Organization.objects.filter(pk=acme.organization.pk).update(disabled=True)
    assert alice.get("/console/").status_code == 302
    Organization.objects.filter(pk=acme.organization.pk).update(disabled=False)
    assert alice.get("/console/").status_code == 200
    Account.objects.filter(pk=acme.admin.pk).update(disabled=True)
    assert alice.get("/console/").status_code == 302
