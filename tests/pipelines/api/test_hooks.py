"""/v0/hooks."""

from typing import Any

import pytest

from pipelines.hooks import hook_address, hook_secret
from pipelines.models import Hook
from tests.factories import House, make_account, make_house
from tests.pipelines.test_hooks import hook_of, listen
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    house = make_house("acme", "alice")
    listen(house.project, "github", "push", organization="acme")
    listen(house.project, "webhook", "order")
    return house


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


def listed(client: ApiClient) -> dict[str, Any]:
    return {hook["connector"]: hook for hook in client.get("/hooks").json()["elements"]}


def test_list_works(client: ApiClient, house: House) -> None:
    github, webhook = hook_of(house.project, "github"), hook_of(house.project, "webhook")
    shown = listed(client)
    assert shown["github"] == {
        "id": github.pk,
        "org_id": house.organization.pk,
        "project_id": house.project.pk,
        "connector": "github",
        "creation_time": github.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "address": hook_address(github),
        "secret": hook_secret(github),
    }
    assert shown["webhook"]["address"] == hook_address(webhook) and "secret" not in shown["webhook"]


def test_address_is_for_admins_with_a_key_that_may_write(house: House) -> None:
    bob = make_account(house.organization, "bob")
    for client in (
        client_of(house.admin, "read", project=house.project),
        client_of(bob, "read", "write", project=house.project),
    ):
        response = client.get("/hooks")
        assert len(response.json()["elements"]) == 2
        for hook in Hook.objects.all():
            assert hook_address(hook).rpartition("/")[2] not in response.content.decode()
        assert not any({"address", "secret"} & hook.keys() for hook in response.json()["elements"])


def test_renew_works(client: ApiClient, house: House) -> None:
    before = listed(client)["github"]
    response = client.post(f"/hooks/id/{before['id']}/renew")
    renewed = response.json()
    assert response.status_code == 200 and renewed == listed(client)["github"]
    assert renewed["address"] != before["address"] and renewed["secret"] != before["secret"]
    assert {**renewed, "address": 0, "secret": 0} == {**before, "address": 0, "secret": 0}


def test_renewing_needs_an_admin_and_the_right_to_write(house: House) -> None:
    hook = hook_of(house.project, "webhook")
    bob = make_account(house.organization, "bob")
    for client in (client_of(bob, project=house.project), client_of(house.admin, "read", project=house.project)):
        assert client.post(f"/hooks/id/{hook.pk}/renew").json()["code"] == "permission_denied"
    assert hook_of(house.project, "webhook").digest == hook.digest


def test_hook_of_another_project_is_unknown(house: House) -> None:
    other = make_house("other", "charlie")
    client = client_of(other.admin, project=other.project)
    assert client.get("/hooks").json() == {"elements": []}
    response = client.post(f"/hooks/id/{hook_of(house.project, 'webhook').pk}/renew")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_hook")


def test_hook_whose_key_is_gone_is_listed_and_can_be_renewed(client: ApiClient, house: House) -> None:
    Hook.objects.update(encrypted_token=b"garbage", encrypted_secret=None)
    hook = listed(client)["webhook"]
    assert "address" not in hook
    assert client.post(f"/hooks/id/{hook['id']}/renew").json()["address"].startswith("http")


def test_signatures_are_required_and_let_go(client: ApiClient, house: House) -> None:
    hook_id = hook_of(house.project, "webhook").pk
    signed = client.post(f"/hooks/id/{hook_id}/require_signatures").json()
    assert len(signed["secret"]) == 64 and listed(client)["webhook"] == signed
    unsigned = client.post(f"/hooks/id/{hook_id}/accept_unsigned").json()
    assert "secret" not in unsigned and unsigned["address"] == signed["address"]

    github = client.post(f"/hooks/id/{hook_of(house.project, 'github').pk}/accept_unsigned")
    assert (github.status_code, github.json()["code"]) == (400, "hook_always_signed")
    assert "secret" in listed(client)["github"]
