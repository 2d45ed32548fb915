"""/v0/status, /v0/org, /v0/account and /v0/accounts."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventlane.wire.headers import EVERY_ANSWER
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of

MOMENT = datetime(2021, 10, 15, 15, 7, 39, 999_999, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin)


def test_status_needs_no_key():
    response = ApiClient().get("/status")

    assert (response.status_code, response.content) == (200, b"{}")
    length = str(len(response.content))
    assert dict(response.headers) == {"Content-Type": "application/json", "Content-Length": length} | EVERY_ANSWER


def test_status_asks_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ApiClient("evl_nonsense").get("/status").status_code == 200


def test_head_of_status_is_empty():
    response = ApiClient().send("HEAD", "/status")

    assert (response.status_code, response.content) == (200, b"")


def test_organization_has_every_member_that_clients_insist_on(client, house):
    house.organization.creation_time = MOMENT
    house.organization.save()

    assert client.get("/org").json() == {
        "id": house.organization.pk,
        "name": "acme works",
        "address": "",
        "postal_code": "",
        "city": "",
        "country": "",
        "creation_time": "2021-10-15T15:07:39Z",
        "disabled": False,
        "contact_email_address": "",
        "non_essential_mail_opt_in": False,
    }


def test_organization_with_an_address(client, house):
    filled = {
        "address": "1 rue de la Paix",
        "postal_code": "75002",
        "city": "Paris",
        "country": "France",
        "contact_email_address": "post@example.com",
        "non_essential_mail_opt_in": True,
        "vat_id_number": "FR40303265045",
    }
    for name, value in filled.items():
        setattr(house.organization, name, value)
    house.organization.save()

    assert client.get("/org").json().items() >= filled.items()


def test_account_that_never_logged_in_has_its_creation_as_last_login(client, house):
    house.admin.creation_time = MOMENT
    house.admin.save()

    assert client.get("/account").json() == {
        "id": house.admin.pk,
        "org_id": house.organization.pk,
        "creation_time": "2021-10-15T15:07:39Z",
        "disabled": False,
        "email_address": "alice@example.com",
        "role": "admin",
        "last_login_time": "2021-10-15T15:07:39Z",
        "settings": {},
    }


def test_account_with_everything(house):
    bob = make_account(
        house.organization,
        "bob",
        name="Bob",
        last_login=MOMENT,
        last_project=house.project,
        settings={"date_format": "absolute"},
    )

    assert (
        client_of(bob).get("/account").json().items()
        >= {
            "name": "Bob",
            "role": "user",
            "last_login_time": "2021-10-15T15:07:39Z",
            "last_project_id": house.project.pk,
            "settings": {"date_format": "absolute"},
        }.items()
    )


def test_accounts_of_the_organization_only(client, house):
    charlie = make_house("other", "charlie").admin
    bob = make_account(house.organization, "bob", disabled=True)

    elements = client.get("/accounts").json()["elements"]

    assert {element["id"]: element["disabled"] for element in elements} == {house.admin.pk: False, bob.pk: True}
    assert client.get(f"/accounts/id/{bob.pk}").json() in elements
    assert client.get(f"/accounts/id/{charlie.pk}").json()["code"] == "unknown_account"


def test_no_secret_of_an_account_is_shown(client, house):
    text = client.get("/accounts").content.decode()

    assert "password" not in text and house.admin.password not in text


@pytest.mark.parametrize("path", ["/accounts", "/api_keys"])
def test_list_costs_the_same_for_one_and_for_many(client, house, path):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    client.get("/org")
    one = count()
    for number in range(10):
        client_of(make_account(house.organization, f"n{number}", last_project=house.project))

    assert count() == one == 2


@pytest.mark.parametrize("path", ["/org", "/account", "/accounts", "/projects", "/api_keys"])
@pytest.mark.parametrize("project_id", ["", "nonsense", "0" * 27])
def test_project_header_is_ignored_where_no_project_is_needed(client, path, project_id):
    assert client.get(path, x_eventline_project_id=project_id).status_code == 200
