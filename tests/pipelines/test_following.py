"""What `manage.py run` and `restart --follow` say while tasks write, retry and end."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from pipelines import following
from pipelines.execution.pipelines import abort_pipeline
from pipelines.execution.tasks import claim_task, finish_task
from pipelines.following import ABORTED, FAILED, SUCCESSFUL, UNFINISHED, PipelineFollower, any_worker, reason_to_wait
from pipelines.models import Pipeline, Task, TaskStep
from tests.factories import make_definition, make_project, start

pytestmark = pytest.mark.django_db


class Screen:
    """What a follower said, output and notes in their order."""

    def __init__(self, *pipelines: Pipeline, safe: bool = True) -> None:
        self.text = ""
        self.follower = PipelineFollower(pipelines, self._write, self._note, safe=safe)

    def _write(self, text: str) -> None:
        self.text += text

    def _note(self, text: str) -> None:
        self.text += f"[{text}]\n"

    def news(self) -> str:
        """Look, and return what that said."""
        before = len(self.text)
        self.follower.look()
        return self.text[before:]


def begin(pipeline: Pipeline, name: str = "noop") -> Task:
    task = pipeline.tasks.get(name=name, status="created")
    claimed = claim_task(task.pk, pipeline.pk, task.attempt, "node/1")
    assert claimed is not None
    return claimed


def write(task: Task, output: str, position: int = 0, *, ended: bool = False, truncated: bool = False) -> None:
    now = timezone.now()
    TaskStep.objects.update_or_create(
        task=task,
        position=position,
        defaults={"output": output, "output_bytes": len(output.encode()), "truncated": truncated,
                  "end_time": now if ended else None},
        create_defaults={"output": output, "output_bytes": len(output.encode()), "truncated": truncated,
                         "end_time": now if ended else None, "start_time": now},
    )  # fmt: skip


def set_times(row: Pipeline | Task, seconds: float) -> None:
    now = timezone.now()
    type(row).objects.filter(pk=row.pk).update(start_time=now - timedelta(seconds=seconds), end_time=now)


@pytest.fixture
def pipeline() -> Pipeline:
    return start(make_definition(make_project(), concurrent=True))


@pytest.fixture
def pair() -> Pipeline:
    entries = ({"name": "build"}, {"name": "test", "nb_instances": 2, "nb_retries": 1, "dependencies": ["build"]})
    return start(make_definition(make_project(), *entries, concurrent=True))


def test_output_comes_as_it_is_written(pipeline):
    screen = Screen(pipeline)
    assert screen.news() == ""
    task = begin(pipeline)
    write(task, "one\ntw")
    assert screen.news() == "one\ntw"
    assert screen.news() == ""
    write(task, "one\ntwo\n")
    assert screen.news() == "o\n"
    write(task, "one\ntwo\nend", ended=True)
    write(task, "second step\n", 1)
    assert screen.news() == "end\nsecond step\n"
    assert screen.follower.status() == UNFINISHED


def test_last_output_comes_before_the_end(pipeline):
    screen = Screen(pipeline)
    task = begin(pipeline)
    write(task, "done\n", ended=True)
    finish_task(task)
    set_times(pipeline, 1.5)

    assert screen.news() == f"done\n[pipeline {pipeline}: successful after 1.5 s]\n"
    assert screen.follower.look() and screen.follower.status() == SUCCESSFUL
    assert screen.news() == ""


def test_failure_says_why(pipeline):
    screen = Screen(pipeline)
    task = begin(pipeline)
    write(task, "half a li")
    screen.news()
    finish_task(task, "step 1 (\x1b[2Jmake): exit status 3")

    said = screen.news()
    assert said.startswith("\n[noop: failed: step 1 (\\x1b[2Jmake): exit status 3]\n[pipeline deploy")
    assert screen.follower.status() == FAILED


def test_lines_of_several_tasks_have_their_names(pair):
    screen = Screen(pair)
    task = begin(pair, "build")
    write(task, "one\ntw")
    assert screen.news() == "[build: started]\nbuild │ one\n"
    write(task, "one\ntwo\n\nend", ended=True)
    finish_task(task)
    set_times(task, 2)
    assert screen.news() == "build │ two\nbuild │ \nbuild │ end\n[build: successful after 2.0 s]\n"
    first, second = (claim_task(row.pk, pair.pk, row.attempt, "node/1") for row in pair.tasks.filter(name="test"))
    write(first, "a\n")
    write(second, "b\n")
    names = {first.instance_id: "a", second.instance_id: "b"}
    said = screen.news()
    for instance, text in names.items():
        assert f"[test#{instance}: started]\n" in said and f"test#{instance} │ {text}\n" in said


def test_retry_begins_anew(pair):
    screen = Screen(pair)
    finish_task(begin(pair, "build"))
    row = pair.tasks.filter(name="test").first()
    task = claim_task(row.pk, pair.pk, row.attempt, "node/1")
    write(task, "first\n")
    screen.news()
    finish_task(task, "boom")
    label = f"test#{task.instance_id}"
    assert screen.news() == f"[{label}: failed, running again: retry 1 of 1]\n"
    row.refresh_from_db()
    write(claim_task(row.pk, pair.pk, row.attempt, "node/1"), "first\n")
    assert screen.news() == f"[{label}: started]\n{label} │ first\n"


def test_output_whose_middle_is_left_out(pipeline):
    screen = Screen(pipeline)
    task = begin(pipeline)
    head, tail = "head\n" * 100, "".join(f"line {number}\n" for number in range(100))
    write(task, head + tail)
    screen.news()
    write(task, f"{head}\n[… 1,234 bytes left out …]\n{tail[100:]}more\n", truncated=True)
    assert screen.news() == "more\n"
    write(task, f"{head}\n[… 9,999,999 bytes left out …]\nfar behind\n", truncated=True)
    assert screen.news() == "\n[… 9,999,999 bytes left out …]\nfar behind\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n"),
        ("\x1b]0;title\x07\n", "\\x1b]0;title\\x07\n"),
        ("\x1b[2J\x1b[6n\n", "\\x1b[2J\\x1b[6n\n"),
        ("10%\r20%\r\n", "10%\n20%\n"),
        ("a\tb\x9b2J\u202e\n", "a\tb\\x9b2J\\u202e\n"),
    ],
)
def test_output_gives_a_terminal_no_orders(pipeline, written, shown):
    """However it is cut into looks: half of a sequence waits for the other."""
    safe, plain = Screen(pipeline), Screen(pipeline, safe=False)
    task = begin(pipeline)
    for end in range(1, len(written) + 1):
        write(task, written[:end])
        safe.news()
    write(task, written, ended=True)
    safe.news()
    plain.news()

    assert safe.text == shown
    assert plain.text == written


def test_several_pipelines_end_as_the_worst_of_them():
    definition = make_definition(make_project(), concurrent=True)
    good, bad, stopped = (start(definition) for _ in range(3))
    screen = Screen(good, stopped)
    finish_task(begin(good))
    assert not screen.follower.look()
    abort_pipeline(stopped)
    assert screen.follower.look() and screen.follower.status() == ABORTED

    finish_task(begin(bad), "boom")
    screen = Screen(good, stopped, bad)
    assert "[deploy/noop: failed: boom]" in screen.news()
    assert screen.follower.status() == FAILED


def test_deleted_pipeline_has_ended(pipeline):
    screen = Screen(pipeline)
    Pipeline.objects.filter(pk=pipeline.pk).delete()

    assert "deleted" in screen.news()
    assert screen.follower.status() == ABORTED


def test_nothing_starts(pipeline, monkeypatch):
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.0)
    screen = Screen(pipeline)

    assert screen.news() == "[nothing runs it yet: there is no worker. `manage.py up` starts one, " \
        "and so does `manage.py work`]\n"  # fmt: skip
    assert screen.news() == "", "it is said once"


def test_reasons_to_wait():
    definition = make_definition(make_project())
    waiting = start(definition)
    assert not any_worker()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
        assert not any_worker(), "dead ones stay in the table for a while"
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    assert any_worker()
    tasks = list(waiting.tasks.all())
    assert reason_to_wait([waiting], tasks).startswith("it waits for its turn")
    waiting.admitted = True
    assert reason_to_wait([waiting], tasks) == "it waits: the workers are busy"
    tasks[0].throttled = True
    assert "limits" in reason_to_wait([waiting], tasks)


def test_database_that_is_away_for_a_while(pipeline, monkeypatch):
    monkeypatch.setattr(following, "AWAY_SECONDS", 0.01)
    screen, notes = Screen(pipeline), []
    finish_task(begin(pipeline))
    answers = iter([OperationalError("it is\naway"), InterfaceError("the connection is closed"), None])
    look = screen.follower.look

    def look_when_it_answers() -> bool:
        if error := next(answers):
            raise error
        return look()

    with patch.object(screen.follower, "look", look_when_it_answers), patch.object(connection, "close"):
        assert following._follow(screen.follower, notes.append, None) == SUCCESSFUL
    assert notes == ["waiting for the database: it is away"]


def test_time_that_is_up(pipeline):
    screen = Screen(pipeline)
    assert following._follow(screen.follower, print, 0.01) == UNFINISHED
