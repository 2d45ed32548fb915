"""/v0/datasets: create, list, change and delete."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventlane.ids import new_id
from events.models import Dataset, DroppedTable, Namespace
from projects.models import Project
from tests.events.lake.conftest import Node
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [element["name"] for element in response.json()["elements"]]


def problems(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400 and response.json()["code"] == "invalid_request_body", response.content
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_dataset_is_made_and_found(house: House, alice: ApiClient) -> None:
    made = alice.post("/datasets", {"name": "clicks", "retention_days": 7, "default_namespace": "web"})
    assert made.status_code == 201
    dataset = made.json()
    assert Dataset.objects.get(name="clicks").project == house.project
    assert dataset == {
        "id": Dataset.objects.get(name="clicks").id,
        "org_id": house.organization.id,
        "project_id": house.project.id,
        "name": "clicks",
        "retention_days": 7,
        "unwrap_message": False,
        "default_namespace": "web",
        "creation_time": dataset["creation_time"],
        "events": 0,
        "bytes": 0,
    }
    assert len(dataset["creation_time"]) == len("2021-10-15T15:07:39Z")
    assert alice.get(f"/datasets/id/{dataset['id']}").json() == dataset
    assert alice.get("/datasets/name/clicks").json() == dataset


def test_absent_retention_is_the_default_and_zero_is_for_ever(alice: ApiClient, settings: Any) -> None:
    settings.EVENTLANE_RETENTION_DAYS = 12
    assert alice.post("/datasets", {"name": "a", "retention_days": None}).json()["retention_days"] == 12
    forever = alice.post("/datasets", {"name": "b", "retention_days": 0}).json()
    assert set(forever) == {"id", "org_id", "project_id", "name", "unwrap_message", "creation_time", "events", "bytes"}
    assert Dataset.objects.get(name="b").retention_days is None


BAD = [
    ({}, [("", "member 'name' is missing")]),
    ({"name": "Logs"}, [("/name", None)]),
    ({"name": 5}, [("/name", "must be a string")]),
    ({"name": "a", "retention_days": -1}, [("/retention_days", None)]),
    ({"name": "a", "retention_days": 36_501}, [("/retention_days", None)]),
    ({"name": "a", "retention_days": 10**30}, [("/retention_days", None)]),
    ({"name": "a", "retention_days": "7"}, [("/retention_days", None)]),
    ({"name": "a", "retention_days": 7.5}, [("/retention_days", None)]),
    ({"name": "a", "retention_days": True}, [("/retention_days", None)]),
    ({"name": "a", "unwrap_message": 1}, [("/unwrap_message", "must be true or false")]),
    ({"name": "a", "default_namespace": "x\x07"}, [("/default_namespace", "must not hold control characters")]),
    ({"name": "a", "default_namespace": "\ud800"}, None),
    ({"name": "a", "default_namespace": "x" * 201}, [("/default_namespace", None)]),
    ({"name": "a", "colour": "red"}, [("", "member 'colour' is unknown")]),
    (
        {"name": "A", "retention_days": "x", "more": 1},
        [("/retention_days", None), ("/name", None), ("", "member 'more' is unknown")],
    ),
]


@pytest.mark.parametrize("body, expected", BAD, ids=lambda value: repr(value)[:60])
def test_bad_body(alice: ApiClient, body: Any, expected: list[tuple[str, str | None]] | None) -> None:
    found = problems(alice.post("/datasets", body))
    if expected is not None:
        assert [pointer for pointer, _ in found] == [pointer for pointer, _ in expected]
        assert all(reason in (None, told) for (_, told), (_, reason) in zip(found, expected, strict=True))
    assert not Dataset.objects.filter(name__in=["a", "A", "Logs"]).exists()


def test_name_is_taken_once_in_a_project(house: House, alice: ApiClient) -> None:
    taken = alice.post("/datasets", {"name": "acme-logs"})
    assert (taken.status_code, taken.json()["code"]) == (400, "duplicate_dataset_name")
    other = Project.objects.create(organization=house.organization, name="other")
    assert client_of(house.admin, project=other).post("/datasets", {"name": "acme-logs"}).status_code == 201


def test_update_changes_what_it_names(house: House, alice: ApiClient) -> None:
    path = f"/datasets/id/{house.dataset.id}"
    changed = alice.put(path, {"default_namespace": "web"})
    assert changed.status_code == 200
    assert (changed.json()["default_namespace"], changed.json()["retention_days"]) == ("web", 30)
    assert "retention_days" not in alice.put(path, {"retention_days": 0}).json()
    for switched in (True, False):
        assert alice.put(path, {"unwrap_message": switched}).json()["unwrap_message"] is switched
    assert "default_namespace" not in alice.put(path, {"default_namespace": ""}).json()
    assert alice.get(path).json() == alice.put(path, {}).json()
    assert problems(alice.put(path, {"name": "renamed"})) == [("", "member 'name' is unknown")]


def test_deleted_dataset_is_gone_with_its_namespaces_and_its_table_is_noted(house: House, alice: ApiClient) -> None:
    path = f"/datasets/id/{house.dataset.id}"
    deleted = alice.delete(path)
    assert (deleted.status_code, deleted.content, "Content-Type" in deleted.headers) == (204, b"", False)
    assert alice.get(path).json()["code"] == alice.delete(path).json()["code"] == "unknown_dataset"
    assert not Namespace.objects.filter(name="acme-web").exists()
    assert [row.table_name for row in DroppedTable.objects.all()] == [house.dataset.table_name]


def test_filters(house: House, alice: ApiClient) -> None:
    for name in ("web-clicks", "web-views", "shop-clicks", "a_b", "axb"):
        Dataset.objects.create(project=house.project, name=name)
    assert names(alice.get("/datasets?sort=name")) == [
        "a_b",
        "acme-logs",
        "axb",
        "shop-clicks",
        "web-clicks",
        "web-views",
    ]
    assert names(alice.get("/datasets?sort=name&name_prefix=web-")) == ["web-clicks", "web-views"]
    assert names(alice.get("/datasets?sort=name&order=desc&name_contains=clicks")) == ["web-clicks", "shop-clicks"]
    assert names(alice.get("/datasets?name_prefix=shop&name_contains=views")) == []
    assert names(alice.get("/datasets?name_contains=_")) == ["a_b"]
    for bad in ("name_prefix=%00", f"name_contains={'x' * 101}"):
        refused = alice.get(f"/datasets?{bad}")
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_query_parameter")


def test_pages(house: House, alice: ApiClient) -> None:
    for number in range(7):
        Dataset.objects.create(project=house.project, name=f"d{number}")
    page = alice.get("/datasets?sort=name&size=3&name_prefix=d").json()
    assert [row["name"] for row in page["elements"]] == ["d0", "d1", "d2"] and "previous" not in page
    after = alice.get(f"/datasets?sort=name&size=3&name_prefix=d&after={page['next']['after']}").json()
    assert [row["name"] for row in after["elements"]] == ["d3", "d4", "d5"]
    assert set(after["previous"]) == {"before", "size", "sort", "order"}


def test_list_asks_the_database_as_often_for_many_as_for_one(node: Node, client: ApiClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/datasets").status_code == 200
        return len(captured)

    node.write(*["{}"] * 5)
    node.seal()
    client.get("/datasets")
    one = queries()
    for number in range(1, 13):
        dataset = Dataset.objects.create(project=node.dataset.project, name=f"d{number}")
        node.write(*["{}"] * number, dataset=dataset)
    node.seal()
    assert queries() == one
    rows = {row["name"]: row["events"] for row in client.get("/datasets").json()["elements"]}
    assert rows == {"logs": 5} | {f"d{number}": number for number in range(1, 13)}
    assert client.get("/datasets/name/d3").json()["bytes"] == 6


def test_users_look_and_admins_change(house: House) -> None:
    bob = client_of(make_account(house.organization, "bob"), project=house.project)
    path = f"/datasets/id/{house.dataset.id}"
    assert [bob.get(path).status_code, bob.get("/datasets").status_code] == [200, 200]
    refused = [bob.post("/datasets", {"name": "a"}), bob.put(path, {}), bob.delete(path)]
    assert {(response.status_code, response.json()["code"]) for response in refused} == {(403, "permission_denied")}


def test_key_needs_the_right(house: House) -> None:
    path = f"/datasets/id/{house.dataset.id}"
    reader = client_of(house.admin, "read", project=house.project)
    writer = client_of(house.admin, "write", project=house.project)
    assert reader.get(path).status_code == 200
    assert {reader.put(path, {}).status_code, reader.delete(path).status_code} == {403}
    assert writer.get(path).status_code == 200  # who may change may read
    assert writer.put(path, {}).status_code == 200


def test_what_belongs_to_others_is_unknown(house: House, alice: ApiClient) -> None:
    globex = make_house("globex", "charlie")
    sister = Project.objects.create(organization=house.organization, name="sister")
    theirs = [globex.dataset, Dataset.objects.create(project=sister, name="secret")]
    for dataset in theirs:
        namespace = Namespace.objects.create(dataset=dataset, name="hidden")
        replies = [
            alice.get(f"/datasets/id/{dataset.id}"),
            alice.get(f"/datasets/name/{dataset.name}"),
            alice.put(f"/datasets/id/{dataset.id}", {"retention_days": 1}),
            alice.delete(f"/datasets/id/{dataset.id}"),
            alice.get(f"/datasets/id/{dataset.id}/events"),
            alice.get(f"/datasets/id/{dataset.id}/events/id/01a0c450-6c00-7000-8000-000000000000"),
        ]
        assert {(reply.status_code, reply.json()["code"]) for reply in replies} == {(404, "unknown_dataset")}
        assert names(alice.get(f"/namespaces?dataset={dataset.id}")) == []
        assert alice.get(f"/namespaces/id/{namespace.id}").json()["code"] == "unknown_namespace"
    assert names(alice.get("/datasets")) == ["acme-logs"]
    assert Dataset.objects.filter(pk__in=[dataset.pk for dataset in theirs], retention_days=30).count() == 2


def test_namespaces(house: House, alice: ApiClient) -> None:
    for name in ("web", "déjà vu"):
        Namespace.objects.create(dataset=house.dataset, name=name)
    path = f"/namespaces?dataset={house.dataset.id}"
    assert set(names(alice.get(path))) == {"acme-web", "web", "déjà vu"}
    assert names(alice.get(f"{path}&sort=name&name_prefix=d")) == ["déjà vu"]
    assert alice.get(f"/namespaces/id/{house.namespace.id}").json() == {
        "id": house.namespace.id,
        "org_id": house.organization.id,
        "project_id": house.project.id,
        "dataset_id": house.dataset.id,
        "name": "acme-web",
        "creation_time": alice.get(path).json()["elements"][0]["creation_time"],
    }
    assert names(alice.get(f"/namespaces?dataset={new_id()}")) == []


@pytest.mark.parametrize("query", ["", "?dataset=", "?dataset=x", "?dataset=%00", "?name_prefix=a"])
def test_namespaces_are_of_one_dataset(alice: ApiClient, query: str) -> None:
    refused = alice.get(f"/namespaces{query}")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_query_parameter")
    assert refused.json()["data"] == {"parameter": "dataset"}
