"""/v0/identities."""

import pytest

from eventlane.ids import is_id
from pipelines.identities import read_fields
from pipelines.models import Identity, Resource
from projects.models import Project
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db

BODY = {"name": "hub", "connector": "github", "type": "token", "data": {"username": "octo", "token": "t0ken-of-octo"}}


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


@pytest.fixture
def identity(client: ApiClient) -> Identity:
    assert client.post("/identities", BODY).status_code == 201
    return Identity.objects.get()


def problems(response) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body"), response.content
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_create_works(client, house):
    response = client.post("/identities", BODY)

    made = Identity.objects.get()
    time = made.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (response.status_code, response.json()) == (
        201,
        {
            "id": made.pk,
            "org_id": house.organization.pk,
            "project_id": house.project.pk,
            "name": "hub",
            "connector": "github",
            "type": "token",
            "creation_time": time,
            "update_time": time,
            "data": {"username": "octo"},
        },
    )
    assert is_id(made.pk) and read_fields(made) == BODY["data"]


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"name": "A"}, [("/name", "")]),
        ({"name": None}, [("", "member 'name' is missing")]),
        ({"connector": "x"}, [("/connector", "")]),
        ({"connector": ["github"]}, [("/connector", "")]),
        ({"type": "password"}, [("/type", "the connector github has no such type")]),
        ({"data": None}, [("", "member 'data' is missing")]),
        ({"data": []}, [("/data", "must be a JSON object")]),
        ({"data": {"username": 1}}, [("/data/username", "must be a string"), ("/data", "member 'token' is missing")]),
        (
            {"data": {"username": "a", "token": "", "x/y": "b"}},
            [("/data", "member 'x/y' is unknown"), ("/data/token", "must not be empty")],
        ),
        ({"name": "-", "data": {"username": "a"}}, [("/name", ""), ("/data", "member 'token' is missing")]),
        ({"more": 1}, [("", "member 'more' is unknown")]),
    ],
)
def test_create_tells_every_problem(client, change, expected):
    found = problems(client.post("/identities", BODY | change))

    assert [pointer for pointer, _ in found] == [pointer for pointer, _ in expected]
    assert all(reason in text for (_, text), (_, reason) in zip(found, expected, strict=True))
    assert not Identity.objects.exists()


def test_errors_never_quote_a_secret(client):
    data = {"username": "octo", "token": "line of a secret\nmore"}

    response = client.post("/identities", BODY | {"data": data})

    assert problems(response) == [("/data/token", "must be a single line")]
    assert b"line of a secret" not in response.content


def test_create_refuses_a_taken_name(client, house, identity):
    response = client.post("/identities", BODY)

    assert (response.status_code, response.json()["code"]) == (400, "duplicate_identity_name")
    elsewhere = Project.objects.create(organization=house.organization, name="elsewhere")
    assert client_of(house.admin, project=elsewhere).post("/identities", BODY).status_code == 201


def test_no_reply_has_a_secret(client, identity):
    replies = [
        client.get("/identities"),
        client.get(f"/identities/id/{identity.pk}"),
        client.get("/identities/name/hub"),
        client.put(f"/identities/id/{identity.pk}", {"data": {"token": "an0ther-t0ken"}}),
        client.delete(f"/identities/id/{identity.pk}"),
    ]

    assert [reply.status_code for reply in replies] == [200, 200, 200, 200, 204]
    for reply in replies:
        assert b"t0ken" not in reply.content
    assert replies[0].json() == {"elements": [replies[1].json()]} and replies[1].json() == replies[2].json()


def test_update_keeps_what_is_not_given(client, identity):
    response = client.put(f"/identities/id/{identity.pk}", {"data": {"username": "mona"}})

    identity.refresh_from_db()
    assert response.json()["data"] == {"username": "mona"}
    assert read_fields(identity) == {"username": "mona", "token": "t0ken-of-octo"}


@pytest.mark.parametrize(
    "body, expected",
    [
        ({}, [("", "member 'data' is missing")]),
        ({"data": {"token": ""}}, [("/data/token", "must not be empty")]),
        ({"data": {"key": "a"}}, [("/data", "member 'key' is unknown")]),
        ({"name": "new", "data": {}}, [("", "member 'name' is unknown")]),
    ],
)
def test_update_tells_problems(client, identity, body, expected):
    assert problems(client.put(f"/identities/id/{identity.pk}", body)) == expected


def test_list_is_a_page_by_name(client, house):
    for name in ("b", "a", "c"):
        client.post("/identities", BODY | {"name": name})

    page = client.get("/identities?sort=name&size=2").json()

    assert [element["name"] for element in page["elements"]] == ["a", "b"]
    rest = client.get(f"/identities?sort=name&size=2&after={page['next']['after']}").json()
    assert [element["name"] for element in rest["elements"]] == ["c"]


def test_identity_in_use_is_not_deleted(client, house, identity):
    spec = {"type": "task", "version": 1, "name": "t", "data": {"identities": ["hub"]}}
    task = Resource.objects.create(project=house.project, type="task", name="t", spec=spec)

    response = client.delete(f"/identities/id/{identity.pk}")

    assert (response.status_code, response.json()["code"]) == (400, "identity_in_use")
    assert "task t" in response.json()["error"]
    task.delete()
    assert client.delete(f"/identities/id/{identity.pk}").status_code == 204


def test_users_look_and_change_nothing(house, identity):
    bob = client_of(make_account(house.organization, "bob"), project=house.project)

    assert bob.get("/identities/name/hub").status_code == 200
    replies = [
        bob.post("/identities", BODY | {"name": "new"}),
        bob.put(f"/identities/id/{identity.pk}", {"data": {"username": "x"}}),
        bob.delete(f"/identities/id/{identity.pk}"),
    ]
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(403, "permission_denied")] * 3


def test_what_belongs_to_others_is_unknown(house, identity):
    other = make_house("other", "charlie")
    elsewhere = Project.objects.create(organization=house.organization, name="elsewhere")
    for client in (client_of(other.admin, project=other.project), client_of(house.admin, project=elsewhere)):
        replies = [
            client.get(f"/identities/id/{identity.pk}"),
            client.get("/identities/name/hub"),
            client.put(f"/identities/id/{identity.pk}", {"data": {}}),
            client.delete(f"/identities/id/{identity.pk}"),
        ]
        assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(404, "unknown_identity")] * 4
        assert client.get("/identities").json() == {"elements": []}
    assert Identity.objects.filter(pk=identity.pk).exists()


@pytest.mark.parametrize("name", ["A", "a%00b", "x" * 101, "é"])
def test_name_that_cannot_be_one_is_unknown(client, name):
    assert client.get(f"/identities/name/{name}").json()["code"] == "unknown_identity"


def test_lost_key_hides_the_fields(client, identity, settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = ["A" * 43 + "="]

    assert client.get("/identities/name/hub").json()["data"] == {}
    found = problems(client.put(f"/identities/id/{identity.pk}", {"data": {"username": "a"}}))
    assert found == [("/data", "member 'token' is missing")]
