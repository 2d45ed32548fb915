"""Follow pipelines in a terminal: show the output of their tasks live, and how they end."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.management.base import BaseCommand
from django.db import connection
from django.db.models.functions import Now
from procrastinate.contrib.django.models import ProcrastinateWorker

from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from pipelines.models import Pipeline, Status, Task, TaskStep

LOOK_SECONDS = 0.3
AWAY_SECONDS = 2.0  # between queries while the database doesn't answer
PATIENCE_SECONDS = 5.0  # how long a pipeline waits before we explain why
WORKER_SECONDS = 20.0  # workers report every 5 s
ANCHOR_LENGTH = 200

SUCCESSFUL, FAILED, ABORTED, UNFINISHED, INTERRUPTED = 0, 1, 2, 3, 130  # exit statuses
ENDINGS = {str(Status.SUCCESSFUL): SUCCESSFUL, str(Status.FAILED): FAILED, str(Status.ABORTED): ABORTED}

GAP = re.compile(r"\n\[… [\d,]+ bytes left out …\]\n")
# What a terminal would obey: control characters except line ends, tabs and colours; separators; direction marks.
UNSAFE = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
UNDECIDED = re.compile(r"(?:\r|\x1b(?:\[[0-9;]*)?)\Z")  # the next character decides what this is

Say = Callable[[str], object]


@dataclass
class Shown:
    """What was shown of a step."""

    text: str = ""  # as read
    rest: str = ""  # its end, which waits for more
    state: tuple[int, bool] = (-1, False)  # of the row it was read from


class PipelineFollower:
    """Shows, on each look, what is new since the last: output as it is, everything else as notes.

    If there are several tasks, lines of output start with the task's name. With `safe`, output can't control the
    terminal.
    """

    def __init__(self, pipelines: Sequence[Pipeline], write: Say, note: Say, *, safe: bool = False) -> None:
        self._ids = [pipeline.pk for pipeline in pipelines]
        self._names = {pipeline.pk: pipeline.name for pipeline in pipelines}
        self._write, self._note, self._safe = write, note, safe
        self._seen: dict[str, tuple[str, int]] = {}  # status and retry by task
        self._steps: dict[int, Shown] = {}
        self._open = False  # the last line written hasn't ended yet
        self._several = Task.objects.filter(pipeline__in=self._ids).count() > 1
        self._patient_until = time.monotonic() + PATIENCE_SECONDS
        self.endings: dict[str, str] = {}  # last status by pipeline

    def look(self) -> bool:
        """Show what is new; return whether all pipelines have ended."""
        # In this order: a task's output is stored before its end, and its end before the pipeline's.
        pipelines = {row.pk: row for row in Pipeline.objects.filter(pk__in=self._ids).defer("spec")}
        tasks = list(Task.objects.filter(pipeline__in=self._ids).order_by("start_time", "id").defer("spec"))
        for task in tasks:
            self._note_start(task)
        self._show_output(tasks)
        for task in tasks:
            self._note_end(task)
        for pipeline_id in self._ids:
            self._note_pipeline(pipeline_id, pipelines.get(pipeline_id))
        self._explain(pipelines.values(), tasks)
        return len(self.endings) == len(self._ids)

    def status(self) -> int:
        """Return the exit status: that of the worst outcome."""
        if len(self.endings) < len(self._ids):
            return UNFINISHED
        codes = {ENDINGS[status] for status in self.endings.values()}
        return next((code for code in (FAILED, ABORTED) if code in codes), SUCCESSFUL)

    # Notes

    def _label(self, task: Task) -> str:
        """Return a task's label: its name, with its pipeline and instance if needed to tell it apart."""
        pipeline = f"{self._names[task.pipeline_id]}/" if len(self._ids) > 1 else ""
        instance = f"#{task.instance_id}" if task.pipeline_task.get("nb_instances", 1) > 1 else ""
        return f"{pipeline}{task.name}{instance}"

    def _note_start(self, task: Task) -> None:
        before, retry = self._seen.get(task.pk, (Status.CREATED, 0))
        if task.retry > retry:
            self._say(f"{self._label(task)}: failed, running again: retry {task.retry} of {_retries(task)}")
            before = Status.CREATED
        if self._several and task.status == Status.STARTED != before:
            self._say(f"{self._label(task)}: started")

    def _note_end(self, task: Task) -> None:
        before = self._seen.get(task.pk, (Status.CREATED, 0))
        self._seen[task.pk] = (task.status, task.retry)
        if not task.is_finished or before == self._seen[task.pk]:
            return
        if task.status == Status.FAILED:
            self._say(f"{self._label(task)}: failed: {visible(task.failure_message)}")
        elif self._several:
            self._say(f"{self._label(task)}: {task.status}{duration(task.start_time, task.end_time)}")

    def _note_pipeline(self, pipeline_id: str, pipeline: Pipeline | None) -> None:
        if pipeline_id in self.endings:
            return
        if pipeline is None:
            self.endings[pipeline_id] = str(Status.ABORTED)
            self._say(f"pipeline {self._names[pipeline_id]} {pipeline_id}: deleted")
        elif pipeline.is_finished:
            self.endings[pipeline_id] = pipeline.status
            self._say(f"pipeline {pipeline}: {pipeline.status}{duration(pipeline.start_time, pipeline.end_time)}")

    def _explain(self, pipelines: Iterable[Pipeline], tasks: Sequence[Task]) -> None:
        """Explain once why nothing happens, if nothing happens for a while."""
        if time.monotonic() < self._patient_until:
            return
        self._patient_until = float("inf")
        if tasks and all(task.status == Status.CREATED for task in tasks):
            self._say(reason_to_wait(list(pipelines), tasks))

    def _say(self, text: str) -> None:
        if self._open:
            self._write("\n")
            self._open = False
        self._note(text)

    # Output

    def _show_output(self, tasks: Sequence[Task]) -> None:
        labels = {task.pk: f"{self._label(task)} │ " if self._several else "" for task in tasks}
        steps = TaskStep.objects.filter(task__in=list(labels)).order_by("start_time", "pk").defer("output")
        news = [step for step in steps if self._steps.setdefault(step.pk, Shown()).state != _state(step)]
        outputs = dict(TaskStep.objects.filter(pk__in=[step.pk for step in news]).values_list("pk", "output"))
        for step in news:
            if step.pk in outputs:  # otherwise a retry has just deleted it
                self._show_step(step, outputs[step.pk], labels[step.task_id])

    def _show_step(self, step: TaskStep, output: str, label: str) -> None:
        shown = self._steps[step.pk]
        text = shown.rest + _news(shown.text, output)
        shown.rest = self._show(text, label, step.end_time is not None)
        shown.text, shown.state = output, _state(step)

    def _show(self, text: str, label: str, ended: bool) -> str:
        """Write a text except for its end that must wait for more, and return that end."""
        rest = "" if ended else _undecided(text, whole_lines=bool(label))
        text = text.removesuffix(rest)
        if self._safe:
            text = UNSAFE.sub(lambda match: repr(match[0])[1:-1], text.replace("\r\n", "\n").replace("\r", "\n"))
        if label and text:
            text = "".join(f"{label}{line}\n" for line in text.removesuffix("\n").split("\n"))
        elif ended and (text or self._open) and not text.endswith("\n"):
            text += "\n"
        if text:
            self._write(text)
            self._open = not text.endswith("\n")
        return rest


def follow_pipelines(command: BaseCommand, pipelines: Sequence[Pipeline], timeout: float | None = None) -> int:
    """Follow pipelines on a command's outputs: task output on standard output, notes on standard error.

    Returns the exit status. After Ctrl-C or a timeout, says how to continue.
    """

    def write(text: str) -> None:
        command.stdout.write(text, ending="")
        command.stdout.flush()

    def note(text: str) -> None:
        command.stderr.write(text, str)  # not in the colour of errors

    try:
        status = _follow(PipelineFollower(pipelines, write, note, safe=command.stdout.isatty()), note, timeout)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:  # `run … | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = INTERRUPTED
    if status in (UNFINISHED, INTERRUPTED):
        ids = " ".join(pipeline.pk for pipeline in pipelines)
        note(f"no longer following; it goes on. `manage.py pipelines {ids}` shows it, `manage.py abort {ids}` stops it")
    return status


def _follow(follower: PipelineFollower, note: Say, timeout: float | None = None) -> int:
    """Look until all pipelines have ended or time is up; return the exit status."""
    deadline = time.monotonic() + timeout if timeout is not None else float("inf")
    away = False
    while True:
        try:
            if follower.look():
                return follower.status()
            away = False
        except DATABASE_FAILED as error:
            if not away:
                note(f"waiting for the database: {one_line(error)}")
            away = True
            connection.close()
        left = deadline - time.monotonic()
        if left <= 0:
            return UNFINISHED
        time.sleep(min(left, AWAY_SECONDS if away else LOOK_SECONDS))


def reason_to_wait(pipelines: Sequence[Pipeline], tasks: Sequence[Task]) -> str:
    """Explain why nothing of these pipelines runs yet."""
    if not any_worker():
        return "nothing runs it yet: there is no worker. `manage.py up` starts one, and so does `manage.py work`"
    if not any(pipeline.admitted for pipeline in pipelines):
        return "it waits for its turn: an earlier run of the same pipeline has not ended"
    if any(task.throttled for task in tasks):
        return "it waits: as many tasks are running as the limits allow"
    return "it waits: the workers are busy"


def any_worker() -> bool:
    """Return whether a worker has reported recently."""
    alive = ProcrastinateWorker.objects.filter(last_heartbeat__gt=Now() - timedelta(seconds=WORKER_SECONDS))
    return alive.exists()


def visible(text: str) -> str:
    """Return a text in one line that can't control a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _state(step: TaskStep) -> tuple[int, bool]:
    return step.output_bytes, step.end_time is not None


def _news(before: str, now: str) -> str:
    """Return what was added to a step's output. Once its middle is left out, positions in it have moved."""
    if now.startswith(before):
        return now[len(before) :]
    place = now.rfind(before[-ANCHOR_LENGTH:])
    if place >= 0:
        return now[place + len(before[-ANCHOR_LENGTH:]) :]
    gap = GAP.search(now)
    return now[gap.start() :] if gap else now


def _undecided(text: str, *, whole_lines: bool) -> str:
    """Return the end of a text that can't be shown before more of it arrives."""
    if whole_lines:
        return text[text.rfind("\n") + 1 :]
    match = UNDECIDED.search(text)
    return match[0] if match else ""


def _retries(task: Task) -> int:
    return int(task.pipeline_task.get("nb_retries", 0))


def duration(start: datetime | None, end: datetime | None) -> str:
    """Return ` after 1.5 s`, or an empty text if the times aren't known."""
    return f" after {(end - start).total_seconds():.1f} s" if start and end else ""
