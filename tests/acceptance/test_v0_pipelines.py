"""The published Python client (PyPI `eventline` 0.2.5) on pipelines, against the real server and its real worker.

Its example scripts, in sdk_examples/, are as they were published: only the address that they connect to is replaced.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from eventline.api_client import APIClient
from eventline.command_execution import CommandExecutionInput
from eventline.event import NewEvent
from eventline.pagination import Cursor

from eventlane.ids import new_id
from tests.acceptance.test_v0_client import exchange, failure, raw
from tests.automation import Automation, local_settings
from tests.pipelines.resources.samples import command, pipeline, task, trigger
from tests.reachable import PYTHON_FOR_NOBODY
from tests.server import Server

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).with_name("sdk_examples")
PYTHON = str(Path((PYTHON_FOR_NOBODY if os.geteuid() == 0 else "") or sys.executable).resolve())
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

WHO = {"name": "who", "type": "string", "default": "world", "environment": "WHO"}
PARAMETERS = [
    {"name": "who", "type": "string", "environment": "WHO"},
    {"name": "times", "type": "number", "default": 1, "environment": "TIMES"},
    {"name": "loud", "type": "boolean", "default": False, "environment": "LOUD"},
]
GREET = 'echo "hello $WHO"\necho "${TIMES-} ${LOUD-}" >&2'
IN_A_TASK = f"""\
#!{PYTHON}
import json, os
import eventline

context = eventline.load_context()
client = eventline.APIClient(endpoint=os.environ["ENDPOINT"])
pipeline = client.get_pipeline(os.environ["EVENTLINE_PIPELINE_ID"])
client.set_scratchpad_entry(pipeline.id_, "seen", json.dumps({{
    "event": [context.event.id_, context.event.connector, context.event.name, context.event.data],
    "parameters": context.task_parameters,
    "instance": context.instance_id,
    "identities": context.identities,
    "project": client.project_id,
    "status": pipeline.status,
}}))
print("my key is", client.api_key)
"""


def needed_by(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Return an installed distribution and those that it needs."""
    if name not in found:
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # needed elsewhere: on another system, for an extra
            return found
        for requirement in found[name].requires or ():
            if "extra" not in requirement:
                needed_by(re.match(r"[\w.-]+", requirement)[0], found)
    return found


@pytest.fixture(scope="module")
def sdk() -> Iterator[Path]:
    """The client and what it needs, in a folder that tasks can reach: not in /tmp, since theirs is their own."""
    folder = Path(tempfile.mkdtemp(prefix="eventlane-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    for each in needed_by("eventline", {}).values():
        for file in each.files or ():
            if ".." not in file.parts:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def automation(sdk: Path) -> Iterator[Automation]:
    """A server of this module's own, since its tasks may read the client's folder and reach the server."""
    prefix = "" if PYTHON.startswith("/usr/") else f",{sys.base_prefix}"
    folders = f"{sdk}{prefix}"
    server = Server(EVENTLANE_TASK_FOLDERS=folders, EVENTLANE_TASK_NETWORK="true", **local_settings())
    try:
        made = Automation(server)
        made.deploy(*specs(server, sdk))
        yield made
    finally:
        print(server.log[-10_000:])
        server.close()


def specs(server: Server, sdk: Path) -> list[dict[str, Any]]:
    sdk_environment = {"PYTHONPATH": str(sdk), "ENDPOINT": f"{server.url}/v0"}
    add_identity(server)
    return [
        task("greet", parameters=[WHO], steps=[{"label": "say", "code": GREET}]),
        task("nothing", runtime={"name": "none"}, steps=[]),
        task("fail", steps=[{"code": "echo before; exit 3"}]),
        task("wait", steps=[{"code": "echo waiting; exec sleep 300"}]),
        task("sdk", steps=[{"code": IN_A_TASK}], identities=["own-key"], environment=sdk_environment, parameters=[WHO]),
        pipeline("greetings", {"task": "greet"}, concurrent=True),
        pipeline("broken", {"name": "first", "task": "nothing"}, {"task": "fail", "dependencies": ["first"]}),
        pipeline("waiting", {"task": "wait"}, concurrent=True),
        pipeline("from-inside", {"task": "sdk", "nb_instances": 1, "parameters": {"who": "me"}}, concurrent=True),
        command("hello", parameters=PARAMETERS, pipelines=["greetings"]),
        command("break", pipelines=["broken"]),
        command("wait", pipelines=["waiting"]),
        command("look-inside", pipelines=["from-inside"]),
        trigger("guests", event="guest", filters=[{"path": "/name", "matches": "^[A-Z]"}]),
        trigger("everybody", event="guest"),
    ]


def add_identity(server: Server) -> None:
    automation = Automation(server)
    values = {"name": "own-key", "connector": "eventline", "type": "api_key", "data": {"key": automation.key}}
    automation.call("POST", "/identities", values)


@pytest.fixture
def client(automation: Automation, monkeypatch: pytest.MonkeyPatch) -> APIClient:
    monkeypatch.delenv("EVENTLINE_API_KEY", raising=False)
    return APIClient(endpoint=f"{automation.server.url}/v0", api_key=automation.key, project_name="main")


def execute(client: APIClient, name: str, **values: Any) -> Any:
    return client.execute_command(client.get_resource_by_name("command", name).id_, CommandExecutionInput(values))


def run_to_end(automation: Automation, client: APIClient, name: str, status: str = "successful", **values: Any) -> Any:
    [pipeline_id] = execute(client, name, **values).pipeline_ids
    automation.wait_for(pipeline_id, status)
    return client.get_pipeline(pipeline_id)


def walk(get: Any, cursor: Cursor | None = None) -> list[Any]:
    found, cursor = [], cursor or Cursor(size=2)
    while cursor is not None:
        page = get(cursor=cursor)
        found += page.elements
        cursor = page.next
    return found


def tasks_of(client: APIClient, made: Any) -> dict[str, Any]:
    """Return a pipeline's tasks by the names of their resources."""
    found = [row for row in walk(client.get_tasks, Cursor(size=20)) if row.pipeline_id == made.id_]
    return {row.pipeline_task["task"]: row for row in found}


# Every method of the client that is about resources, events, commands, pipelines and tasks


def test_get_resources(client):
    rows = walk(client.get_resources)

    assert sorted(row.spec["name"] for row in rows if row.spec["type"] == "command") == [
        "break", "hello", "look-inside", "wait",
    ]  # fmt: skip
    assert {row.disabled for row in rows} == {False}
    assert len({row.id_ for row in rows}) == len(rows) == 15
    by_name = [row.spec["name"] for row in walk(client.get_resources, Cursor(size=4, sort="name", order="desc"))]
    assert by_name == sorted(by_name, reverse=True)


def test_get_resource(client):
    row = client.get_resource_by_name("task", "greet")

    assert row.spec["data"]["parameters"] == [WHO]
    same = client.get_resource(row.id_)
    assert (same.spec, same.creation_time, same.update_time) == (row.spec, row.creation_time, row.update_time)
    assert failure(lambda: client.get_resource_by_name("task", "nobody")) == (404, "unknown_resource")
    assert failure(lambda: client.get_resource(new_id())) == (404, "unknown_resource")
    assert failure(lambda: client.get_resource_by_name("spell", "greet")) == (404, "unknown_resource")


def test_execute_command(automation, client):
    execution = execute(client, "hello", who="Bob", loud=True)

    assert execution.parameters == {"who": "Bob", "times": 1, "loud": True}
    assert execution.executor_id == client.get_current_account().id_
    [pipeline_id] = execution.pipeline_ids
    automation.wait_for(pipeline_id, "successful")
    # What the task's own parameter says wins over the command's of the same variable.
    assert sorted(automation.output(pipeline_id).splitlines()) == ["1 true", "hello world"]
    event = client.get_event(execution.event_id)
    assert (event.connector, event.name, event.command_id) == ("command", "execution", execution.command_id)
    assert event.data["parameters"] == execution.parameters
    row = client.get_resource_by_name("command", "hello")
    assert failure(lambda: client.execute_command(row.id_, CommandExecutionInput({}))) == (400, "invalid_request_body")
    assert failure(lambda: client.execute_command(new_id(), CommandExecutionInput({}))) == (404, "unknown_resource")


def test_get_command_executions(client):
    made = [execute(client, "hello", who=who).id_ for who in ("a", "b", "c")]
    other = execute(client, "wait")
    command_id = client.get_resource_by_name("command", "hello").id_

    found = [row.id_ for row in walk(lambda cursor: client.get_command_executions(command_id, cursor=cursor))]
    assert set(made) <= set(found) and other.id_ not in found
    assert {*made, other.id_} <= {row.id_ for row in walk(client.get_command_executions)}
    assert client.get_command_executions(new_id()).elements == []
    assert client.get_command_execution(made[0]).parameters["who"] == "a"
    assert failure(lambda: client.get_command_execution(new_id())) == (404, "unknown_command_execution")
    client.abort_pipeline(other.pipeline_ids[0])


def test_create_event(automation, client):
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    events = client.create_event(NewEvent("custom", "guest", {"name": "Ann", "deep": [{"ü": None}]}, event_time=moment))

    triggers = {client.get_resource_by_name("trigger", name).id_: name for name in ("guests", "everybody")}
    assert {triggers[event.trigger_id] for event in events} == {"guests", "everybody"}
    assert {event.event_time for event in events} == {moment} and {event.command_id for event in events} == {None}
    assert client.get_event(events[0].id_).data == {"name": "Ann", "deep": [{"ü": None}]}
    started = [row for row in walk(client.get_pipelines) if row.event_id in {event.id_ for event in events}]
    assert {row.trigger_id for row in started} == set(triggers)
    for row in started:
        automation.wait_for(row.id_, "successful")


def test_event_that_no_filter_lets_through(client):
    events = client.create_event(NewEvent("custom", "guest", {"name": "ann"}))

    started = [row.trigger_id for row in walk(client.get_pipelines) if row.event_id in {event.id_ for event in events}]
    assert len(events) == 2
    assert started == [client.get_resource_by_name("trigger", "everybody").id_]


def test_event_that_nobody_listens_to(client):
    assert client.create_event(NewEvent("custom", "unheard-of", {})) == []
    assert failure(lambda: client.create_event(NewEvent("carrier-pigeon", "x", {}))) == (400, "invalid_request_body")


def test_replay_event(automation, client):
    [event] = [
        event for event in client.create_event(NewEvent("custom", "guest", {"name": "Ann"}))
        if event.trigger_id == client.get_resource_by_name("trigger", "everybody").id_
    ]  # fmt: skip
    assert event.original_event_id is None
    copy = client.replay_event(event.id_)
    again = client.replay_event(copy.id_)

    assert (copy.original_event_id, again.original_event_id) == (event.id_, copy.id_)
    assert (copy.data, copy.event_time, copy.trigger_id) == (event.data, event.event_time, event.trigger_id)
    [started] = [row for row in walk(client.get_pipelines) if row.event_id == again.id_]
    automation.wait_for(started.id_, "successful")
    assert failure(lambda: client.replay_event(new_id())) == (404, "unknown_event")


def test_get_events(client):
    assert client.get_events(Cursor(size=0)).elements == []
    made = [event.id_ for event in client.create_event(NewEvent("custom", "guest", {}))]
    times = [event.event_time for event in walk(client.get_events, Cursor(size=7, sort="event_time", order="desc"))]

    assert set(made) <= {event.id_ for event in walk(client.get_events)}
    assert times == sorted(times, reverse=True)


def test_unfinished_pipeline_can_be_read(automation, client):
    """The client raises for a pipeline or task without its times: it gets the beginning of time."""
    [pipeline_id] = execute(client, "wait").pipeline_ids
    automation.wait_for_output(pipeline_id, "waiting")

    running = client.get_pipeline(pipeline_id)
    assert running.status == "started" and running.start_time.year > 2024 and running.end_time == NEVER
    assert pipeline_id in {row.id_ for row in client.get_pipelines(Cursor(size=100, order="desc")).elements}
    [row] = [row for row in walk(client.get_tasks) if row.pipeline_id == pipeline_id]
    assert (row.status, row.end_time, row.failure_message) == ("started", NEVER, None)

    client.abort_pipeline(pipeline_id)
    assert client.get_pipeline(pipeline_id).status == "aborted"
    assert client.get_task(row.id_).status == "aborted"
    assert failure(lambda: client.abort_pipeline(pipeline_id)) == (400, "pipeline_finished")


def test_get_pipeline(automation, client):
    made = run_to_end(automation, client, "hello", who="Eve")

    assert (made.name, made.concurrent, made.trigger_id) == ("greetings", True, None)
    assert made.pipeline_id == client.get_resource_by_name("pipeline", "greetings").id_
    assert made.command_id == client.get_resource_by_name("command", "hello").id_
    assert made.creation_time <= made.start_time <= made.end_time
    newest = client.get_pipelines(Cursor(size=1, sort="event_time", order="desc")).elements[0]
    assert newest.creation_time >= made.creation_time
    assert failure(lambda: client.get_pipeline(new_id())) == (404, "unknown_pipeline")


def test_restart(automation, client):
    made = run_to_end(automation, client, "hello", who="Eve")
    client.set_scratchpad_entry(made.id_, "old", "value")
    [before] = [row for row in walk(client.get_tasks) if row.pipeline_id == made.id_]
    assert failure(lambda: client.restart_pipeline_from_failure(made.id_)) == (400, "pipeline_not_failed")
    time.sleep(1)  # the wire has whole seconds

    client.restart_pipeline(made.id_)
    automation.wait_for(made.id_, "successful")

    assert client.get_task(before.id_).start_time > before.start_time
    assert client.get_scratchpad(made.id_) == {}
    assert automation.output(made.id_).count("hello") == 1


def test_restart_from_failure(automation, client):
    made = run_to_end(automation, client, "break", "failed")
    client.set_scratchpad_entry(made.id_, "old", "value")
    tasks = tasks_of(client, made)
    assert tasks["fail"].failure_message == "step 1: exit status 3"
    time.sleep(1)

    client.restart_pipeline_from_failure(made.id_)
    automation.wait_for(made.id_, "failed")

    assert client.get_task(tasks["fail"].id_).start_time > tasks["fail"].start_time
    assert client.get_task(tasks["nothing"].id_).end_time == tasks["nothing"].end_time
    assert client.get_scratchpad(made.id_) == {"old": "value"}


def test_restart_of_a_running_pipeline(automation, client):
    [pipeline_id] = execute(client, "wait").pipeline_ids

    assert failure(lambda: client.restart_pipeline(pipeline_id)) == (400, "pipeline_not_finished")
    client.abort_pipeline(pipeline_id)


def test_get_task(automation, client):
    made = run_to_end(automation, client, "break", "failed")
    tasks = tasks_of(client, made)

    assert set(tasks) == {"nothing", "fail"}
    assert tasks["fail"].spec == {}, "a fault of the client: it takes a command's parameters for the spec"
    failed = client.get_task(tasks["fail"].id_)
    assert failed.pipeline_task["task"] == "fail" and failed.pipeline_task["on_failure"] == "abort"
    assert (failed.dependencies, failed.instance_id, failed.retry) == (["first"], 1, 0)
    assert (failed.task_identities, failed.status) == ([], "failed")
    assert failed.task_id == client.get_resource_by_name("task", "fail").id_
    assert failure(lambda: client.get_task(new_id())) == (404, "unknown_task")


VALUES = ["text", '{"json": 1}', "null", "ü € 😀", "two\nlines\r\n", " ", "x" * 100_000]
KEYS = ["a", "a/b", "/", "ü 😀", "a b+c%2F?#&=", "key"]


@pytest.fixture(scope="module")
def ended(automation: Automation) -> str:
    """A pipeline that has ended: scratchpads may be used at any time."""
    [pipeline_id] = automation.execute("hello", who="x")
    automation.wait_for(pipeline_id, "successful")
    return pipeline_id


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_scratchpad_value(client, ended, value):
    client.set_scratchpad_entry(ended, "value", value.encode())  # as a str, the client's urllib3 decides what it is

    assert client.get_scratchpad_entry(ended, "value") == value
    assert client.get_scratchpad(ended)["value"] == value


def test_scratchpad_value_as_the_client_sends_a_text(client, ended):
    client.set_scratchpad_entry(ended, "value", "ü")

    assert client.get_scratchpad_entry(ended, "value") == "ü"


def test_empty_scratchpad_value(client, ended):
    client.set_scratchpad_entry(ended, "empty", "")

    assert client.get_scratchpad_entry(ended, "empty") is None  # what the client makes of no bytes
    assert client.get_scratchpad(ended)["empty"] == ""


@pytest.mark.parametrize("key", KEYS)
def test_scratchpad_key(client, ended, key):
    client.set_scratchpad_entry(ended, key, f"value of {key}")

    assert client.get_scratchpad_entry(ended, key) == f"value of {key}"
    client.delete_scratchpad_entry(ended, key)
    assert failure(lambda: client.get_scratchpad_entry(ended, key)) == (404, "unknown_scratchpad_entry")
    client.delete_scratchpad_entry(ended, key)  # as often as one likes


def test_delete_scratchpad(client, ended):
    client.set_scratchpad_entry(ended, "a", "1")
    client.set_scratchpad_entry(ended, "a", "2")
    assert client.get_scratchpad(ended)["a"] == "2"

    client.delete_scratchpad(ended)

    assert client.get_scratchpad(ended) == {}
    assert failure(lambda: client.get_scratchpad(new_id())) == (404, "unknown_pipeline")


def test_bad_scratchpad_entries(client, ended):
    assert failure(lambda: client.set_scratchpad_entry(ended, "k" * 256, "x")) == (400, "invalid_request_body")
    assert failure(lambda: client.set_scratchpad_entry(ended, "k", b"\xff")) == (400, "invalid_request_body")
    assert failure(lambda: client.set_scratchpad_entry(ended, "k", b"x" * (1024**2 + 1))) == (
        400, "invalid_request_body",
    )  # fmt: skip


def test_client_in_a_task(automation, client):
    """The client finds project, key, pipeline and context where it looks for them, in a real task."""
    made = run_to_end(automation, client, "look-inside")

    seen = json.loads(client.get_scratchpad_entry(made.id_, "seen"))
    event = client.get_event(made.event_id)
    assert seen.pop("event") == [event.id_, "command", "execution", event.data]
    identity = seen.pop("identities")["own-key"]
    assert (identity["connector"], identity["type"]) == ("eventline", "api_key")
    assert seen == {
        "parameters": {"who": "me"}, "instance": 1, "project": automation.project, "status": "started",
    }  # fmt: skip
    assert automation.output(made.id_) == "my key is ***\n"


# Its example scripts


def example(automation: Automation, tmp_path: Path, name: str, *words: str, stdin: str = "") -> str:
    """Run a script as published, but for the address; return what it printed."""
    replaced = "import eventline.client as c\n(_, *rest) = c.Client.__init__.__defaults__\n"
    replaced += "c.Client.__init__.__defaults__ = ({!r}, *rest)\n".format(f"{automation.server.url}/v0")
    (tmp_path / "sitecustomize.py").write_text(replaced)
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "EVENTLINE_API_KEY": automation.key},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_run():
    with Path(__file__).open() as source:
        tests = source.read()
    assert [script.stem for script in EXAMPLES.glob("*.py") if f'"{script.stem}"' not in tests] == []


def test_current_account_example(automation, tmp_path):
    shown = example(automation, tmp_path, "current_account")

    assert f"Account:      {automation.server.email}\n" in shown


def test_list_accounts_example(automation, tmp_path):
    assert automation.server.email in example(automation, tmp_path, "list_accounts")


def test_create_project_example(automation, client, tmp_path):
    name = f"p-{new_id().lower()}"
    said = example(automation, tmp_path, "create_project", name)

    project = client.get_project_by_name(name)
    assert said == f"project {project.id_} created\n"
    client.delete_project(project.id_)


@pytest.mark.parametrize("stdin", [False, True])
def test_create_custom_event_example(automation, client, tmp_path, stdin):
    data = '{"name": "Ann"}'
    words = ["--project", "main", "guest", "-" if stdin else data]
    first, *ids = example(automation, tmp_path, "create_custom_event", *words, stdin=data).splitlines()

    assert first == "2 events created:"
    assert [client.get_event(id).data for id in ids] == [{"name": "Ann"}, {"name": "Ann"}]


def test_execute_command_example(automation, client, tmp_path):
    words = ["--project", "main", "hello", "who=Zoe", "times=2", "loud=true"]
    said = example(automation, tmp_path, "execute_command", *words).splitlines()

    assert said[:2] == ["command executed", "1 pipeline created"]
    execution = client.get_command_execution(said[2])
    assert execution.parameters == {"who": "Zoe", "times": 2, "loud": True}
    automation.wait_for(execution.pipeline_ids[0], "successful")
    assert "2 true\n" in automation.output(execution.pipeline_ids[0])


def test_fetch_resource_spec_example(automation, client, tmp_path):
    shown = example(automation, tmp_path, "fetch_resource_spec", "--project", "main", "pipeline", "broken")

    assert yaml.safe_load(shown) == client.get_resource_by_name("pipeline", "broken").spec


def test_list_command_executions_example(automation, client, tmp_path):
    execution = execute(client, "hello", who="x")
    all_of_them = example(automation, tmp_path, "list_command_executions", "--project", "main")
    of_one = example(automation, tmp_path, "list_command_executions", "--project", "main", "--command", "break")

    assert execution.event_id in all_of_them and execution.command_id in all_of_them
    assert execution.event_id not in of_one


# What other clients put on the wire, byte by byte


def send(automation: Automation, line: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    named = [f"X-Eventline-Project-Id: {automation.project}", f"Content-Length: {len(body)}", *headers]
    return exchange(automation.server, raw(automation.key, line, *named, body=body))


JSON_TYPED = ("Content-Type: application/json",)


def test_dry_run_with_an_empty_value_and_json_without_content_type(automation, client):
    before = walk(client.get_resources)
    path = f"/v0/projects/id/{automation.project}/resources?dry-run="

    status, headers, body = send(automation, f"PUT {path}", body=json.dumps({"specs": []}).encode())
    assert (status, body) == (204, b"") and "content-type" not in headers
    bad = json.dumps({"specs": [task("fine"), {"type": "task"}]}).encode()
    status, headers, body = send(automation, f"PUT {path}", body=bad)

    assert (status, headers["content-type"]) == (400, "application/json")
    problems = json.loads(body)["data"]["jsv_errors"]
    assert problems and all(problem["pointer"].startswith("/specs/1") for problem in problems)
    assert [row.id_ for row in walk(client.get_resources)] == [row.id_ for row in before]


def test_error_in_one_of_five_specs_changes_nothing(automation, client):
    before = [(row.id_, row.update_time) for row in walk(client.get_resources)]
    five = [task(), pipeline(), command(), command("bad", pipelines=["unheard-of"]), trigger()]
    body = json.dumps({"specs": five}).encode()

    status, _, reply = send(automation, f"PUT /v0/projects/id/{automation.project}/resources", *JSON_TYPED, body=body)

    assert status == 400
    assert {one["pointer"][:9] for one in json.loads(reply)["data"]["jsv_errors"]} == {"/specs/3/"}
    assert [(row.id_, row.update_time) for row in walk(client.get_resources)] == before


def test_empty_json_typed_posts(automation, client):
    [pipeline_id] = execute(client, "wait").pipeline_ids
    path = f"/v0/pipelines/id/{pipeline_id}"

    for action in ("abort", "restart", "abort", "restart_from_failure", "abort"):
        status, headers, body = send(automation, f"POST {path}/{action}", *JSON_TYPED)
        assert (status, body) == (204, b""), action
        assert "content-type" not in headers
    event_id = client.get_pipeline(pipeline_id).event_id
    status, headers, body = send(automation, f"POST /v0/events/id/{event_id}/replay", *JSON_TYPED)
    assert (status, headers["content-type"]) == (200, "application/json")
    [copy] = [row for row in walk(client.get_pipelines) if row.event_id == json.loads(body)["id"]]
    client.abort_pipeline(copy.id_)


def test_replay_by_the_path_of_another_client(automation, client):
    [event, _] = client.create_event(NewEvent("custom", "guest", {"name": "Ann"}))
    status, _, body = send(automation, f"POST /v0/events/{event.id_}/replay", *JSON_TYPED)

    assert (status, json.loads(body)["original_event_id"]) == (200, event.id_)


def test_event_without_a_trigger_leaves_its_id_out(automation, client):
    execution = execute(client, "hello", who="x")
    [event, _] = client.create_event(NewEvent("custom", "guest", {}))

    of_command = json.loads(send(automation, f"GET /v0/events/id/{execution.event_id}")[2])
    of_trigger = json.loads(send(automation, f"GET /v0/events/id/{event.id_}")[2])
    assert "trigger_id" not in of_command and of_command["command_id"] == execution.command_id
    assert "command_id" not in of_trigger and of_trigger["original_event_id"] is None


def test_bare_parameters_of_a_command(automation, client):
    command_id = client.get_resource_by_name("command", "hello").id_
    path = f"/v0/commands/id/{command_id}/execute"
    for body in ({"who": "Bob", "times": None}, {"parameters": {"who": "Bob"}}):
        status, _, reply = send(automation, f"POST {path}", body=json.dumps(body).encode())
        assert (status, json.loads(reply)["parameters"]) == (200, {"who": "Bob", "times": 1, "loud": False})

    command_id = client.get_resource_by_name("command", "wait").id_
    status, _, reply = send(automation, f"POST /v0/commands/id/{command_id}/execute", *JSON_TYPED)
    assert status == 200
    client.abort_pipeline(json.loads(reply)["pipeline_ids"][0])


def test_commands_page_by_page_as_another_client_asks(automation, client):
    """It sends only `size` and `after` of the next cursor, and can't read other types."""
    name = f"p-{new_id().lower()}"
    project = automation.call("POST", "/projects", {"name": name}, project=False)["id"]
    names = [f"c{number:02}" for number in range(45)]
    greetings = [task(runtime={"name": "none"}, steps=[]), pipeline()]
    mixed = [spec for name in names for spec in (command(name), trigger(f"t-{name}"))]
    automation.call("PUT", f"/projects/id/{project}/resources", {"specs": [*mixed, *greetings]}, project=False)

    found, pages, query = [], 0, "size=20"
    while query:
        page = automation.call("GET", f"/resources?type=command&{query}", x_eventline_project_id=project)
        found += [row["spec"]["name"] for row in page["elements"]]
        assert {row["spec"]["type"] for row in page["elements"]} == {"command"}
        cursor = page.get("next")
        query = f"size={cursor['size']}&after={quote(cursor['after'])}" if cursor else ""
        pages += 1
    assert (sorted(found), pages) == (names, 3)
    client.delete_project(project)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_scratchpad_value_whatever_is_accepted(automation, ended, accept):
    path = f"/v0/pipelines/id/{ended}/scratchpad/key/a%2Fb"
    body = b'{"not": "decoded'

    status, headers, _ = send(automation, f"PUT {path}", *JSON_TYPED, body=body)
    assert status == 204 and "content-type" not in headers
    status, headers, reply = send(automation, f"GET {path}", f"Accept: {accept}", *JSON_TYPED)
    assert (status, headers["content-type"], reply) == (200, "text/plain", body)
    status, headers, reply = send(automation, f"PUT {path}")
    assert status == 204
    empty = automation.send("GET", path.removeprefix("/v0"))
    assert (empty.status, empty.headers["content-type"], empty.data) == (200, "text/plain", b"")
    status, headers, _ = send(automation, f"DELETE {path}", f"Accept: {accept}")
    assert status == 204


def test_times_are_left_out_for_everybody_else(automation, client):
    [pipeline_id] = execute(client, "wait").pipeline_ids
    automation.wait_for_output(pipeline_id, "waiting")

    shown = json.loads(
        send(automation, f"GET /v0/pipelines/id/{pipeline_id}", "User-Agent: evcli/1.0 (linux; amd64)")[2]
    )
    assert "start_time" in shown and "end_time" not in shown
    client.abort_pipeline(pipeline_id)
