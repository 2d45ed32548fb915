"""The runtime `container`: with an engine of a few lines everywhere, and with podman where it works."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from projects.runtimes.container import logins, without_network
from projects.runtimes.run import TaskFailed, TaskStopped, run_task
from tests.projects.runtimes.conftest import outputs, run, running, wait_until

pytestmark = pytest.mark.django_db

IMAGE = "localhost/eventlane-test:latest"
FAKE = Path(__file__).with_name("fake_docker.sh")
PODMAN_OPTIONS = "--network=none --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024"


@pytest.fixture
def fake(tmp_path, monkeypatch, settings) -> Path:
    """Return the folder where the fake engine notes what it was asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").symlink_to(FAKE)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_FAKE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def podman() -> str:
    """Return podman's command line, its image made from this machine's busybox; skip where it doesn't work."""
    busybox = shutil.which("busybox")
    if not shutil.which("podman") or not busybox:
        pytest.skip("podman or busybox is not installed")
    command = ["podman", "--runtime", "runc"] if shutil.which("runc") else ["podman"]
    imported = subprocess.run([*command, "import", "-", IMAGE], input=root_of(busybox), capture_output=True)
    tried = [*command, "run", "--rm", *PODMAN_OPTIONS.split(), IMAGE, "/bin/true"]
    done = subprocess.run(tried, capture_output=True, timeout=60)
    if imported.returncode or done.returncode:
        pytest.skip(f"podman does not work here: {(imported.stderr + done.stderr).decode()[-300:]}")
    return " ".join(command)


def root_of(busybox: str) -> bytes:
    data = BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(os.path.realpath(busybox), "bin/busybox")
        for name in (
            "sh",
            "sleep",
            "cat",
            "ls",
            "env",
            "true",
            "id",
            "wget",
            "nc",
            "httpd",
            "kill",
            "ps",
            "mkdir",
            "touch",
        ):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
    return data.getvalue()


@pytest.fixture(params=["fake", "podman"])
def engine(request, settings) -> Iterator[str]:
    """Run the test with the fake engine, and with podman."""
    if request.param == "fake":
        request.getfixturevalue("fake")
        yield "fake"
        return
    settings.EVENTLANE_CONTAINER_COMMAND = request.getfixturevalue("podman")
    settings.EVENTLANE_CONTAINER_OPTIONS = PODMAN_OPTIONS
    yield "podman"
    left = subprocess.run(["podman", "ps", "-aq", "--filter", "name=eventlane-"], capture_output=True, text=True)
    assert left.stdout == ""


def container_task(make_task, *steps, fields=None, data=None, **parameters):
    return make_task(
        *steps, runtime="container", parameters={"image": IMAGE, **parameters}, fields=fields, **(data or {})
    )


def test_steps_run_in_one_container(make_task, make_identity, engine):
    make_identity("hub", "github", "token", username="octo", token="t0ken-of-octo")
    task = container_task(
        make_task,
        "echo $$ > /tmp/eventlane-file; echo $GITHUB_USER $GITHUB_TOKEN $A",
        {"command": "cat", "arguments": ["/tmp/eventlane-file"]},
        'cat "$EVENTLINE_CONTEXT_PATH"' if engine == "podman" else "cat /eventline/task/context",
        "cat /eventline/identities/hub/username; exit 4",
        data={"identities": ["hub"], "environment": {"A": "it's\ntwo"}},
    )

    if engine == "podman":
        with pytest.raises(TaskFailed, match=r"^step 4: exit status 4$"):
            run_task(task, threading.Event())
        first, second, context, last = outputs(task)
        assert json.loads(context)["event"]["data"] == {"a": 1} and last == "octo"
    else:  # it can't put files at /eventline for what a script does
        task.spec["data"]["steps"] = task.spec["data"]["steps"][:2]
        first, second = run(task)
    assert first == "octo *** it's two\n" and second.strip().isdigit()


def test_failing_step(make_task, engine):
    with pytest.raises(TaskFailed, match=r"^step 1: exit status 3$"):
        run(container_task(make_task, "echo said; exit 3"))


def test_timeout_and_stop_remove_the_container(make_task, engine, settings):
    settings.EVENTLANE_TASK_GRACE_SECONDS = 1.0
    with pytest.raises(TaskFailed, match="timed out after 1 s"):
        run(container_task(make_task, "sleep 4715 & sleep 4715", timeout=1))
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    task = container_task(make_task, "echo begun; sleep 4715")
    with pytest.raises(TaskStopped):
        run_task(task, stop)
    assert outputs(task)[0].startswith("begun\n")
    wait_until(lambda: not running("4715"))


def test_stop_asks_first(make_task, engine, settings):
    if engine == "fake":
        pytest.skip("the fake engine can't ask")
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    task = container_task(make_task, "trap 'echo asked; exit 0' TERM; echo begun; while :; do sleep 0.1; done")

    with pytest.raises(TaskStopped):
        run_task(task, stop)

    assert "asked\n" in outputs(task)[0]  # the shell may have a word to say of its sleep, too


def test_extra_containers_share_the_network(make_task, engine):
    if engine == "fake":
        pytest.skip("the fake engine has no network")
    extra = {
        "name": "web",
        "image": IMAGE,
        "command": "/bin/sh",
        "arguments": ["-c", 'mkdir /www; echo "from $WHO" > /www/index.html; exec httpd -f -p 8080 -h /www'],
        "environment": {"WHO": "extra"},
    }
    task = container_task(
        make_task,
        "for try in 1 2 3 4 5 6; do wget -qO- http://127.0.0.1:8080/index.html && exit 0; sleep 0.5; done; exit 1",
        extra_containers=[extra],
    )

    assert run(task)[0].endswith("from extra\n")


def test_missing_image_is_told(make_task, fake):
    task = make_task("true", runtime="container", parameters={"image": "no-such-image"})

    with pytest.raises(TaskFailed, match="image no-such-image can't be started: Unable to find image"):
        run_task(task, threading.Event())

    assert (fake / "removed").exists()


def test_what_the_engine_is_asked(make_task, make_identity, fake, settings, monkeypatch):
    make_identity("ghcr", "registry", "password", server="ghcr.io", login="octo", password="registry-pass")
    make_identity("key", "generic", "api_key", key="very-secret")
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    settings.EVENTLANE_CONTAINER_OPTIONS = "--network=tasks"
    settings.EVENTLANE_CONTAINER_LARGE = (1.5, 512)

    run(
        container_task(
            make_task,
            "true",
            host_type="large",
            registry_identities=["ghcr"],
            data={"identities": ["key"]},
            extra_containers=[
                {"name": "db", "image": "postgres:16", "environment": {"A": "b"}, "arguments": ["-c", "x"]}
            ],
        )
    )

    started, extra, stepped, *removed = (fake / "calls").read_text().splitlines()
    for word in (
        "--cpus 1.5 --memory 512m",
        "--pids-limit 256",
        "no-new-privileges",
        "--network=tasks",
        ":/eventline:ro",
    ):
        assert word in started
    assert started.endswith(f"--entrypoint sleep -- {IMAGE} 3665")
    name = started.split("--name ")[1].split()[0]
    assert f"--network container:{name}" in extra and extra.endswith("--env A=b -- postgres:16 -c x")
    assert stepped.startswith(f"exec {name} /bin/sh -c") and removed == [f"rm --force {name}-0", f"rm --force {name}"]
    engines = (fake / "environment").read_text()
    assert "DOCKER_CONFIG=" in engines and "DATABASE" not in engines and "EVENTLANE_" not in engines
    everything = (fake / "calls").read_text() + engines
    assert "very-secret" not in everything and "registry-pass" not in everything


def test_logins_of_registries():
    found = json.loads(
        logins([{"login": "a", "password": "b"}, {"server": "ghcr.io", "login": "c", "password": "d:e"}])
    )

    assert found == {
        "auths": {
            "https://index.docker.io/v1/": {"auth": base64.b64encode(b"a:b").decode()},
            "ghcr.io": {"auth": base64.b64encode(b"c:d:e").decode()},
        }
    }


@pytest.mark.parametrize(
    "command, reason",
    [
        ("", "neither docker nor podman is on this machine's PATH"),
        ("nerdctl --namespace x", "nerdctl .EVENTLANE_CONTAINER_COMMAND. is not on this machine's PATH"),
        ("none", "switched off on this server"),
    ],
)
def test_without_an_engine(make_task, settings, monkeypatch, tmp_path, command, reason):
    settings.EVENTLANE_CONTAINER_COMMAND = command
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TaskFailed, match=reason):
        run(container_task(make_task, "true"))


WORKER = """
import sys, threading
import django
django.setup()
from django.conf import settings
settings.EVENTLANE_CONTAINER_COMMAND, settings.EVENTLANE_CONTAINER_OPTIONS = sys.argv[2:]
from projects.models import Task
from projects.runtimes.run import run_task
run_task(Task.objects.get(pk=sys.argv[1]), threading.Event())
"""


@pytest.mark.django_db(transaction=True)
def test_killed_worker_takes_its_container_along(make_task, engine, settings, scratch, worker_environment):
    task = container_task(make_task, "sleep 4716")
    words = [settings.EVENTLANE_CONTAINER_COMMAND, settings.EVENTLANE_CONTAINER_OPTIONS]
    worker = subprocess.Popen([sys.executable, "-c", WORKER, task.pk, *words], env=worker_environment)
    wait_until(lambda: running("4716"), 20)

    worker.kill()
    worker.wait()

    wait_until(lambda: not running("4716") and not list(scratch.iterdir()), 20)


@pytest.mark.parametrize("network", [["--network=tasks"], ["--net=tasks"], ["--network", "tasks"], ["--net", "tasks"]])
def test_extra_containers_get_every_option_but_a_network(network):
    assert list(without_network(["--init", *network, "--userns", "keep-id"])) == ["--init", "--userns", "keep-id"]
