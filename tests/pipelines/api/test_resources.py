"""/v0/resources, and PUT /v0/projects/id/:id/resources."""

from typing import Any

import pytest

from eventlane.ids import is_id, new_id
from eventlane.wire.headers import EVERY_ANSWER
from events.models import TriggerMatch
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import command, pipeline, task, trigger, whole
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


def put(client: ApiClient, project: Project, specs: Any, query: str = "", **headers: str) -> Any:
    return client.put(f"/projects/id/{project.pk}/resources{query}", {"specs": specs}, **headers)


def shown(resource: Resource) -> dict[str, Any]:
    return {
        "id": resource.pk,
        "org_id": resource.project.organization_id,
        "project_id": resource.project_id,
        "creation_time": resource.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "update_time": resource.update_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "disabled": resource.disabled,
        "made_by": "deployment",
        "spec": resource.spec,
    }


def problems(response: Any) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body"), response.content
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_deploy_works_without_naming_the_project_in_a_header(house):
    response = put(client_of(house.admin), house.project, whole())

    assert (response.status_code, response.content, dict(response.headers)) == (204, b"", EVERY_ANSWER)
    assert sorted(row.name for row in house.project.resources.all()) == ["greet", "greetings", "guests", "hello"]


def test_deploy_ignores_the_project_header(house):
    assert put(client_of(house.admin), house.project, [task()], x_eventline_project_id="nonsense").status_code == 204


@pytest.mark.parametrize("query", ["?dry-run=", "?dry-run", "?dry-run=false"])
def test_dry_run_is_there_or_not(client, house, query):
    response = put(client, house.project, whole(), query)

    assert (response.status_code, response.content) == (204, b"")
    assert not Resource.objects.exists()
    assert problems(put(client, house.project, [None], query)) == [("/specs/0", "must be a JSON object")]


def test_deploy_tells_every_problem_and_changes_nothing(client, house):
    put(client, house.project, whole())

    specs = [task("a"), task("b"), task("c"), pipeline("d", {"task": "x", "nb_retries": -1}, {"nope": 1}), task("e")]

    assert problems(put(client, house.project, specs)) == [
        ("/specs/3/data/tasks/0/nb_retries", "must be from 0 to 100"),
        ("/specs/3/data/tasks/1", "member 'task' is missing"),
        ("/specs/3/data/tasks/1", "member 'nope' is unknown"),
        ("/specs/3/data/tasks/0/task", "there is no task 'x' among the specs"),
    ]
    assert sorted(row.name for row in house.project.resources.all()) == ["greet", "greetings", "guests", "hello"]


@pytest.mark.parametrize(
    "body, expected",
    [
        (None, [("", "member 'specs' is missing")]),
        ({"specs": None}, [("", "member 'specs' is missing")]),
        ([], [("", "must be a JSON object")]),
        ({"specs": {}}, [("/specs", "must be an array")]),
        ({"specs": "x"}, [("/specs", "must be an array")]),
        ({"specs": [], "dry_run": True}, [("", "member 'dry_run' is unknown")]),
        ({"specs": [1, []]}, [("/specs/0", "must be a JSON object"), ("/specs/1", "must be a JSON object")]),
    ],
)
def test_deploy_of_what_is_no_set(client, house, body, expected):
    assert problems(client.put(f"/projects/id/{house.project.pk}/resources", body)) == expected


def test_deploy_of_an_empty_set_deletes_everything(client, house):
    put(client, house.project, whole())

    assert put(client, house.project, []).status_code == 204
    assert client.get("/resources").json() == {"elements": []}


@pytest.mark.parametrize("query", ["", "?dry-run="])
def test_deploy_is_for_admins_and_needs_its_own_right(house, query):
    bob = make_account(house.organization, "bob")
    path = f"/projects/id/{house.project.pk}/resources{query}"

    for client in (client_of(bob), client_of(house.admin, "read", "write")):
        refused = client.put(path, {"specs": whole()})
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert not Resource.objects.exists()
    assert client_of(house.admin, "deploy").put(path, {"specs": whole()}).status_code == 204


def test_deploy_to_somebody_elses_project(house, client):
    other = make_house("other", "charlie")
    sibling = Project.objects.create(organization=house.organization, name="sibling")
    tied = client_of(house.admin, tied_to=sibling)

    for asking, project in ((client, other.project), (tied, house.project)):
        response = put(asking, project, whole())
        assert (response.status_code, response.json()["code"]) == (404, "unknown_project")
    response = client.put("/projects/id/nonsense/resources", {"specs": []})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_route_variable")
    assert not Resource.objects.exists()


def test_deploy_takes_large_sources_but_not_endless_ones(client, house, settings):
    large = task(steps=[{"code": "#" * 5_000_000}])

    assert put(client, house.project, [large]).status_code == 204
    settings.EVENTLANE_MAX_REQUEST_BYTES = 4_000_000
    response = put(client, house.project, [large])
    assert (response.status_code, response.json()["code"]) == (413, "request_too_large")


def test_get(client, house):
    put(client, house.project, [task("x"), pipeline("p", {"task": "x"}), command("x", pipelines=["p"])])
    one = house.project.resources.get(type="command")

    response = client.get(f"/resources/id/{one.pk}")
    assert (response.status_code, response.json()) == (200, shown(one))
    assert response.json()["spec"]["data"] == {"parameters": [], "pipelines": ["p"]}
    assert is_id(one.pk) and list(response.json()["spec"]) == ["type", "version", "name", "data"]
    assert client.get("/resources/type/command/name/x").json() == shown(one)
    assert client.get("/resources/type/task/name/x").json()["spec"]["type"] == "task"


@pytest.mark.parametrize(
    "path", ["type/job/name/greet", "type/task/name/no", "type/task/name/A", "type/task/name/a%00"]
)
def test_get_what_is_not_there(client, house, path):
    deploy(house.project, whole())

    for unknown in (path, f"id/{new_id()}"):
        response = client.get(f"/resources/{unknown}")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_resource")


def test_list_in_pages(client, house):
    deploy(house.project, [task(name) for name in "dbac"])

    page = client.get("/resources?sort=name&size=3").json()
    assert [element["spec"]["name"] for element in page["elements"]] == ["a", "b", "c"]
    rest = client.get(f"/resources?sort=name&size=3&after={page['next']['after']}").json()
    assert [element["spec"]["name"] for element in rest["elements"]] == ["d"]
    ids = [element["id"] for element in client.get("/resources?order=desc").json()["elements"]]
    assert ids == sorted(ids, reverse=True) and len(ids) == 4
    assert client.get("/resources?sort=type").json()["code"] == "invalid_query_parameter"


def test_list_of_one_type(client, house):
    deploy(house.project, [task(), pipeline(), *(command(f"c{number:02}") for number in range(25))])

    first = client.get("/resources?type=command&size=20").json()
    second = client.get(f"/resources?type=command&size=20&after={first['next']['after']}").json()

    elements = first["elements"] + second["elements"]
    assert len(elements) == 25 and {element["spec"]["type"] for element in elements} == {"command"}
    assert len(client.get("/resources?type=").json()["elements"]) == 20
    assert client.get("/resources?type=trigger").json() == {"elements": []}
    refused = client.get("/resources?type=job")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_query_parameter")
    assert (
        "must be one of trigger, command, pipeline, task, query, dashboard, alert, channel" in refused.json()["error"]
    )


def test_list_costs_the_same_for_few_and_many(client, house, django_assert_num_queries):
    deploy(house.project, [task(f"t{number}") for number in range(100)])
    client.get("/resources")  # writes the key's last use

    with django_assert_num_queries(3):
        assert len(client.get("/resources?size=100").json()["elements"]) == 100


def test_resources_of_others_are_unknown(house, client):
    other = make_house("other", "charlie")
    sibling = Project.objects.create(organization=house.organization, name="sibling")
    for project in (other.project, sibling):
        deploy(project, [task()])
        one = project.resources.get()
        for method, path in (("GET", ""), ("POST", "/enable"), ("POST", "/disable")):
            response = client.send(method, f"/resources/id/{one.pk}{path}")
            assert (response.status_code, response.json()["code"]) == (404, "unknown_resource")
        one.refresh_from_db()
        assert not one.disabled
    assert client.get("/resources").json() == {"elements": []}
    assert client.get("/resources/type/task/name/greet").json()["code"] == "unknown_resource"


def test_trigger_on_a_dataset_tells_what_it_did_not_fire(client, house):
    deploy(house.project, [task(), pipeline(), trigger("storm", connector="dataset", event="logs"), trigger()])
    storm, guests = (Resource.objects.get(project=house.project, name=name) for name in ("storm", "guests"))
    row = {"trigger_id": storm.pk, "dataset": "logs", "event_time": storm.creation_time, "event": b"{}"}
    TriggerMatch.objects.bulk_create(TriggerMatch(**row) for _ in range(7))
    told = client.get(f"/resources/id/{storm.pk}").json()["not_fired"]
    assert told == {"waiting": 7, "dropped": 0, "suppressed": 0}
    told = client.post(f"/resources/id/{storm.pk}/disable").json()["not_fired"]
    assert told == {"waiting": 0, "dropped": 7, "suppressed": 0}
    assert "not_fired" not in client.get(f"/resources/id/{guests.pk}").json()


def test_disable_and_enable(client, house):
    put(client, house.project, whole())
    guests = house.project.resources.get(name="guests")

    for _ in range(2):
        response = client.post(f"/resources/id/{guests.pk}/disable")
        assert (response.status_code, response.json()) == (200, shown(guests) | {"disabled": True})
    put(client, house.project, [*whole()[:3], trigger(event="friend")])
    assert client.get(f"/resources/id/{guests.pk}").json()["disabled"] is True
    response = client.post(f"/resources/id/{guests.pk}/enable")
    assert (response.status_code, response.json()["disabled"]) == (200, False)
    assert Resource.objects.filter(disabled=True).count() == 0


def test_disable_needs_the_right_to_write(house):
    deploy(house.project, [task()])

    response = client_of(house.admin, "read", project=house.project).post(
        f"/resources/id/{house.project.resources.get().pk}/disable"
    )

    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
