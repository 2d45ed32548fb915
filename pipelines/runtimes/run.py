"""Running a task: its steps one after the other, by the runtime that its spec names."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import Event
from typing import Any, Protocol

from eventlane.processes import describe_exit
from pipelines.models import Task, TaskStep
from pipelines.runtimes.allowed import refuse_unless_allowed
from pipelines.runtimes.container import ContainerRuntime
from pipelines.runtimes.environment import TaskEnvironment, task_environment
from pipelines.runtimes.limits import Limits, limits_of
from pipelines.runtimes.local import LocalRuntime
from pipelines.runtimes.masking import Masker
from pipelines.runtimes.outcome import TaskFailed, TaskStopped
from pipelines.runtimes.output import StepRecord, release_connection
from pipelines.runtimes.steps import title_of
from pipelines.runtimes.watch import Sink, Watch

__all__ = ["TaskFailed", "TaskStopped", "run_task"]

SHELL_SIGNALS = 128  # what shells, and our reaper, add to the number of the signal that ended a program


class Runtime(AbstractContextManager["Runtime"], Protocol):
    """Where steps run: entered before the first one, left after the last, however that ended."""

    def __init__(self, task: Task, environment: TaskEnvironment, limits: Limits, watch: Watch) -> None: ...

    def run(self, position: int, step: Mapping[str, Any], sink: Sink) -> int:
        """Run a step to its end and return its exit code."""


RUNTIMES: Mapping[str, type[Runtime]] = {"local": LocalRuntime, "container": ContainerRuntime}


def run_task(task: Task, stop: Event) -> None:
    """Run a task to its end. Raise TaskFailed when a step fails, TaskStopped when `stop` was set before that.

    The thread that calls it waits all the while. Nothing that the task started is left when it returns.
    """
    if task.spec["data"]["runtime"]["name"] == "none":
        return  # successful at once: a task that only others wait for
    try:
        _run(task, stop)
    finally:
        release_connection()


def _run(task: Task, stop: Event) -> None:
    data = task.spec["data"]
    name, parameters = data["runtime"]["name"], data["runtime"].get("parameters") or {}
    if name not in RUNTIMES:
        raise TaskFailed(f"there is no runtime {name!r}")
    refuse_unless_allowed(task.project, name)
    limits = limits_of(parameters)
    watch = Watch(stop, limits.seconds)
    watch.check()
    TaskStep.objects.filter(task=task).delete()  # of an earlier attempt
    environment = task_environment(task)
    with RUNTIMES[name](task, environment, limits, watch) as runtime:
        _run_steps(task, runtime, environment, limits)


def _run_steps(task: Task, runtime: Runtime, environment: TaskEnvironment, limits: Limits) -> None:
    """Run steps until one fails. Each may keep an equal share of what output is left to the task."""
    steps = task.spec["data"].get("steps") or []
    left = limits.output_bytes
    for position, step in enumerate(steps):
        share = left // (len(steps) - position)
        record = StepRecord(task, position, (step.get("label") or "")[:100], Masker(environment.secrets), share)
        code = None
        try:
            code = runtime.run(position, step, record)
        finally:
            record.finish(code)
        left -= record.kept
        if code:
            raise TaskFailed(f"{title_of(step, position)}: {_ending(code)}")


def _ending(code: int) -> str:
    """Say how a step ended: a program ended by a signal looks like one that exits with 128 and its number."""
    by_signal = SHELL_SIGNALS < code <= SHELL_SIGNALS + 64
    return f"exit status {code} ({describe_exit(SHELL_SIGNALS - code)})" if by_signal else describe_exit(code)
