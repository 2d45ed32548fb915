"""/v0/events: the events of the platform API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from eventline.event import Event as SdkEvent
from eventline.pagination import Page as SdkPage

from eventlane.ids import new_id
from pipelines.api.platform_events import PlatformEventRepresentation
from pipelines.command_executions import execute_command
from pipelines.models import Pipeline, PlatformEvent
from pipelines.runtimes.environment import event_object, task_environment
from tests.factories import House, make_command, make_definition, make_event, make_house, make_trigger
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db

ID = "23BxCU5Dh90B3XVF4UrkWrnjdCO"
HELLO = {"connector": "custom", "name": "hello", "data": {"a": 1}}
UNSTORABLE = "must not hold U+0000 or half of a surrogate pair"


@pytest.fixture
def house() -> House:
    house = make_house("acme", "alice")
    make_definition(house.project)
    return house


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


def problems(response: HttpResponse) -> list[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body"), response.content
    return [(problem["pointer"], problem["reason"]) for problem in response.json()["data"]["jsv_errors"]]


def read_by_sdk(shown: dict[str, Any]) -> SdkEvent:
    """Return an event as the published client reads it; it raises for a member that it misses."""
    event = SdkEvent()
    event._read(shown)
    return event


def listed(client: ApiClient, query: str) -> list[str]:
    response = client.get(f"/events?{query}")
    assert response.status_code == 200, response.content
    return [element["id"] for element in response.json()["elements"]]


def test_create_works(client, house):
    trigger = make_trigger(house.project)

    response = client.post("/events", HELLO | {"event_time": "2030-01-01T01:02:03.999999999+01:00"})

    event = PlatformEvent.objects.get()
    assert response.status_code == 201
    assert response.json() == [
        {
            "id": event.pk,
            "org_id": house.organization.pk,
            "project_id": house.project.pk,
            "trigger_id": trigger.pk,
            "creation_time": event.creation_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "event_time": "2030-01-01T00:02:03Z",
            "connector": "custom",
            "name": "hello",
            "data": {"a": 1},
            "processed": True,
            "original_event_id": None,
        }
    ]
    assert Pipeline.objects.get().event == event
    assert client.get(f"/events/id/{event.pk}").json() == response.json()[0]
    assert read_by_sdk(response.json()[0]).event_time == datetime(2030, 1, 1, 0, 2, 3, tzinfo=UTC)


def test_create_shows_one_event_for_each_trigger(client, house):
    assert client.post("/events", HELLO).json() == [] and not PlatformEvent.objects.exists()
    for number in range(3):
        make_trigger(house.project, f"t-{number}")

    assert len(client.post("/events", HELLO).json()) == 3


@pytest.mark.parametrize(
    "connector, name",
    [("custom", "x"), ("webhook", "x"), ("dataset", "logs"), ("time", "tick"), ("github", "push"), ("github", "raw")],
)
def test_create_takes_what_connectors_have(client, house, connector, name):
    make_trigger(house.project, connector=connector, event=name, parameters={"organization": "acme"})

    body = {"connector": connector, "name": name, "data": {}, "event_time": None}
    assert [event["name"] for event in client.post("/events", body).json()] == [name]


@pytest.mark.parametrize(
    "body, expected",
    [
        (None, [("", f"member '{name}' is missing") for name in ("connector", "name", "data")]),
        ([], [("", "must be a JSON object")]),
        (HELLO | {"connector": "slack"}, [("/connector", '"slack" is not a valid choice')]),
        (HELLO | {"connector": "command", "name": "execution"}, [("/connector", '"command" is not a valid choice')]),
        (HELLO | {"connector": ["custom"]}, [("/connector", "\"['custom']\" is not a valid choice")]),
        (HELLO | {"connector": "time", "name": "tock"}, [("/name", "the connector has no such event")]),
        (HELLO | {"connector": "github"}, [("/name", "the connector has no such event")]),
        (HELLO | {"data": [1]}, [("/data", "must be a JSON object")]),
        (HELLO | {"data": None}, [("", "member 'data' is missing")]),
        (HELLO | {"data": {"a/b": ["", "\0"]}}, [("/data/a~1b/1", UNSTORABLE)]),
        (HELLO | {"data": {"\0": 1}}, [("/data", "the name of member '\\x00' must be a string without U+0000")]),
        (HELLO | {"event_time": "yesterday"}, [("/event_time", "must be a date like 2021-10-15T15:07:39Z")]),
        (HELLO | {"a/b": 1}, [("", "member 'a/b' is unknown")]),
    ],
)
def test_create_refuses(client, house, body, expected):
    make_trigger(house.project)

    assert problems(client.post("/events", body)) == expected
    assert not PlatformEvent.objects.exists()


def test_create_refuses_a_name_outside_the_rule(client):
    assert [pointer for pointer, _ in problems(client.post("/events", HELLO | {"name": "No Name"}))] == ["/name"]


def test_create_refuses_data_that_pages_could_not_be_made_of(client, settings):
    settings.EVENTLANE_MAX_EVENT_DATA_BYTES = 1024
    assert client.post("/events", HELLO | {"data": {"a": "x" * 1016}}).status_code == 201

    assert problems(client.post("/events", HELLO | {"data": {"a": "x" * 1017}})) == [
        ("/data", "must be at most 1024 bytes of JSON")
    ]


def test_data_comes_back_as_it_was(client, house):
    make_trigger(house.project)
    data = {"": [None, True, -1.5, 10**30, 1e-7, "é\U0001f600"], "nested": {"null": None, "deep": [[{}]]}}

    [event] = client.post("/events", HELLO | {"data": data}).json()

    assert event["data"] == data == client.get(f"/events/id/{event['id']}").json()["data"]


def test_event_of_a_command_has_its_id_and_no_trigger_s(client, house):
    command = make_command(house.project)
    execution = execute_command(command, {}, house.admin)

    shown = client.get(f"/events/id/{execution.event_id}").json()

    assert shown["command_id"] == command.pk and "trigger_id" not in shown
    read = read_by_sdk(shown)
    assert (read.command_id, read.trigger_id, read.original_event_id) == (command.pk, None, None)


@pytest.mark.parametrize("path", ["/events/id/{}/replay", "/events/{}/replay"])
def test_replay_works(client, house, path):
    make_trigger(house.project)
    [event] = client.post("/events", HELLO).json()

    response = client.post(path.format(event["id"]))

    copy = response.json()
    assert response.status_code == 200 and copy["id"] != event["id"]
    assert copy == event | {key: copy[key] for key in ("id", "creation_time")} | {"original_event_id": event["id"]}
    assert read_by_sdk(copy).original_event_id == event["id"]
    assert Pipeline.objects.filter(event=copy["id"]).count() == 1


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/events/id/{}"), ("POST", "/events/id/{}/replay"), ("POST", "/events/{}/replay")],
)
def test_event_that_is_not_there(client, house, method, path):
    other = make_house("other", "charlie")
    strange = make_event(other.project)

    for event_id, status, code in (
        (new_id(), 404, "unknown_event"),
        (strange.pk, 404, "unknown_event"),
        ("nonsense", 400, "invalid_route_variable"),
    ):
        response = client.send(method, path.format(event_id))
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert PlatformEvent.objects.count() == 1


def test_list_shows_the_project_s_events_only(client, house):
    other = make_house("other", "charlie")
    make_event(other.project)
    event = make_event(house.project, trigger_id=new_id())

    page = client.get("/events").json()
    assert [element["id"] for element in page["elements"]] == [event.pk]
    read = SdkPage(SdkEvent)
    read._read(page)
    assert read.elements[0].trigger_id == event.trigger_id


def test_list_by_time_with_ties(client, house):
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    events = [make_event(house.project, event_time=noon + timedelta(hours=number // 3)) for number in range(9)]
    expected = [event.pk for event in sorted(events, key=lambda event: (event.event_time, event.pk))]

    found, query = [], "sort=event_time&size=2"
    while query:
        page = client.get(f"/events?{query}").json()
        found += [element["id"] for element in page["elements"]]
        query = "&".join(f"{name}={value}" for name, value in page["next"].items()) if "next" in page else ""

    assert found == expected
    assert listed(client, "sort=event_time&order=desc") == expected[::-1]
    assert client.get("/events?sort=name").json()["code"] == "invalid_query_parameter"


def test_filters(client, house):
    make_trigger(house.project)
    make_trigger(house.project, "push", connector="github", event="push", parameters={"organization": "acme"})
    [hello] = client.post("/events", HELLO).json()
    [push] = client.post("/events", {"connector": "github", "name": "push", "data": {}}).json()
    pushed = make_event(house.project, name="push").pk
    [pipeline] = Pipeline.objects.filter(event=push["id"])

    assert listed(client, "connector=github") == [push["id"]]
    assert set(listed(client, "name=push")) == {push["id"], pushed}
    assert listed(client, "connector=custom&name=push") == [pushed]
    assert listed(client, "connector=cust") == listed(client, "name=%25") == []
    assert listed(client, f"pipeline_id={pipeline.pk}") == [push["id"]]
    assert listed(client, f"pipeline_id={pipeline.pk}&connector=custom") == []
    assert listed(client, f"pipeline_id={new_id()}") == []
    assert set(listed(client, "connector=&name=&pipeline_id=")) == {hello["id"], push["id"], pushed}


def test_pipeline_of_another_project_is_no_way_to_its_event(client):
    other = make_house("other", "charlie")
    make_definition(other.project)
    make_trigger(other.project)
    client_of(other.admin, project=other.project).post("/events", HELLO)

    assert listed(client, f"pipeline_id={Pipeline.objects.get().pk}") == []


@pytest.mark.parametrize("query", ["pipeline_id=x", "connector=%00", "name=%00", f"name={'x' * 201}"])
def test_filter_that_cannot_be(client, query):
    response = client.get(f"/events?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_query_parameter")


def test_list_costs_the_same_for_one_and_for_a_hundred(client, house):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/events?size=100").status_code == 200
        return len(captured)

    client.get("/org")  # writes the key's last use
    make_event(house.project)
    one = count()
    for _ in range(120):
        make_event(house.project)

    assert count() == one == 3


def test_create_costs_the_same_for_one_and_for_many_triggers_that_start_nothing(client, house):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.post("/events", HELLO).status_code == 201
        return len(captured)

    client.get("/org")
    nothing = [{"path": "/b"}]
    make_trigger(house.project, filters=nothing)
    one = count()
    for number in range(30):
        make_trigger(house.project, f"t-{number}", filters=nothing)

    assert count() == one


@pytest.mark.parametrize("origin", [{"trigger_id": ID}, {"command_id": ID, "original_event_id": ID}])
def test_tasks_find_an_event_in_their_context_as_the_api_shows_it(house, origin):
    event = make_event(house.project, **origin)

    assert event_object(event) == PlatformEventRepresentation.show(event)


DIGITS = [
    "0.1234567890123456789",
    "-123456789012345678901234567890.5",
    "12345678901234567890123",
    "0.1000000000000000055511151231257827",  # what a float of 0.1 really is
    "0." + "7" * 3000,
]


@pytest.mark.parametrize("number", DIGITS)
def test_numbers_keep_their_digits(client, house, number):
    make_trigger(house.project, filters=[{"path": "/n", "is_equal_to": json.loads(number)}])

    created = client.post("/events", b'{"connector":"custom","name":"hello","data":{"n":%s}}' % number.encode())

    event = PlatformEvent.objects.get()
    assert event.pipelines.count() == 1, "the filter compares numbers"
    replay = client.post(f"/events/id/{event.pk}/replay")
    for response in (created, client.get(f"/events/id/{event.pk}"), client.get("/events"), replay):
        assert f'"data":{{"n":{number}}}' in response.content.decode()
    task = event.pipelines.get().tasks.get()
    assert f'"data":{{"n":{number}}}' in task_environment(task).files["task/context"].decode()
