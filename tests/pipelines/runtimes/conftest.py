"""Tasks to run: rows made with the models, and what is left of a run."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from pipelines.models import Identity, Pipeline, PlatformEvent, Status, Task
from pipelines.runtimes.local import task_user
from pipelines.runtimes.run import run_task
from pipelines.runtimes.sandbox import why_not_sandboxed
from projects.models import Project
from tests import factories
from tests.factories import make_house
from tests.waiting import wait_until

TASK_USER = "games"


@pytest.fixture
def project() -> Project:
    project = make_house("acme", "alice").project
    project.local_runtime = project.container_runtime = True
    project.save()
    return project


@pytest.fixture
def make_task(project: Project) -> Callable[..., Task]:
    """Return a function that makes a started task of a runtime with these steps; further words go into its data."""

    def make(*steps: Any, runtime: str = "local", parameters: Any = None, fields: Any = None, **data: Any) -> Task:
        event = PlatformEvent.objects.create(
            project=project, connector="custom", name="test", data={"a": 1}, event_time=timezone.now()
        )
        pipeline = Pipeline.objects.create(
            project=project, name="p", spec={"data": {}}, event=event, event_time=event.event_time
        )
        whole = {
            "parameters": [],
            "runtime": {"name": runtime, "parameters": parameters or {}},
            "identities": [],
            "environment": {},
            "steps": [{"code": step} if isinstance(step, str) else step for step in steps],
        }
        spec = {"type": "task", "version": 1, "name": "t", "data": whole | data}
        return Task.objects.create(
            project=project,
            pipeline=pipeline,
            name="t",
            spec=spec,
            status=Status.STARTED,
            **{"pipeline_task": {"task": "t", "parameters": {}}, **(fields or {})},
        )

    return make


@pytest.fixture
def make_identity(project: Project) -> Callable[..., Identity]:
    return partial(factories.make_identity, project)


@pytest.fixture(autouse=True)
def task_user_of_its_own(settings: Any) -> None:
    """Have root's tasks run as somebody who isn't the embedded PostgreSQL: that may be nobody."""
    settings.EVENTLANE_TASK_USER = TASK_USER


@pytest.fixture(params=["none", "bwrap"])
def isolation(request: pytest.FixtureRequest, settings: Any) -> str:
    """Run the test without bubblewrap, and with it."""
    if request.param == "bwrap" and (reason := why_not_sandboxed(task_user())):
        pytest.skip(reason)
    settings.EVENTLANE_TASK_ISOLATION = request.param
    return request.param


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let runs have their folders in one that must be empty afterwards."""
    folder = Path(tmp_path_factory.mktemp("runs"))
    let_everybody_in((folder, *folder.parents[:3]))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def worker_environment(scratch: Path) -> dict[str, str]:
    """Return the environment of a worker process on the test's database."""
    database = connection.settings_dict
    login = f"{database['USER']}:{database['PASSWORD']}"
    where = f"host={database['HOST']}&port={database['PORT']}"
    url = f"postgresql://{login}@/{database['NAME']}?{where}"
    return os.environ | {
        "DATABASE_URL": url,
        "PYTHONPATH": "platform:.",
        "TMPDIR": str(scratch),
        "EVENTLANE_TASK_USER": TASK_USER,
    }


def let_everybody_in(folders: Iterable[Path]) -> None:
    """Let all users into pytest's folders. What is open already stays as it is: it may be /tmp."""
    for folder in folders:
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)


def run(task: Task) -> list[str]:
    """Run a task and return what each step wrote."""
    run_task(task, threading.Event())
    return outputs(task)


def outputs(task: Task) -> list[str]:
    return [step.output for step in task.steps.order_by("position")]


def stop_once_running(stop: threading.Event, word: str) -> None:
    """Set `stop`, from another thread, once there is a process with this word in its command line."""

    def watch() -> None:
        try:
            wait_until(lambda: running(word), 60)
        finally:
            stop.set()

    threading.Thread(target=watch).start()


def running(word: str) -> list[int]:
    """Return the processes that have a word in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
