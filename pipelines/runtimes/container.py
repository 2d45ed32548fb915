"""The runtime `container`: steps run one after the other in one container, using docker's or podman's command line.

    network create ─▶ run -d image sleep ─▶ run -d extra containers, in its network ─▶ exec each step
                                                             network rm ◀─ rm -f all containers ◀─┘

Containers have only the capabilities that the task names, and can't gain others. Steps run as root only if it says so.
Variables and identities are passed as files, never as arguments, which every user of the machine could read.
A janitor removes the containers if the worker dies: the janitor's standard input then ends.
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings

from eventlane.ids import new_id
from pipelines.models import Task
from pipelines.runtimes.environment import FILES_ROOT, Fields, TaskEnvironment
from pipelines.runtimes.limits import Limits
from pipelines.runtimes.local import ENVIRONMENT, exports, remove, write_files
from pipelines.runtimes.masking import Masker
from pipelines.runtimes.outcome import TaskFailed
from pipelines.runtimes.steps import SCRIPTS, command_of, scripts_of
from pipelines.runtimes.watch import Process, Sink, Watch

ENGINES = ("docker", "podman")
DOCKER_HUB = "https://index.docker.io/v1/"
ENGINE_SECONDS = 60.0  # time for a removal
KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "SSH_AUTH_SOCK",
)
KEPT_PREFIXES = ("DOCKER_", "CONTAINER", "PODMAN_", "REGISTRY_AUTH_FILE")
IMAGE_USER = "image"  # the user that the image names
OLD_NETWORK_HOURS = 48  # twice the longest time of a task
APART = ("--opt", "isolate=true")  # for podman; docker isolates networks anyway and ignores unknown options
LABEL = "eventlane.task"  # on everything created for a task
TASK_HOME = "/tmp"  # for users that the image doesn't know
# What the entry points of databases and the like need: they give a folder to their own user and switch to it.
SERVICE_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
STEP = f'. {FILES_ROOT}/{ENVIRONMENT}; exec "$@"'


class ContainerRuntime:
    """An attempt at a task, in a container of its own."""

    def __init__(self, task: Task, environment: TaskEnvironment, limits: Limits, watch: Watch) -> None:
        self._engine = engine()
        self._task, self._environment, self._limits, self._watch = task, environment, limits, watch
        self._parameters = task.spec["data"]["runtime"]["parameters"]
        self._header = task.project.code_header
        self._name = f"eventlane-{new_id().lower()}"
        self._masker = Masker(environment.secrets)
        extras = self._parameters.get("extra_containers") or []
        self._has_network = (
            list(without_network(_options())) == _options()
        )  # otherwise the server has a network for all tasks
        self._extras = {f"{self._name}-{number}": extra for number, extra in enumerate(extras)}

    def __enter__(self) -> "ContainerRuntime":
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="eventlane-task-"))
        except OSError as error:
            raise TaskFailed(f"the worker can't create a folder for the task: {error.strerror}") from None
        self._janitor: Process | None = None
        try:
            self._fill()
            self._janitor = self._start_janitor()
            self._start()
        except OSError as error:
            self._clean_up()
            raise TaskFailed(f"the worker can't prepare the container: {error.strerror}") from None
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()

    def run(self, position: int, step: Mapping[str, Any], sink: Sink) -> int:
        """Run a step and return its exit code."""
        argv = command_of(step, self._header, f"{FILES_ROOT}/{SCRIPTS}/{position}")
        process = self._popen(["exec", self._name, "/bin/sh", "-c", STEP, "sh", *argv])
        try:
            return self._watch.follow(process, sink, lambda: self._end(process))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _end(self, process: Process) -> None:
        """Ask all processes in the container to end. Soon after, the container is removed in any case."""
        asked = self._popen(["exec", self._name, "/bin/sh", "-c", "kill -TERM -1"], stdout=subprocess.DEVNULL)
        try:
            process.wait(self._limits.grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        asked.kill()
        asked.wait()
        self._remove_containers()
        try:
            process.wait(self._limits.grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # Set-up and clean-up

    def _start(self) -> None:
        if self._has_network:
            words = ("network", "create", *APART, *self._label(), self._name)
            self._call("can't create a network for the containers", *words)
        image = self._parameters["image"]
        # It ends by itself if the worker and the janitor are gone but the engine keeps running.
        self._call(
            f"can't start the container with the image {image}",
            *("run", "--detach", "--rm", "--name", self._name, *_machine(self._parameters.get("host_type", "small"))),
            *(*self._bounds(), *_user(self._parameters), *_capabilities(self._parameters.get("capabilities") or ())),
            *(("--network", self._name) if self._has_network else ()),
            *("--volume", f"{self._folder}{FILES_ROOT}:{FILES_ROOT}:ro", *self._label()),
            *_options(),
            *("--entrypoint", "sleep", "--", image, str(self._longest_seconds)),
        )
        for name, extra in self._extras.items():
            self._start_extra(name, extra)

    def _start_extra(self, name: str, extra: Mapping[str, Any]) -> None:
        """Start a container that shares the task's network: the two reach each other at localhost."""
        variables = (extra.get("environment") or {}).items()
        arguments = extra.get("arguments") or []
        self._call(
            f"can't start the container with the image {extra['image']}",
            *("run", "--detach", "--rm", "--name", name, "--network", f"container:{self._name}", *self._label()),
            *(*_machine("small"), *self._bounds(), *_named_user(extra.get("user", IMAGE_USER))),
            *_capabilities(extra.get("capabilities", SERVICE_CAPABILITIES)),
            *without_network(_options()),
            *(word for variable, value in variables for word in ("--env", f"{variable}={value}")),
            *(("--entrypoint", extra["command"]) if extra.get("command") else ()),
            *("--", extra["image"], *([arguments] if isinstance(arguments, str) else arguments)),
        )

    def _bounds(self) -> tuple[str, ...]:
        """Return options for all containers. Their first process may ignore SIGTERM, which must not delay a removal."""
        processes = str(self._limits.processes)
        return "--pids-limit", processes, "--security-opt", "no-new-privileges", "--stop-signal", "KILL"

    def _label(self) -> tuple[str, str]:
        return "--label", f"{LABEL}={self._task.pk}"

    @property
    def _longest_seconds(self) -> int:
        """Return the longest time that anything of this attempt may exist."""
        return int(self._limits.seconds + self._limits.grace_seconds + ENGINE_SECONDS)

    def _call(self, failure: str, *words: str) -> None:
        """Run the engine; if it fails, raise TaskFailed with `failure` and the engine's message."""
        said = _LastWords()
        process = self._popen(list(words))
        try:
            code = self._watch.follow(process, said, process.kill)
        finally:
            process.wait()
        if code:
            reason = self._masker.feed(said.text) + self._masker.finish()
            text = reason.decode(errors="replace").replace("\0", "\ufffd").strip() or f"exit status {code}"
            raise TaskFailed(f"{failure}: {text}")

    def _fill(self) -> None:
        """Write the task's files. Nobody may enter the folder itself; the container's user may read what is mounted."""
        steps = self._task.spec["data"]["steps"]
        files = dict(self._environment.files) | dict(scripts_of(steps, self._header))
        files[ENVIRONMENT] = exports(self._environment.variables())
        root = self._folder / FILES_ROOT[1:]
        (root / "identities").mkdir(parents=True)
        write_files(root, files, mode=0o444)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o444)
        if self._environment.registries:
            write_files(self._folder, {"config/config.json": logins(self._environment.registries)}, mode=0o400)

    def _start_janitor(self) -> Process:
        removals = [shlex.join([*self._engine, *words]) for words in (*self._removals(), *self._network_removals())]
        script = "; ".join(["cat >/dev/null", *removals, shlex.join(["rm", "-rf", str(self._folder)])])
        return subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._engine_environment(),
            start_new_session=True,
        )

    def _removals(self) -> list[list[str]]:
        """Return commands that remove the containers, starting with those in another's network: podman requires it."""
        extras = [["rm", "--force", *self._extras]] if self._extras else []
        return [*extras, ["rm", "--force", self._name]]

    def _network_removals(self) -> list[list[str]]:
        """Return commands that remove this network and old ones of crashed machines: engines have room for few."""
        old = ["--filter", f"label={LABEL}", "--filter", f"until={OLD_NETWORK_HOURS}h"]
        return [["network", "rm", self._name], ["network", "prune", "--force", *old]] if self._has_network else []

    def _clean_up(self) -> None:
        """Close the janitor's input: the janitor then removes everything, with or without a worker."""
        if self._janitor and self._janitor.stdin:
            self._janitor.stdin.close()
            try:
                self._janitor.wait(ENGINE_SECONDS)
            except subprocess.TimeoutExpired:
                self._janitor.kill()
                self._janitor.wait()
        remove(self._folder)

    def _remove_containers(self) -> None:
        for words in self._removals():
            try:
                self._popen(words, stdout=subprocess.DEVNULL).wait(ENGINE_SECONDS)
            except subprocess.TimeoutExpired:
                pass  # the janitor tries again

    def _popen(self, words: list[str], stdout: int = subprocess.PIPE) -> Process:
        return subprocess.Popen(
            [*self._engine, *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=self._engine_environment(),
            start_new_session=True,
        )

    def _engine_environment(self) -> dict[str, str]:
        """Return the part of the worker's environment for the engine's command line: no settings, no passwords."""
        found = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
        if self._environment.registries:
            folder = self._folder / "config"
            found |= {"DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": f"{folder}/config.json"}
        return found


class _LastWords:
    """Keeps the end of an engine's output."""

    limit = 2000

    def __init__(self) -> None:
        self.text = b""

    def add(self, data: bytes) -> None:
        self.text = (self.text + data)[-self.limit :]

    def flush_if_due(self) -> None:
        """Do nothing: there is nothing to store."""


def engine() -> list[str]:
    """Return the engine's command line; raise TaskFailed if there is none."""
    command = shlex.split(settings.EVENTLANE_CONTAINER_COMMAND)
    if command:
        if shutil.which(command[0]) is None:
            raise TaskFailed(f"{command[0]} (EVENTLANE_CONTAINER_COMMAND) is not on this machine's PATH")
        return command
    for name in ENGINES:
        if shutil.which(name):
            return [name]
    raise TaskFailed("neither docker nor podman is on this machine's PATH")


def why_refused() -> str:
    """Return why a worker on this machine would refuse container tasks; empty if it wouldn't."""
    try:
        engine()
    except TaskFailed as failure:
        return str(failure)
    return ""


def logins(registries: Sequence[Fields]) -> bytes:
    """Return a Docker configuration with logins for registries."""
    auths = {}
    for fields in registries:
        if "login" in fields and "password" in fields:
            pair = f"{fields['login']}:{fields['password']}"
            auths[fields.get("server") or DOCKER_HUB] = {"auth": base64.b64encode(pair.encode()).decode()}
    return json.dumps({"auths": auths}).encode()


def without_network(options: Iterable[str]) -> Iterator[str]:
    """Yield options except those that name a network, whether as one word or two."""
    words = iter(options)
    for word in words:
        if word in ("--network", "--net"):
            next(words, None)
        elif not word.startswith(("--network=", "--net=")):
            yield word


def _options() -> list[str]:
    return shlex.split(settings.EVENTLANE_CONTAINER_OPTIONS)


def _user(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return options for the user that steps run as. A user unknown to the image gets a home."""
    if "user" in parameters:
        return _named_user(parameters["user"])
    options = _named_user(settings.EVENTLANE_CONTAINER_USER)
    return (*options, "--env", f"HOME={TASK_HOME}") if options else ()


def _named_user(user: str) -> tuple[str, ...]:
    return () if user == IMAGE_USER else ("--user", user)


def _capabilities(names: Iterable[str]) -> tuple[str, ...]:
    return ("--cap-drop=ALL", *(f"--cap-add={name}" for name in names))


def _machine(host_type: str) -> list[str]:
    """Return options for the container's resources."""
    cpus, megabytes = getattr(settings, f"EVENTLANE_CONTAINER_{host_type.upper()}")
    return ["--cpus", f"{cpus:g}", "--memory", f"{megabytes}m"]
