"""The console's accounts and the organization."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from projects.api_keys import issue_api_key
from projects.models import Account, ApiKey, Organization
from tests.console import count_queries, logged_in
from tests.factories import PASSWORD, House, make_account, make_house

pytestmark = pytest.mark.django_db
LIST = "/console/projects/account/"
PASSWORDS = {"password1": "quiet-otter-42", "password2": "quiet-otter-42"}
NEW = {"email": "Eve@Example.com", "name": "Eve", "role": "user"} | PASSWORDS


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


def change(client: Client, account: Account, **fields: str) -> Any:
    form = {"email": account.email, "name": account.name, "role": account.role} | fields
    return client.post(f"{LIST}{account.pk}/change/", form)


def test_made_account_logs_in_whatever_the_case_of_its_address(alice: Client, acme: House, client: Client) -> None:
    assert alice.post(f"{LIST}add/", NEW)["Location"] == LIST
    account = Account.objects.get(email="Eve@example.com")
    assert (account.organization, account.role, account.disabled) == (acme.organization, "user", False)
    response = client.post("/console/login/", {"username": "eve@EXAMPLE.com", "password": "quiet-otter-42"})
    assert response["Location"] == "/console/"
    assert client.get("/console/").status_code == 200


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"email": "ALICE@example.com"}, "email"),
        ({"email": "no address"}, "email"),
        ({"password2": "something-else-1"}, "password2"),
        ({"password1": "password", "password2": "password"}, "password2"),
        ({"role": "superuser"}, "role"),
    ],
)
def test_bad_new_account_is_refused_at_the_field(alice: Client, fields: dict[str, str], at: str) -> None:
    errors = alice.post(f"{LIST}add/", NEW | fields).context["adminform"].form.errors
    assert list(errors) == [at]
    assert Account.objects.count() == 1


def test_admin_changes_role_and_disables_others(alice: Client, acme: House) -> None:
    bob = make_account(acme.organization, "bob")
    bobs = logged_in(bob)
    assert change(alice, bob, role="admin").status_code == 302
    assert bobs.get(f"{LIST}add/").status_code == 200
    assert change(alice, bob, role="admin", disabled="on").status_code == 302
    assert bobs.get("/console/").status_code == 302


def test_nobody_disables_demotes_or_deletes_themselves(alice: Client, acme: House) -> None:
    make_account(acme.organization, "second", role="admin")
    change(alice, acme.admin, role="user", disabled="on")
    acme.admin.refresh_from_db()
    assert acme.admin.role == "admin" and not acme.admin.disabled
    assert alice.post(f"{LIST}{acme.admin.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "/delete/" not in alice.get(f"{LIST}{acme.admin.pk}/change/").content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", [{"role": "user"}, {"disabled": "on"}, None])
def test_two_admins_who_end_each_other_at_once_leave_one(deed: dict[str, str] | None) -> None:
    house = make_house("acme", "alice")
    alice, bob = house.admin, make_account(house.organization, "bob", role="admin")
    gate = threading.Barrier(2)

    def end(actor: Account, other: Account) -> None:
        client = logged_in(actor)
        client.raise_request_exception = False
        gate.wait(10)
        if deed is None:
            client.post(f"{LIST}{other.pk}/delete/", {"post": "yes"})
        else:
            change(client, other, **deed)
        connection.close()

    threads = [threading.Thread(target=end, args=pair) for pair in ((alice, bob), (bob, alice))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Account.objects.filter(role="admin", disabled=False).count() == 1


def test_deleting_an_account_says_how_many_keys_stop(alice: Client, acme: House) -> None:
    bob = make_account(acme.organization, "bob")
    issue_api_key(account=bob, name="notebook", rights=["read"])
    assert "1, 1 of them in use" in alice.get(f"{LIST}{bob.pk}/delete/").content.decode()
    alice.post(f"{LIST}{bob.pk}/delete/", {"post": "yes"})
    assert not Account.objects.filter(pk=bob.pk).exists() and not ApiKey.objects.filter(name="notebook").exists()


def test_admin_sets_a_password_and_ends_the_sessions_of_the_old_one(alice: Client, acme: House, client: Client) -> None:
    bob = make_account(acme.organization, "bob")
    bobs = logged_in(bob)
    assert alice.get(f"{LIST}{bob.pk}/set_password/")["Location"] == f"{LIST}{bob.pk}/password/"
    page = alice.get(f"{LIST}{bob.pk}/password/").content.decode()
    assert "usable_password" not in page and bob.password not in page
    own = {"own_password": PASSWORD}
    assert alice.post(f"{LIST}{bob.pk}/password/", PASSWORDS | own)["Location"] == f"{LIST}{bob.pk}/change/"
    assert bobs.get("/console/").status_code == 302
    assert not client.login(username=bob.email, password=PASSWORD)
    assert client.login(username=bob.email, password="quiet-otter-42")


@pytest.mark.parametrize("own", [{}, {"own_password": ""}, {"own_password": "wrong"}])
def test_setting_anothers_password_asks_for_ones_own(own: dict[str, str], alice: Client, acme: House) -> None:
    bob = make_account(acme.organization, "bob")
    page = alice.get(f"{LIST}{bob.pk}/password/").content.decode()
    assert 'name="own_password"' in page
    for path, given in ((f"{LIST}{bob.pk}/password/", PASSWORDS), (f"{LIST}{bob.pk}/password_link/", {})):
        response = alice.post(path, given | own)
        assert response.status_code == 200 and "link" not in response.context
        assert list(response.context["form"].errors) == ["own_password"]
    assert Client().login(username=bob.email, password=PASSWORD)


def test_wrong_own_passwords_are_braked_like_logins(alice: Client, acme: House, settings: Any) -> None:
    settings.EVENTLANE_ACCOUNT_LOGIN_FAILURES = 3
    bob = make_account(acme.organization, "bob")
    for own in ("wrong", "wrong", "wrong", PASSWORD):
        assert alice.post(f"{LIST}{bob.pk}/password/", PASSWORDS | {"own_password": own}).status_code == 200
    assert Client().login(username=bob.email, password=PASSWORD)


def test_short_password_is_refused_wherever_one_is_set(alice: Client, acme: House) -> None:
    short = {"password1": "otter-42-aa", "password2": "otter-42-aa"}
    assert "at least 12 characters" in alice.post(f"{LIST}add/", NEW | short).content.decode()
    old = {"old_password": PASSWORD, "new_password1": "otter-42-aa", "new_password2": "otter-42-aa"}
    assert "at least 12 characters" in alice.post("/console/password_change/", old).content.decode()


def test_address_taken_elsewhere_is_not_said_to_be(alice: Client, acme: House) -> None:
    charlie = make_house("umbrella", "charlie").admin
    bob = make_account(acme.organization, "bob")
    pages = [
        alice.post(f"{LIST}add/", NEW | {"email": charlie.email.upper()}).content.decode(),
        change(alice, bob, email=charlie.email).content.decode(),
    ]
    for page in pages:
        assert "This e-mail address can&#x27;t be used here." in page and "already exists" not in page
    own = alice.post(f"{LIST}add/", NEW | {"email": bob.email}).content.decode()
    assert "Your organization has an account with this e-mail address." in own


def test_names_of_others_can_not_be_guessed_for_long(alice: Client, acme: House, settings: Any) -> None:
    settings.EVENTLANE_TAKEN_NAME_RATE = (3, 3600.0)
    charlie = make_house("umbrella", "charlie").admin
    organization = f"/console/projects/organization/{acme.organization.pk}/change/"
    bob = make_account(acme.organization, "bob")

    renamed = alice.post(organization, {"name": charlie.organization.name}).content.decode()
    assert "This name can&#x27;t be used here." in renamed and "already exists" not in renamed
    for _ in range(2):
        assert "can&#x27;t be used here" in change(alice, bob, email=charlie.email).content.decode()

    for email in (charlie.email, "nobody@example.com"):  # one like the other
        assert (
            "Too many names were refused. Try again in 60 minutes." in change(alice, bob, email=email).content.decode()
        )
    assert "Too many names" in alice.post(organization, {"name": "nobody"}).content.decode()
    assert change(alice, bob, name="Robert").status_code == 302
    assert alice.post(organization, {"name": acme.organization.name}).status_code == 302

    Organization.objects.update(refusals_start_time=timezone.now() - timedelta(hours=1))
    assert change(alice, bob, email="robert@example.com").status_code == 302


def test_own_password_needs_the_old_one(acme: House) -> None:
    bob = make_account(acme.organization, "bob")
    bobs = logged_in(bob)
    new = {"new_password1": "quiet-otter-42", "new_password2": "quiet-otter-42"}
    assert bobs.post("/console/password_change/", new | {"old_password": "wrong"}).status_code == 200
    assert bobs.post("/console/password_change/", new | {"old_password": PASSWORD}).status_code == 302
    assert bobs.get("/console/").status_code == 200


def test_password_hash_is_on_no_page(alice: Client, acme: House) -> None:
    for path in (LIST, f"{LIST}{acme.admin.pk}/change/", f"{LIST}{acme.admin.pk}/history/"):
        page = alice.get(path).content.decode()
        assert acme.admin.password not in page and "pbkdf2" not in page


def test_list_asks_as_many_questions_for_many_accounts(alice: Client, acme: House) -> None:
    few = count_queries(alice, LIST)
    for index in range(20):
        make_account(acme.organization, f"person-{index:02}")
    assert "person-19" in alice.get(LIST).content.decode()
    assert count_queries(alice, LIST) == few <= 12


def test_organization_is_renamed_but_neither_made_nor_deleted(alice: Client, acme: House) -> None:
    own = f"/console/projects/organization/{acme.organization.pk}"
    assert alice.get("/console/projects/organization/")["Location"] == f"{own}/change/"
    assert alice.post(f"{own}/change/", {"name": "Acme International", "disabled": "on"}).status_code == 302
    organization = Organization.objects.get(pk=acme.organization.pk)
    assert (organization.name, organization.disabled) == ("Acme International", False)
    refused = alice.get("/console/projects/organization/add/")
    assert refused.status_code == 403 and "not even by an admin" in refused.content.decode()
    assert alice.post(f"{own}/delete/", {"post": "yes"}).status_code == 403


def test_organization_name_is_unique_on_the_server(alice: Client, acme: House) -> None:
    Organization.objects.create(name="Umbrella")
    page = alice.post(f"/console/projects/organization/{acme.organization.pk}/change/", {"name": "Umbrella"})
    assert "can&#x27;t be used here" in page.content.decode()
