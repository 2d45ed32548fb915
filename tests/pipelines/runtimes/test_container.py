"""The runtime `container`: with an engine of a few lines everywhere, and with podman where it works."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import call_command

from eventlane.ids import new_id
from events.doctor.services import check_tasks
from pipelines.runtimes.container import ContainerRuntime, logins, without_network
from pipelines.runtimes.environment import task_environment
from pipelines.runtimes.limits import limits_of
from pipelines.runtimes.run import TaskFailed, TaskStopped, run_task
from pipelines.runtimes.watch import Watch
from projects.models import Organization
from tests.console import logged_in
from tests.pipelines.runtimes.conftest import outputs, run, running, stop_once_running
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

IMAGE = "localhost/eventlane-busybox:latest"
FAKE = Path(__file__).with_name("fake_docker.sh")
PODMAN_OPTIONS = "--ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024"
WITHOUT_NETWORK = f"--network=none {PODMAN_OPTIONS}"
PROGRAMS = ("sh", "sleep", "cat", "ls", "env", "true", "id", "wget", "nc", "httpd", "kill", "ps", "mkdir", "touch")
PROGRAMS += ("chown", "chmod", "start-stop-daemon", "grep")


@pytest.fixture
def fake(tmp_path, monkeypatch, settings) -> Path:
    """Return the folder where the fake engine notes what it was asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").symlink_to(FAKE)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_FAKE", str(tmp_path))
    return tmp_path


@pytest.fixture
def fake_calls(tmp_path) -> Callable[[], list[str]]:
    """Return a function that returns what the fake engine was asked."""
    return lambda: (tmp_path / "calls").read_text().splitlines()


@pytest.fixture(scope="session")
def podman() -> str:
    """Return podman's command line, its image made from this machine's busybox; skip where it doesn't work."""
    busybox = shutil.which("busybox")
    if not shutil.which("podman") or not busybox:
        pytest.skip("podman or busybox is not installed")
    command = ["podman", "--runtime", "runc"] if shutil.which("runc") else ["podman"]
    imported = subprocess.run([*command, "import", "-", IMAGE], input=root_of(busybox), capture_output=True)
    tried = [*command, "run", "--rm", *WITHOUT_NETWORK.split(), IMAGE, "/bin/true"]
    done = subprocess.run(tried, capture_output=True, timeout=60)
    if imported.returncode or done.returncode:
        pytest.skip(f"podman does not work here: {(imported.stderr + done.stderr).decode()[-300:]}")
    return " ".join(command)


def root_of(busybox: str) -> bytes:
    data = BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(os.path.realpath(busybox), "bin/busybox")
        for name in PROGRAMS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
    return data.getvalue()


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.slow)])
def engine(request, settings) -> Iterator[str]:
    """Run the test with the fake engine, and with podman."""
    if request.param == "fake":
        request.getfixturevalue("fake")
        yield "fake"
        return
    settings.EVENTLANE_CONTAINER_COMMAND = request.getfixturevalue("podman")
    mark = f"test={new_id()}"
    settings.EVENTLANE_CONTAINER_OPTIONS = f"--label {mark} {WITHOUT_NETWORK}"
    yield "podman"
    assert podman_lists("ps", "--all", label=mark) == ""


def podman_lists(*words: str, label: str) -> str:
    command = ["podman", *words, "--quiet", "--filter", f"label={label}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def podman_networks(podman) -> None:
    """Skip where podman can't give a container a network of its own."""
    name = f"probe-{new_id().lower()}"
    subprocess.run(["podman", "network", "create", name], capture_output=True)
    tried = [*podman.split(), "run", "--rm", "--network", name, *PODMAN_OPTIONS.split(), IMAGE, "/bin/true"]
    done = subprocess.run(tried, capture_output=True, timeout=60)
    subprocess.run(["podman", "network", "rm", name], capture_output=True)
    if done.returncode:
        pytest.skip(f"podman has no networks here: {done.stderr.decode()[-300:]}")


@pytest.fixture
def networked(request, engine, settings) -> str:
    """Run the test with containers that have a network of their own."""
    if engine == "podman":
        request.getfixturevalue("podman_networks")
        options = settings.EVENTLANE_CONTAINER_OPTIONS
        settings.EVENTLANE_CONTAINER_OPTIONS = options.replace("--network=none ", "")
    return engine


# A browser that another test drives drops what it loads when networks come and go.
NETWORKED = pytest.mark.parametrize(
    "engine", ["fake", pytest.param("podman", marks=[pytest.mark.slow, pytest.mark.alone])], indirect=True
)


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


@pytest.mark.slow
def test_timeout_and_stop_remove_the_container(make_task, engine, settings):
    settings.EVENTLANE_TASK_GRACE_SECONDS = 1.0
    with pytest.raises(TaskFailed, match="timed out after 1 s"):
        run(container_task(make_task, "sleep 4715 & sleep 4715", timeout=1))
    stop = threading.Event()
    stop_once_running(stop, "4716")
    task = container_task(make_task, "echo begun; sleep 4716")
    with pytest.raises(TaskStopped):
        run_task(task, stop)
    assert outputs(task)[0].startswith("begun\n")
    wait_until(lambda: not running("4715") and not running("4716"))


@pytest.mark.slow
def test_stop_asks_first(make_task, engine, settings):
    if engine == "fake":
        pytest.skip("the fake engine can't ask")
    stop = threading.Event()
    stop_once_running(stop, "0.1006")
    task = container_task(make_task, "trap 'echo asked; exit 0' TERM; echo begun; while :; do sleep 0.1006; done")

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

    with pytest.raises(TaskFailed, match="image no-such-image: Unable to find image"):
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


def test_containers_have_to_be_allowed_twice(make_task, project, fake, settings):
    for allowed, organizations in (("false", 1), ("auto", 2)):
        settings.EVENTLANE_CONTAINER_RUNTIME = allowed
        while Organization.objects.count() < organizations:
            Organization.objects.create(name="stranger")
        with pytest.raises(TaskFailed, match=r"disabled on this server .EVENTLANE_CONTAINER_RUNTIME."):
            run(container_task(make_task, "true"))
        [(state, reason, _)] = [found for found in check_tasks(None) if "container" in found[1]]
        assert (state, "EVENTLANE_CONTAINER_RUNTIME" in reason) == ("problem", True)
    settings.EVENTLANE_CONTAINER_RUNTIME = "true"
    run(container_task(make_task, "true"))
    project.container_runtime = False
    project.save()
    with pytest.raises(TaskFailed, match="not enabled for this project; an administrator can enable it in the console"):
        run(container_task(make_task, "true"))


def test_switch_in_the_console(project, fake, settings, monkeypatch, tmp_path):
    project.container_runtime = False
    project.save()
    alice = logged_in(project.organization.accounts.get())
    address = f"/console/projects/project/{project.pk}/change/"
    form = {"name": project.name, "code_header": "", "local_runtime": "on", "container_runtime": "on"}

    settings.EVENTLANE_CONTAINER_RUNTIME = "false"
    errors = alice.post(address, form).context["adminform"].form.errors
    assert "EVENTLANE_CONTAINER_RUNTIME" in str(errors["container_runtime"]) and list(errors) == ["container_runtime"]

    settings.EVENTLANE_CONTAINER_RUNTIME = "true"
    monkeypatch.setenv("PATH", str(tmp_path))
    page = alice.post(address, form, follow=True).content.decode()
    assert "refuse container tasks: neither docker nor podman" in page
    project.refresh_from_db()
    assert project.container_runtime


def test_switch_from_the_command_line(project, fake, settings, capsys):
    for words, allowed in (["--revoke"], False), ([], True):
        call_command("allow_tasks", "--project", project.name, "--runtime", "container", *words)
        project.refresh_from_db()
        assert project.container_runtime is allowed and project.local_runtime
    assert "Container tasks of project" in capsys.readouterr().out


RIGHTS = "id -u; id -g; echo $HOME; grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status; touch ~/mine"


def rights_in(output: str) -> tuple[list[str], list[str]]:
    """Return who a step was, and its capabilities in hex with whether it may gain none."""
    *who, first, second, third = output.split("\n")[:6]
    return who, [line.split("\t")[1] for line in sorted((first, second, third))]


def test_steps_have_least_rights(make_task, engine, fake_calls):
    output = run(container_task(make_task, RIGHTS))[0]

    if engine == "podman":
        assert rights_in(output) == (["65534", "65534", "/tmp"], ["0" * 16, "0" * 16, "1"])
    else:
        [started] = [call for call in fake_calls() if call.startswith("run")]
        assert "--cap-drop=ALL" in started and "--cap-add" not in started
        assert "--user 65534:65534" in started and "--security-opt no-new-privileges" in started


def test_task_names_the_rights_it_needs(make_task, engine, fake_calls):
    step = "id -u; touch /tmp/a; chown 5:5 /tmp/a && chown 0:0 /tmp/a; kill -0 1; echo $?"
    output = run(container_task(make_task, step, user="image", capabilities=["CHOWN"]))[0]

    if engine == "podman":
        assert output.split() == ["0", "0"]
        with pytest.raises(TaskFailed, match="exit status 1"):
            run(container_task(make_task, "touch /tmp/a; chown 5:5 /tmp/a", user="image"))
        assert run(container_task(make_task, "id -u; id -g", user="7:8"))[0].split() == ["7", "8"]
    else:
        [started] = [call for call in fake_calls() if call.startswith("run")]
        assert "--cap-drop=ALL --cap-add=CHOWN" in started and "--user" not in started


SERVE = 'echo "i am $(id -u)" > /data/index.html; exec httpd -f -p 8080 -h /data'
SERVICE = f"""
mkdir -p /data && chown 70:70 /data && chmod 700 /data
echo db:x:70:70::/:/bin/sh >/etc/passwd
exec start-stop-daemon -S -c db -x /bin/sh -- -c '{SERVE}'
"""


def test_service_beside_it_becomes_its_own_user(make_task, engine, fake_calls):
    """As the entry points of postgres, mysql and redis do: root makes the folder theirs and gives up its rights."""
    extra = {"name": "db", "image": IMAGE, "command": "/bin/sh", "arguments": ["-c", SERVICE]}
    step = "for try in 1 2 3 4 5 6 7 8; do wget -qO- http://127.0.0.1:8080/ && exit 0; sleep 0.3; done; exit 1"
    if engine == "podman":
        assert run(container_task(make_task, step, extra_containers=[extra]))[0].endswith("i am 70\n")
    else:
        run(container_task(make_task, "true", extra_containers=[extra]))
        [_, started] = [call for call in fake_calls() if call.startswith("run")]
        adds = " ".join(f"--cap-add={name}" for name in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"))
        assert f"--cap-drop=ALL {adds} " in started and "--user" not in started


@NETWORKED
def test_each_task_has_a_network_of_its_own(make_task, networked, fake_calls):
    extra = {"name": "web", "image": IMAGE, "command": "sleep", "arguments": ["60"]}
    task = container_task(make_task, "true", extra_containers=[extra])
    run(task)

    if networked == "podman":
        assert podman_lists("network", "ls", label=f"eventlane.task={task.pk}") == ""
    else:
        created, started, beside, _, *removed = fake_calls()
        name = started.split("--name ")[1].split()[0]
        assert created.startswith("network create --opt isolate=true --label eventlane.task=") and created.endswith(
            f" {name}"
        )
        assert f"--network {name} " in started and f"--network container:{name} " in beside
        assert removed[:3] == [f"rm --force {name}-0", f"rm --force {name}", f"network rm {name}"]
        assert removed[3].startswith("network prune --force --filter label=eventlane.task --filter until=")


@NETWORKED
def test_tasks_do_not_reach_each_other(make_task, networked, settings):
    if networked == "fake":
        pytest.skip("the fake engine has no network")
    web = {"name": "web", "image": IMAGE, "command": "httpd", "arguments": ["-f", "-p", "8080"]}
    first = container_task(make_task, "true", extra_containers=[web])
    watch = Watch(threading.Event(), 60)
    with ContainerRuntime(first, task_environment(first), limits_of({}), watch):
        address = address_of(first, settings.EVENTLANE_CONTAINER_COMMAND.split())
        reach = f"echo | nc -w 1 {address} 8080 >/dev/null && echo reached || echo out of reach"
        wait_until(lambda: is_open(address, 8080))
        assert run(container_task(make_task, reach))[0].endswith("out of reach\n")


def is_open(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def address_of(task, command: list[str]) -> str:
    [container] = podman_lists("ps", label=f"eventlane.task={task.pk}").split()[-1:]
    where = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return subprocess.check_output([*command, "inspect", "--format", where, container], text=True).strip()


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
from pipelines.models import Task
from pipelines.runtimes.run import run_task
run_task(Task.objects.get(pk=sys.argv[1]), threading.Event())
"""


@pytest.mark.slow
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
