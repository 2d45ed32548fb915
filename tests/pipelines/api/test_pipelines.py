"""/v0/pipelines, their scratchpads and /v0/tasks."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from pipelines.execution.tasks import claim_task, finish_task
from pipelines.models import Pipeline, Task, TaskStep
from tests.factories import House, make_definition, make_house, make_resource, start
from tests.platform_api import ApiClient, client_of

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = "23BxCU5Dh90B3XVF4UrkWrnjdCO"
PYTHON_CLIENT = {"user_agent": "python-urllib3/2.8.0"}


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


@pytest.fixture
def pipeline(house: House) -> Pipeline:
    return start(make_definition(house.project, {"name": "a"}, {"name": "b", "dependencies": ["a"]}))


def run_all(pipeline: Pipeline, failure: str | None = None) -> None:
    while task := pipeline.tasks.filter(queued=True).first():
        finish_task(claim_task(task.pk, pipeline.pk, task.attempt, "node/1"), failure)


def text(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def code(response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_pipeline_works(client, pipeline, house):
    response = client.get(f"/pipelines/id/{pipeline.pk}")

    assert response.json() == {
        "id": pipeline.pk,
        "org_id": house.organization.pk,
        "project_id": house.project.pk,
        "name": "deploy",
        "creation_time": text(pipeline.creation_time),
        "pipeline_id": pipeline.definition_id,
        "event_id": pipeline.event_id,
        "event_time": text(pipeline.event_time),
        "concurrent": False,
        "status": "created",
    }
    assert client.get("/pipelines").json() == {"elements": [response.json()]}


def test_finished_pipeline_has_its_times(client, pipeline):
    run_all(pipeline)
    pipeline.refresh_from_db()

    shown = client.get(f"/pipelines/id/{pipeline.pk}").json()
    assert (shown["status"], shown["start_time"], shown["end_time"]) == (
        "successful", text(pipeline.start_time), text(pipeline.end_time),
    )  # fmt: skip


def test_deleted_definition_is_left_out(client, pipeline):
    pipeline.definition.delete()

    assert "pipeline_id" not in client.get(f"/pipelines/id/{pipeline.pk}").json()


@pytest.mark.parametrize("path", ["pipelines", "tasks"])
def test_python_client_gets_times_that_it_can_read(client, pipeline, path):
    [shown, *_] = client.get(f"/{path}", **PYTHON_CLIENT).json()["elements"]
    [plain, *_] = client.get(f"/{path}").json()["elements"]

    assert shown == plain | {"start_time": "1970-01-01T00:00:00Z", "end_time": "1970-01-01T00:00:00Z"}


def test_pipelines_by_event_time(client, house):
    definition = make_definition(house.project, concurrent=True)
    now = timezone.now()
    made = [start(definition, event_time=now - timezone.timedelta(minutes=minute)) for minute in (2, 1, 3)]

    first = client.get("/pipelines?sort=event_time&order=desc&size=2").json()
    assert [one["id"] for one in first["elements"]] == [made[1].pk, made[0].pk]
    rest = client.get(f"/pipelines?sort=event_time&order=desc&size=2&after={first['next']['after']}").json()
    assert [one["id"] for one in rest["elements"]] == [made[2].pk]


def test_abort(client, pipeline):
    assert client.post(f"/pipelines/id/{pipeline.pk}/abort").status_code == 204
    assert client.get(f"/pipelines/id/{pipeline.pk}").json()["status"] == "aborted"
    assert code(client.post(f"/pipelines/id/{pipeline.pk}/abort")) == (400, "pipeline_finished")


def test_abort_queued(client, house):
    waiting = make_definition(house.project)
    other = make_definition(house.project, name="other", concurrent=True)
    trigger, command = (make_resource(house.project, kind, "mine", {}) for kind in ("trigger", "command"))
    running, *queued = [start(waiting, trigger_id=trigger.pk) for _ in range(4)]
    others = [start(other, command_id=command.pk), start(other)]
    task = running.tasks.get()
    assert claim_task(task.pk, running.pk, task.attempt, "node/1")

    assert client.post("/pipelines/abort_queued", {"trigger_id": trigger.pk}).json() == {"pipelines": 3, "events": 0}
    assert [statuses(*queued), statuses(running, *others)] == [{"aborted"}, {"started", "created"}]
    assert client.post("/pipelines/abort_queued", {"command_id": command.pk}).json()["pipelines"] == 1
    assert client.post("/pipelines/abort_queued", {"name": "other"}).json()["pipelines"] == 1
    jobs = ProcrastinateJob.objects.filter(status="todo", args__pipeline__in=[one.pk for one in others])
    assert statuses(*others) == {"aborted"} and not jobs.exists()
    again = start(waiting)
    assert finish_task(task)
    assert Pipeline.objects.get(pk=again.pk).admitted  # nobody aborted has the slot


def test_abort_queued_needs_to_know_which(client, house):
    response = client.post("/pipelines/abort_queued", {})
    assert code(response) == (400, "invalid_request_body") and "is missing" in response.content.decode()
    assert code(client.post("/pipelines/abort_queued", {"trigger_id": "x"})) == (400, "invalid_request_body")
    assert client.post("/pipelines/abort_queued", {"trigger_id": UNKNOWN}).json() == {"pipelines": 0, "events": 0}


def statuses(*pipelines):
    return set(Pipeline.objects.filter(pk__in=[one.pk for one in pipelines]).values_list("status", flat=True))


def test_restart(client, pipeline):
    path = f"/pipelines/id/{pipeline.pk}"
    assert code(client.post(f"{path}/restart")) == (400, "pipeline_not_finished")
    run_all(pipeline)
    assert code(client.post(f"{path}/restart_from_failure")) == (400, "pipeline_not_failed")
    assert client.post(f"{path}/restart").status_code == 204
    run_all(pipeline, "boom")
    assert client.get(path).json()["status"] == "failed"
    assert client.post(f"{path}/restart_from_failure").status_code == 204
    run_all(pipeline)
    assert client.get(path).json()["status"] == "successful"


def test_task_works(client, pipeline, house):
    [a, b] = [pipeline.tasks.get(name=name) for name in "ab"]

    assert client.get(f"/tasks/id/{b.pk}").json() == {
        "id": b.pk,
        "org_id": house.organization.pk,
        "project_id": house.project.pk,
        "pipeline_id": pipeline.pk,
        "pipeline_task": {"task": "noop", "name": "b", "dependencies": ["a"]},
        "task_id": b.definition_id,
        "task_identities": [],
        "spec": b.spec,
        "instance_id": 1,
        "status": "created",
        "dependencies": ["a"],
        "retry": 0,
    }
    assert {one["id"] for one in client.get("/tasks").json()["elements"]} == {a.pk, b.pk}


def test_failed_task_says_why(client, pipeline):
    run_all(pipeline, "exit status 3")

    task = Task.objects.get(name="a")
    assert client.get(f"/tasks/id/{task.pk}").json()["failure_message"] == "exit status 3"


def test_tasks_of_a_pipeline(client, pipeline, house):
    other = start(make_definition(house.project, name="other"))

    assert len(client.get(f"/tasks?pipeline_id={pipeline.pk}").json()["elements"]) == 2
    assert len(client.get(f"/tasks?pipeline_id={other.pk}").json()["elements"]) == 1
    assert client.get(f"/tasks?pipeline_id={UNKNOWN}").json() == {"elements": []}
    assert code(client.get("/tasks?pipeline_id=x")) == (400, "invalid_query_parameter")


def test_steps_of_a_task(client, pipeline):
    task = pipeline.tasks.get(name="a")
    begin = timezone.now()
    TaskStep.objects.create(
        task=task,
        position=0,
        label="Build",
        start_time=begin,
        end_time=begin,
        exit_code=0,
        output="ok\n",
        output_bytes=3,
    )
    TaskStep.objects.create(task=task, position=1, start_time=begin, output="…", output_bytes=9, truncated=True)

    shown = client.get(f"/tasks/id/{task.pk}/steps").json()
    moment = text(begin)
    assert shown == {
        "status": "created",
        "steps": [
            {
                "position": 0, "label": "Build", "start_time": moment, "end_time": moment, "exit_code": 0,
                "output": "ok\n", "output_bytes": 3, "truncated": False,
            },
            {
                "position": 1, "label": "", "start_time": moment,
                "output": "…", "output_bytes": 9, "truncated": True,
            },
        ],
    }  # fmt: skip


@pytest.mark.parametrize("value", [b"hello", b"", "grüße\n".encode(), b'{"not": "json'])
@pytest.mark.parametrize("key", ["k", "a/b//c", "%C3%BC%20x", "x.json"])
def test_scratchpad_keeps_texts(client, pipeline, key, value):
    path = f"/pipelines/id/{pipeline.pk}/scratchpad/key/{key}"
    assert client.put(path, b"first").status_code == 204
    assert client.put(path, value).status_code == 204

    response = client.get(path, accept="application/json")
    assert (response.content, response.headers["Content-Type"]) == (value, "text/plain")


def test_scratchpad_as_a_whole(client, pipeline):
    path = f"/pipelines/id/{pipeline.pk}/scratchpad"
    assert client.get(path).json() == {}
    client.put(f"{path}/key/b", b"2")
    client.put(f"{path}/key/a", b"1")
    assert client.get(path).json() == {"a": "1", "b": "2"}

    assert client.delete(f"{path}/key/a").status_code == 204
    assert client.delete(f"{path}/key/a").status_code == 204
    assert code(client.get(f"{path}/key/a")) == (404, "unknown_scratchpad_entry")
    response = client.delete(path)
    assert (response.status_code, response.content, "Content-Type" in response.headers) == (204, b"", False)
    assert client.get(path).json() == {}


def test_scratchpad_value_must_be_text(client, pipeline, settings):
    settings.EVENTLANE_MAX_SCRATCHPAD_VALUE_BYTES = 10
    path = f"/pipelines/id/{pipeline.pk}/scratchpad/key"

    assert client.put(f"{path}/k", b"1234567890").status_code == 204
    for bad in (b"12345678901", b"\xff", b"a\0b"):
        assert code(client.put(f"{path}/k", bad)) == (400, "invalid_request_body")
    assert code(client.put(f"{path}/{'k' * 256}", b"v")) == (400, "invalid_request_body")
    assert code(client.put(f"{path}/k%00", b"v")) == (400, "invalid_request_body")
    assert code(client.get(f"{path}/k%00")) == (404, "unknown_scratchpad_entry")


PATHS = ["", "/abort", "/restart", "/restart_from_failure", "/scratchpad", "/scratchpad/key/k"]


@pytest.mark.parametrize("tail", PATHS)
def test_pipelines_of_others_are_unknown(pipeline, tail):
    charlie = make_house("evil", "charlie")
    stranger = client_of(charlie.admin, project=charlie.project)
    method = "POST" if tail.startswith(("/abort", "/restart")) else "GET"

    assert code(stranger.send(method, f"/pipelines/id/{pipeline.pk}{tail}")) == (404, "unknown_pipeline")


@pytest.mark.parametrize("tail", ["", "/steps"])
def test_tasks_of_others_are_unknown(pipeline, tail):
    charlie = make_house("evil", "charlie")
    stranger = client_of(charlie.admin, project=charlie.project)

    assert code(stranger.get(f"/tasks/id/{pipeline.tasks.first().pk}{tail}")) == (404, "unknown_task")
    assert stranger.get("/tasks").json() == stranger.get("/pipelines").json() == {"elements": []}


def test_read_key_changes_nothing(house, pipeline):
    reader = client_of(house.admin, "read", project=house.project)
    path = f"/pipelines/id/{pipeline.pk}"

    for method, tail in [("POST", "/abort"), ("POST", "/restart"), ("DELETE", "/scratchpad"), ("PUT", PATHS[-1])]:
        assert code(reader.send(method, path + tail)) == (403, "permission_denied")


@pytest.mark.parametrize("path", ["/pipelines", "/tasks"])
def test_listing_has_no_n_plus_1(client, house, path):
    definition = make_definition(house.project, concurrent=True)
    counts = []
    for _ in range(2):
        start(definition)
        client.get(path)
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        counts.append(len(captured))
    assert counts[0] == counts[1]
