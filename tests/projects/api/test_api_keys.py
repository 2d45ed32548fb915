"""/v0/api_keys."""

from datetime import timedelta

import pytest
from django.utils import timezone

from eventlane.wire.headers import EVERY_ANSWER
from projects.api_keys import digest_of
from projects.models import ApiKey, Project
from tests.cast import House, make_house
from tests.platform_api import ApiClient, client_of

FUTURE = "2100-01-01T00:00:00Z"

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin)


@pytest.fixture
def made(client: ApiClient) -> dict[str, str]:
    """A key made through the API, as the reply shows it."""
    return client.post("/api_keys", {"name": "made", "rights": ["read"]}).json()


def problems(response) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body")
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_create_works(client, house):
    body = {"name": "Loader", "rights": ["ingest", "read"], "project_id": house.project.pk, "expiration_time": FUTURE}

    response = client.post("/api_keys", body)

    made = response.json()
    api_key = ApiKey.objects.get(name="Loader")
    assert response.status_code == 201
    assert made == {
        "id": api_key.pk,
        "org_id": house.organization.pk,
        "account_id": house.admin.pk,
        "project_id": house.project.pk,
        "name": "Loader",
        "prefix": api_key.prefix,
        "rights": ["ingest", "read"],
        "status": "active",
        "creation_time": api_key.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expiration_time": FUTURE,
        "secret": made["secret"],
    }
    assert digest_of(made["secret"]) == api_key.digest


def test_made_key_lets_in(made):
    assert ApiClient(made["secret"]).get("/org").status_code == 200
    assert ApiClient(made["secret"]).post("/projects", {"name": "x"}).json()["code"] == "permission_denied"


def test_secret_is_shown_once(client, made):
    one = client.get(f"/api_keys/id/{made['id']}")
    several = client.get("/api_keys")

    assert {**one.json(), "secret": made["secret"]} == made
    for response in (one, several):
        assert "secret" not in response.content.decode() and made["secret"] not in response.content.decode()
        assert ApiKey.objects.get(pk=made["id"]).digest not in response.content.decode()


@pytest.mark.parametrize(
    "body, expected",
    [
        ({}, [("", "member 'name' is missing"), ("", "member 'rights' is missing")]),
        ({"name": "a", "rights": []}, [("/rights", "this list may not be empty")]),
        ({"name": "a", "rights": "read"}, [("/rights", 'expected a list of items but got type "str"')]),
        (
            {"name": "a", "rights": ["read", "own", 1]},
            [("/rights/1", '"own" is not a valid choice'), ("/rights/2", '"1" is not a valid choice')],
        ),
        ({"name": "a", "rights": ["ingest"]}, [("", "a key with the right ingest needs a project_id")]),
        (
            {"name": 1, "rights": ["ingest"]},
            [("/name", "must be a string"), ("", "a key with the right ingest needs a project_id")],
        ),
        ({"name": "a", "rights": ["read"], "project_id": "x"}, [("/project_id", "must be an identifier")]),
        ({"name": "a", "rights": ["read"], "project_id": "0" * 27}, [("/project_id", "there is no such project")]),
        (
            {"name": "a", "rights": ["read"], "expiration_time": "2020-01-01T00:00:00Z"},
            [("/expiration_time", "must be in the future")],
        ),
        (
            {"name": "a", "rights": ["read"], "expiration_time": "tomorrow"},
            [("/expiration_time", "must be a date like 2021-10-15T15:07:39Z")],
        ),
        ({"name": "a", "rights": ["read"], "account_id": "x"}, [("", "member 'account_id' is unknown")]),
        ({"name": "x" * 101, "rights": ["read"]}, [("/name", "ensure this field has no more than 100 characters")]),
    ],
)
def test_create_lists_every_problem(client, body, expected):
    assert problems(client.post("/api_keys", body)) == expected
    assert not ApiKey.objects.filter(name="a").exists()


def test_project_of_another_organization_is_unknown(client):
    other = make_house("other", "charlie").project

    response = client.post("/api_keys", {"name": "a", "rights": ["read"], "project_id": other.pk})

    assert problems(response) == [("/project_id", "there is no such project")]


def test_key_gives_no_right_that_it_lacks(house):
    client = client_of(house.admin, "write")

    assert client.post("/api_keys", {"name": "a", "rights": ["write"]}).status_code == 201
    assert (
        client.post("/api_keys", {"name": "a", "rights": ["ingest"], "project_id": house.project.pk}).status_code == 201
    )
    assert client.post("/api_keys", {"name": "a", "rights": ["read", "write"]}).json()["code"] == "permission_denied"


def test_key_of_one_project_makes_and_sees_keys_of_that_project_only(house):
    other = Project.objects.create(organization=house.organization, name="other")
    client = client_of(house.admin, tied_to=other)

    assert client.post("/api_keys", {"name": "a", "rights": ["read"]}).json()["code"] == "permission_denied"
    made = client.post("/api_keys", {"name": "a", "rights": ["read"], "project_id": other.pk}).json()
    listed = client.get("/api_keys").json()["elements"]

    assert [key["id"] for key in listed if key["name"] == "a"] == [made["id"]]
    assert {key["project_id"] for key in listed} == {other.pk}
    assert client.get(f"/api_keys/id/{house.api_key.pk}").json()["code"] == "unknown_api_key"


def test_update_works(client, made):
    response = client.put(f"/api_keys/id/{made['id']}", {"name": "renamed", "expiration_time": FUTURE})

    del made["secret"]
    assert (response.status_code, response.json()) == (200, {**made, "name": "renamed", "expiration_time": FUTURE})
    assert client.get(f"/api_keys/id/{made['id']}").json() == response.json()


def test_update_leaves_what_is_absent_or_null(client, made):
    client.put(f"/api_keys/id/{made['id']}", {"expiration_time": FUTURE})

    response = client.put(f"/api_keys/id/{made['id']}", {"name": "renamed", "expiration_time": None})

    assert (response.json()["name"], response.json()["expiration_time"]) == ("renamed", FUTURE)


@pytest.mark.parametrize("member", ["rights", "project_id", "account_id", "secret"])
def test_update_does_not_make_a_key_grow(client, made, member):
    response = client.put(f"/api_keys/id/{made['id']}", {member: "x"})

    assert problems(response) == [("", f"member '{member}' is unknown")]


def test_revoke_works(client, made):
    response = client.post(f"/api_keys/id/{made['id']}/revoke")

    assert (response.status_code, response.content, dict(response.headers)) == (204, b"", EVERY_ANSWER)
    assert ApiClient(made["secret"]).get("/org").json()["code"] == "unknown_api_key"
    shown = client.get(f"/api_keys/id/{made['id']}").json()
    assert shown["status"] == "revoked" and shown["revocation_time"]


def test_revoking_twice_keeps_the_first_time(client, made):
    client.post(f"/api_keys/id/{made['id']}/revoke")
    long_ago = timezone.now() - timedelta(days=1)
    ApiKey.objects.filter(pk=made["id"]).update(revocation_time=long_ago)

    assert client.post(f"/api_keys/id/{made['id']}/revoke").status_code == 204
    assert ApiKey.objects.get(pk=made["id"]).revocation_time == long_ago


def test_revoked_key_can_be_renamed_but_not_prolonged(client, made):
    client.post(f"/api_keys/id/{made['id']}/revoke")

    assert client.put(f"/api_keys/id/{made['id']}", {"name": "old"}).json()["name"] == "old"
    prolonged = client.put(f"/api_keys/id/{made['id']}", {"expiration_time": FUTURE})
    assert (prolonged.status_code, prolonged.json()["code"]) == (400, "api_key_revoked")


def test_rotate_works(client, made):
    response = client.post(f"/api_keys/id/{made['id']}/rotate")

    successor = response.json()
    assert response.status_code == 201
    assert (successor["name"], successor["rights"]) == ("made", ["read"])
    old = client.get(f"/api_keys/id/{made['id']}").json()
    assert old["replaced_by_id"] == successor["id"] and old["expiration_time"]
    for secret in (made["secret"], successor["secret"]):
        assert ApiClient(secret).get("/org").status_code == 200


@pytest.mark.parametrize("before", ["revoke", "rotate"])
def test_rotating_what_is_revoked_or_replaced(client, made, before):
    client.post(f"/api_keys/id/{made['id']}/{before}")

    response = client.post(f"/api_keys/id/{made['id']}/rotate")

    assert (response.status_code, response.json()["code"]) == (400, "api_key_not_active")


def test_rotating_gives_no_right_that_the_asking_key_lacks(house, made):
    response = client_of(house.admin, "write").post(f"/api_keys/id/{made['id']}/rotate")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
