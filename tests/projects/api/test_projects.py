"""/v0/projects."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventlane.ids import is_id
from eventlane.wire.headers import EVERY_ANSWER
from events.models import Dataset, DroppedTable
from projects.models import Account, ApiKey, Organization, Project
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin)


def shown(project: Project) -> dict[str, str]:
    return {
        "id": project.pk,
        "org_id": project.organization_id,
        "name": project.name,
        "creation_time": project.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def problems(response) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body")
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_get_works(client, house):
    response = client.get(f"/projects/id/{house.project.pk}")

    assert (response.status_code, response.json()) == (200, shown(house.project))
    length = str(len(response.content))
    assert dict(response.headers) == {"Content-Type": "application/json", "Content-Length": length} | EVERY_ANSWER


@pytest.mark.parametrize("path", ["/projects/name/acme-project", "/projects/acme-project"])
def test_get_by_name(client, house, path):
    assert client.get(path).json() == shown(house.project)


def test_get_by_name_that_looks_like_a_route(client, house):
    Project.objects.create(organization=house.organization, name="name")

    assert client.get("/projects/name/name").json()["name"] == "name"
    assert client.get("/projects/name").json()["name"] == "name"


def test_get_costs_two_queries(client, house, django_assert_num_queries):
    client.get("/org")  # writes the key's last use, which happens once a minute

    with django_assert_num_queries(2):
        assert client.get(f"/projects/id/{house.project.pk}").status_code == 200


def test_list_costs_the_same_for_one_and_for_a_hundred(client, house):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/projects?size=100").status_code == 200
        return len(captured)

    client.get("/org")
    one = count()
    Project.objects.bulk_create(Project(organization=house.organization, name=f"p{number}") for number in range(150))

    assert count() == one == 2


def test_list_shows_the_organization_s_projects_only(client, house):
    make_house("other", "charlie")

    assert client.get("/projects").json() == {"elements": [shown(house.project)]}


def test_create_works(client, house):
    response = client.post("/projects", {"name": "shop"})

    project = Project.objects.get(name="shop")
    assert (response.status_code, response.json()) == (201, shown(project))
    assert is_id(project.pk) and project.organization == house.organization


@pytest.mark.parametrize("name", ["a", "0", "a_b-c", "x" * 100])
def test_create_takes_every_name_of_the_rule(client, name):
    assert client.post("/projects", {"name": name}).json()["name"] == name


@pytest.mark.parametrize("name", ["", "A", "-a", "_a", "a b", "a/b", "é", "x" * 101, "a\n", "a\0", " a"])
def test_create_refuses_a_name_outside_the_rule(client, name):
    assert {pointer for pointer, _ in problems(client.post("/projects", {"name": name}))} == {"/name"}


@pytest.mark.parametrize(
    "body, expected",
    [
        (None, [("", "member 'name' is missing")]),
        ({}, [("", "member 'name' is missing")]),
        ({"name": None}, [("", "member 'name' is missing")]),
        ({"name": 1}, [("/name", "must be a string")]),
        ({"name": True}, [("/name", "must be a string")]),
        ({"name": ["a"]}, [("/name", "must be a string")]),
        ({"name": ""}, [("/name", "must not be empty")]),
        ([], [("", "must be a JSON object")]),
        ("a", [("", "must be a JSON object")]),
        (b"null", [("", "must be a JSON object")]),
        (
            {"name": 1, "a/b": 1, "c": 2},
            [("/name", "must be a string"), ("", "member 'a/b' is unknown"), ("", "member 'c' is unknown")],
        ),
        ({"title": "a"}, [("", "member 'name' is missing"), ("", "member 'title' is unknown")]),
    ],
)
def test_create_lists_every_problem(client, body, expected):
    assert problems(client.post("/projects", body)) == expected


def test_unknown_member_that_is_null_is_absent(client):
    assert client.post("/projects", {"name": "shop", "description": None}).status_code == 201


@pytest.mark.parametrize("method, path", [("POST", "/projects"), ("PUT", "/projects/id/{id}")])
def test_name_that_is_taken(client, house, method, path):
    other = Project.objects.create(organization=house.organization, name="other")

    response = client.send(method, path.format(id=other.pk), {"name": "acme-project"})

    assert (response.status_code, response.json()["code"]) == (400, "duplicate_project_name")


def test_name_of_another_organization_is_free(client):
    Project.objects.create(organization=Organization.objects.create(name="other works"), name="shop")

    assert client.post("/projects", {"name": "shop"}).status_code == 201


def test_update_works(client, house):
    response = client.put(f"/projects/id/{house.project.pk}", {"name": "renamed"})

    house.project.refresh_from_db()
    assert (response.status_code, response.json()) == (200, shown(house.project))
    assert house.project.name == "renamed"


def test_update_to_the_same_name(client, house):
    assert client.put(f"/projects/id/{house.project.pk}", {"name": "acme-project"}).status_code == 200


def test_update_lists_problems(client, house):
    assert problems(client.put(f"/projects/id/{house.project.pk}")) == [("", "member 'name' is missing")]


def test_delete_works(client, house):
    table_name = house.dataset.table_name
    Account.objects.filter(pk=house.admin.pk).update(last_project=house.project)

    response = client.delete(f"/projects/id/{house.project.pk}")

    assert (response.status_code, response.content, dict(response.headers)) == (204, b"", EVERY_ANSWER)
    assert not Project.objects.exists() and not Dataset.objects.exists()
    assert not ApiKey.objects.filter(pk=house.api_key.pk).exists()
    assert DroppedTable.objects.get().table_name == table_name
    assert "last_project_id" not in client.get("/account").json()
    assert client.delete(f"/projects/id/{house.project.pk}").json()["code"] == "unknown_project"


@pytest.mark.parametrize(
    "method, path", [("POST", "/projects"), ("PUT", "/projects/id/{id}"), ("DELETE", "/projects/id/{id}")]
)
def test_users_look_and_admins_change(house, method, path):
    client = client_of(make_account(house.organization, "bob"))

    response = client.send(method, path.format(id=house.project.pk), {"name": "mine"})

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert client.get("/projects/acme-project").status_code == 200
    assert [project.name for project in Project.objects.all()] == ["acme-project"]


def test_key_of_one_project_reaches_no_other(house):
    other = Project.objects.create(organization=house.organization, name="other")
    client = client_of(house.admin, tied_to=other)

    assert client.get("/projects").json() == {"elements": [shown(other)]}
    for path in (f"/projects/id/{house.project.pk}", "/projects/name/acme-project"):
        assert client.get(path).json()["code"] == "unknown_project"
    assert client.put(f"/projects/id/{house.project.pk}", {"name": "x"}).json()["code"] == "unknown_project"
    assert client.delete(f"/projects/id/{house.project.pk}").json()["code"] == "unknown_project"
    assert client.post("/projects", {"name": "third"}).json()["code"] == "permission_denied"
    assert client.put(f"/projects/id/{other.pk}", {"name": "renamed"}).status_code == 200
