"""Run a task: its steps one after the other, with the runtime that its spec names."""

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

SHELL_SIGNALS = 128  # shells, and our reaper, add this to the number of the signal that ended a program


class Runtime(AbstractContextManager["Runtime"], Protocol):
    """Where steps run. It is entered before the first step and left after the last, however that ended."""

    def __init__(self, task: Task, environment: TaskEnvironment, limits: Limits, watch: Watch) -> None: ...

    def run(self, position: int, step: Mapping[str, Any], sink: Sink) -> int:
        """Run a step and return its exit code."""


RUNTIMES: Mapping[str, type[Runtime]] = {"local": LocalRuntime, "container": ContainerRuntime}


def run_task(task: Task, stop: Event) -> None:
    """Run a task. Raise TaskFailed if a step fails, TaskStopped if `stop` is set first.

    The calling thread waits until the end. When this returns, nothing that the task started is left.
    """
    if task.spec["data"]["runtime"]["name"] == "none":
        return  # successful at once: a task that others wait for
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
    """Run steps until one fails. Each may keep an equal share of the output that the task has left."""
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
    """Describe how a step ended: a program killed by a signal looks like one that exits with 128 plus its number."""
    by_signal = SHELL_SIGNALS < code <= SHELL_SIGNALS + 64
    return f"exit status {code} ({describe_exit(SHELL_SIGNALS - code)})" if by_signal else describe_exit(code)
