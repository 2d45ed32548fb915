"""/v0/api_keys."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from eventlane.wire.headers import EVERY_ANSWER
from projects.api_keys import digest_of, issue_api_key, revoke_with_descendants
from projects.models import ApiKey, Project
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of

T = TypeVar("T")
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
        "answer_200": False,
        "created_by_key_id": ApiKey.objects.get(name="api").pk,
        "secret": made["secret"],
    }
    assert digest_of(made["secret"]) == api_key.digest


def test_made_key_lets_in(made):
    assert ApiClient(made["secret"]).get("/org").status_code == 200
    assert ApiClient(made["secret"]).post("/projects", {"name": "x"}).json()["code"] == "permission_denied"


def test_limits_of_a_key_are_shown(client, made):
    limits = {"answer_200": True, "requests_per_second": 5, "bytes_per_second": 0, "quarantine_after": 3}
    ApiKey.objects.filter(pk=made["id"]).update(**limits)
    shown = client.get(f"/api_keys/id/{made['id']}").json()
    assert {name: shown[name] for name in limits} == limits
    problem = ("", "member 'requests_per_second' is unknown")  # a key may not lift its own limits
    assert problem in problems(client.put(f"/api_keys/id/{made['id']}", limits))


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
    assert client.post("/api_keys", {"name": "a", "rights": ["read", "write"]}).status_code == 201  # who writes reads
    refused = client.post("/api_keys", {"name": "a", "rights": ["deploy"]}).json()
    assert (refused["code"], "the right to deploy" in refused["error"]) == ("permission_denied", True)


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


def test_null_is_no_body_to_update_with(client, made):
    assert problems(client.put(f"/api_keys/id/{made['id']}", b"null")) == [("", "must be a JSON object")]
    assert client.put(f"/api_keys/id/{made['id']}", b"").status_code == 200


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


def test_rotating_gives_no_right_that_the_asking_key_lacks(client, house):
    deployer = client.post("/api_keys", {"name": "deployer", "rights": ["deploy"]}).json()

    response = client_of(house.admin, "write").post(f"/api_keys/id/{deployer['id']}/rotate")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


# What a leaked key can and can't do


SOON = timedelta(minutes=5)


@pytest.fixture
def leaked(house: House) -> tuple[ApiKey, ApiClient]:
    """A key that expires in five minutes, in the wrong hands."""
    api_key, secret = issue_api_key(
        account=house.admin, name="leaked", rights=["write", "deploy"], expiration_time=timezone.now() + SOON
    )
    return api_key, ApiClient(secret)


def make(client: ApiClient, name: str, **body: object) -> ApiKey:
    response = client.post("/api_keys", {"name": name, "rights": ["write"]} | body)
    assert response.status_code == 201, response.content
    return ApiKey.objects.get(pk=response.json()["id"])


def test_key_prolongs_neither_itself_nor_others_beyond_its_own_end(leaked, house):
    api_key, client = leaked
    other = client_of(house.admin)  # its key doesn't expire

    for target in (api_key, ApiKey.objects.get(name="api")):
        [(pointer, reason)] = problems(client.put(f"/api_keys/id/{target.pk}", {"expiration_time": FUTURE}))
        assert pointer == "/expiration_time" and reason.startswith("must not be after 20")
    assert ApiKey.objects.get(pk=api_key.pk).expiration_time == api_key.expiration_time
    assert other.put(f"/api_keys/id/{api_key.pk}", {"expiration_time": FUTURE}).status_code == 200


def test_key_makes_none_that_outlives_it(leaked):
    api_key, client = leaked
    response = client.post("/api_keys", {"name": "a", "rights": ["read"], "expiration_time": FUTURE})
    child = make(client, "child")

    assert problems(response)[0][0] == "/expiration_time"
    assert (child.expiration_time, child.created_by_key) == (api_key.expiration_time, api_key)


def test_what_a_key_made_is_not_prolonged_beyond_its_end_by_others(leaked, client):
    child = make(leaked[1], "child")

    assert problems(client.put(f"/api_keys/id/{child.pk}", {"expiration_time": FUTURE}))[0][0] == "/expiration_time"


def test_end_that_is_moved_forward_holds_for_what_the_key_made(leaked, client):
    api_key, its = leaked
    child, sooner = make(its, "child"), timezone.now().replace(microsecond=0) + timedelta(minutes=1)

    client.put(f"/api_keys/id/{api_key.pk}", {"expiration_time": sooner.strftime("%Y-%m-%dT%H:%M:%SZ")})

    child.refresh_from_db()
    assert child.expiration_time == sooner


def test_successor_that_a_key_asks_for_ends_with_it(leaked, client):
    api_key, its = leaked
    endless = make(client, "endless")

    for target in (api_key, endless):
        made = its.post(f"/api_keys/id/{target.pk}/rotate").json()
        successor = ApiKey.objects.get(pk=made["id"])
        assert successor.created_by_key == api_key
        assert successor.expiration_time == api_key.expiration_time
        assert made["created_by_key_id"] == api_key.pk
        ApiKey.objects.filter(pk=api_key.pk).update(expiration_time=api_key.expiration_time)


def test_key_of_another_account_is_not_rotated(leaked, house):
    bob = make_account(house.organization, "bob", role="admin")
    of_bob, _ = issue_api_key(account=bob, name="bob's", rights=["write"])

    response = leaked[1].post(f"/api_keys/id/{of_bob.pk}/rotate")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert ApiKey.objects.get(pk=of_bob.pk).replaced_by is None


def test_revoking_with_descendants_stops_all_that_came_of_a_key(leaked, client):
    api_key, its = leaked
    child = its.post("/api_keys", {"name": "child", "rights": ["write"]}).json()
    grandchild = ApiClient(child["secret"]).post("/api_keys", {"name": "grandchild", "rights": ["write"]}).json()
    successor = ApiClient(grandchild["secret"]).post(f"/api_keys/id/{grandchild['id']}/rotate").json()

    assert client.post(f"/api_keys/id/{api_key.pk}/revoke?descendants=").status_code == 204

    for secret in (its.secret, child["secret"], grandchild["secret"], successor["secret"]):
        assert ApiClient(secret).get("/org").json()["code"] == "unknown_api_key"
    assert client.get("/org").status_code == 200


def test_revoking_alone_leaves_what_the_key_made(leaked, client):
    made = leaked[1].post("/api_keys", {"name": "child", "rights": ["write"]}).json()

    client.post(f"/api_keys/id/{leaked[0].pk}/revoke")

    assert ApiClient(made["secret"]).get("/org").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_key_that_is_made_while_its_maker_is_revoked_is_revoked_too_or_not_made(house):
    body = {"name": "child", "rights": ["write"]}
    for _ in range(10):
        api_key, secret = issue_api_key(account=house.admin, name="leaked", rights=["write"])
        with ThreadPoolExecutor(2) as pool:
            making = pool.submit(in_thread, lambda secret=secret: ApiClient(secret).post("/api_keys", body))
            pool.submit(
                in_thread, lambda key=api_key: revoke_with_descendants(api_key=key, now=timezone.now())
            ).result()
            assert making.result().status_code in (201, 401)
        assert not ApiKey.objects.filter(created_by_key=api_key, revocation_time=None).exists()


def in_thread(call: Callable[[], T]) -> T:
    try:
        return call()
    finally:
        connection.close()


# Rights


@pytest.mark.parametrize("right", ["write", "deploy"])
def test_key_that_may_change_something_may_read(house, right):
    client = client_of(house.admin, right, tied_to=house.project)

    for path in ("/org", "/account", f"/projects/name/{house.project.name}", "/pipelines", "/datasets"):
        assert client.get(path).status_code == 200
    assert client.get("/accounts").json()["elements"] == [client.get("/account").json()]


def test_key_of_a_project_does_not_delete_it(house):
    response = client_of(house.admin, tied_to=house.project).delete(f"/projects/id/{house.project.pk}")

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert Project.objects.filter(pk=house.project.pk).exists()


def test_project_and_account_are_deleted_with_keys_that_made_keys(house):
    client = client_of(house.admin, tied_to=house.project)
    make(client, "child", project_id=house.project.pk)

    house.project.delete()
    make(client_of(house.admin), "child")
    house.admin.delete()

    assert not ApiKey.objects.exists()
