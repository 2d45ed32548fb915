"""/v0/commands and /v0/command_executions."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from eventline.command_execution import CommandExecution as SdkExecution
from eventline.pagination import Page as SdkPage

from eventlane.ids import new_id
from pipelines.command_executions import execute_command
from pipelines.models import CommandExecution, Pipeline, PlatformEvent, Resource
from tests.factories import House, disable, make_account, make_command, make_definition, make_house, make_trigger
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db

VERSION = {"name": "version", "type": "string", "default": "latest"}
COUNT = {"name": "count", "type": "integer"}


@pytest.fixture
def house() -> House:
    house = make_house("acme", "alice")
    make_definition(house.project)
    return house


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


@pytest.fixture
def command(house: House) -> Resource:
    return make_command(house.project, VERSION, COUNT)


def problems(response: HttpResponse) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body"), response.content
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def test_execute_works(client, house, command):
    response = client.post(f"/commands/id/{command.pk}/execute", {"parameters": {"count": 2}})

    execution = CommandExecution.objects.get()
    assert response.status_code == 200
    assert response.json() == {
        "id": execution.pk,
        "org_id": house.organization.pk,
        "project_id": house.project.pk,
        "executor_id": house.admin.pk,
        "execution_time": execution.execution_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command_id": command.pk,
        "parameters": {"version": "latest", "count": 2},
        "event_id": PlatformEvent.objects.get().pk,
        "pipeline_ids": [Pipeline.objects.get().pk],
    }
    assert client.get(f"/command_executions/id/{execution.pk}").json() == response.json()
    read = SdkExecution()
    read._read(response.json())
    assert (read.executor_id, read.pipeline_ids) == (house.admin.pk, execution.pipeline_ids)


@pytest.mark.parametrize(
    "body",
    [
        {"parameters": {"count": 2, "version": None}},
        {"parameters": {"count": 2}, "other": None},
        {"count": 2},
        {"count": 2, "parameters": None},
    ],
)
def test_both_forms_of_the_body(client, command, body):
    shown = client.post(f"/commands/id/{command.pk}/execute", body).json()

    assert shown["parameters"] == {"version": "latest", "count": 2}


@pytest.mark.parametrize("body", [None, b"", b" \n", {}, {"parameters": {}}, {"parameters": None}])
def test_no_values_are_needed_where_all_have_defaults(client, house, body):
    command = make_command(house.project, VERSION)

    shown = client.post(f"/commands/id/{command.pk}/execute", body).json()

    assert shown["parameters"] == {"version": "latest"}


def test_parameter_that_is_called_parameters(client, house):
    command = make_command(house.project, {"name": "parameters", "type": "string"})

    for body in ({"parameters": "x"}, {"parameters": {"parameters": "x"}}):
        shown = client.post(f"/commands/id/{command.pk}/execute", body).json()
        assert shown["parameters"] == {"parameters": "x"}


@pytest.mark.parametrize(
    "body, expected",
    [
        (None, [("", "parameter 'count' is missing: it has no default")]),
        ({"parameters": {}}, [("/parameters", "parameter 'count' is missing: it has no default")]),
        ([1], [("", "must be a JSON object")]),
        ("x", [("", "must be a JSON object")]),
        ({"parameters": {"count": "2"}}, [("/parameters/count", "must be an integer")]),
        ({"count": "2"}, [("/count", "must be an integer")]),
        ({"count": 2, "a": 1}, [("", "there is no parameter 'a'")]),
        ({"parameters": {"count": 2}, "a": 1}, [("", "member 'a' is unknown")]),
        ({"parameters": {"count": 2, "version": "\0"}},
         [("/parameters/version", "must not hold U+0000 or half of a surrogate pair")]),
    ],
)  # fmt: skip
def test_execute_refuses(client, command, body, expected):
    assert problems(client.post(f"/commands/id/{command.pk}/execute", body)) == expected
    assert not PlatformEvent.objects.exists()


def test_execute_refuses_what_is_no_json(client, command):
    response = client.post(f"/commands/id/{command.pk}/execute", b"{")

    assert problems(response)[0][0] == "" and response.headers["Connection"] == "close"


def test_disabled_command(client, command):
    disable(command)
    path = f"/commands/id/{command.pk}/execute"

    assert problems(client.post(path)) != []  # the body comes before the state
    response = client.post(path, {"count": 1})
    assert (response.status_code, response.json()["code"]) == (400, "resource_disabled")


def test_command_that_is_not_there(client, house):
    other = make_house("other", "charlie")
    strange, trigger = make_command(other.project), make_trigger(house.project)

    for command_id, status, code in (
        (new_id(), 404, "unknown_resource"),
        (strange.pk, 404, "unknown_resource"),
        (trigger.pk, 404, "unknown_resource"),
        ("nonsense", 400, "invalid_route_variable"),
    ):
        response = client.post(f"/commands/id/{command_id}/execute")
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert not PlatformEvent.objects.exists()


def test_users_may_execute_too(house, command):
    bob = make_account(house.organization, "bob")

    shown = client_of(bob, project=house.project).post(f"/commands/id/{command.pk}/execute", {"count": 1}).json()

    assert shown["executor_id"] == bob.pk


def test_execution_outlives_its_command_and_its_executor(client, house, command):
    bob = make_account(house.organization, "bob")
    execution = execute_command(command, {"count": 1}, bob)
    bob.delete()
    command.delete()

    shown = client.get(f"/command_executions/id/{execution.pk}").json()

    assert shown["command_id"] == execution.command_id and "executor_id" not in shown
    read = SdkExecution()
    read._read(shown)
    assert read.executor_id is None


def test_execution_that_is_not_there(client):
    other = make_house("other", "charlie")
    strange = execute_command(make_command(other.project), {}, None)

    for execution_id, status, code in (
        (new_id(), 404, "unknown_command_execution"),
        (strange.pk, 404, "unknown_command_execution"),
        ("nonsense", 400, "invalid_route_variable"),
    ):
        response = client.get(f"/command_executions/id/{execution_id}")
        assert (response.status_code, response.json()["code"]) == (status, code)


def listed(client: ApiClient, query: str) -> list[str]:
    response = client.get(f"/command_executions?{query}")
    assert response.status_code == 200, response.content
    return [element["id"] for element in response.json()["elements"]]


def test_list(client, house, command):
    other = make_house("other", "charlie")
    execute_command(make_command(other.project), {}, None)
    releases = [execute_command(command, {"count": number}, house.admin) for number in range(3)]
    checks = execute_command(make_command(house.project, name="check"), {}, None)
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    for days, execution in enumerate((releases[1], checks, releases[0], releases[2])):
        CommandExecution.objects.filter(pk=execution.pk).update(execution_time=moment + timedelta(days=days))

    by_time = [releases[1].pk, checks.pk, releases[0].pk, releases[2].pk]
    assert listed(client, "") == sorted(by_time)
    assert listed(client, "sort=execution_time") == by_time
    assert listed(client, f"sort=execution_time&order=desc&command={command.pk}") == [
        by_time[3],
        by_time[2],
        by_time[0],
    ]
    assert listed(client, f"command={checks.command_id}") == [checks.pk]
    assert listed(client, f"command={new_id()}") == []
    assert client.get("/command_executions?command=x").json()["code"] == "invalid_query_parameter"
    read = SdkPage(SdkExecution)
    read._read(client.get("/command_executions?size=2").json())
    assert len(read.elements) == 2 and read.next.size == 2


def test_list_costs_the_same_for_one_and_for_many(client, house, command):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/command_executions?size=100").status_code == 200
        return len(captured)

    client.get("/org")  # writes the key's last use
    execute_command(command, {"count": 0}, house.admin)
    one = count()
    for number in range(30):
        execute_command(command, {"count": number}, house.admin)

    assert count() == one == 3
