"""What is kept of output, and how it gets into the database while a step runs."""

import threading
import time

import pytest
from django.db import OperationalError
from django.db.models import QuerySet

from pipelines.models import TaskStep
from pipelines.runtimes.output import Excerpt
from pipelines.runtimes.run import TaskStopped, run_task
from tests.pipelines.runtimes.conftest import outputs, run
from tests.waiting import wait_until


def excerpt(limit: int, *pieces: bytes) -> str:
    one = Excerpt(limit)
    for piece in pieces:
        one.add(piece)
    assert one.kept <= limit
    return one.text(final=True)


def test_head_and_tail_are_kept():
    text = "".join(f"{number:04}\n" for number in range(1000)).encode()

    for size in (1, 7, 5000):
        pieces = [text[begin : begin + size] for begin in range(0, len(text), size)]
        assert excerpt(20, *pieces) == "0000\n0001\n\n[… 4,980 bytes left out …]\n0998\n0999\n"


def test_output_that_fits_is_kept_whole():
    assert excerpt(10, b"01234", b"56789") == "0123456789"


@pytest.mark.parametrize(
    "data, text",
    [
        (b"a\0b", "a\ufffdb"),
        (b"\xff\xfeok", "\ufffd\ufffdok"),
        ("né".encode()[:-1], "n\ufffd"),
    ],
)
def test_what_postgresql_refuses_is_replaced(data, text):
    assert excerpt(100, data) == text


def test_characters_are_not_cut():
    text = excerpt(10, ("€" * 10).encode())

    assert text == "€\n[… 20 bytes left out …]\n€"


def test_unfinished_character_waits():
    one = Excerpt(100)
    one.add("é".encode()[:1])
    assert one.text(final=False) == ""
    one.add("é".encode()[1:])
    assert one.text(final=False) == "é"


@pytest.mark.django_db
def test_output_of_a_task_is_bounded(make_task, settings):
    settings.EVENTLANE_TASK_OUTPUT_KB = 8
    task = make_task("echo short", "seq 1 100000", "echo tail")

    short, long, tail = run(task)

    step = task.steps.get(position=1)
    assert (short, tail) == ("short\n", "tail\n")
    assert long.startswith("1\n2\n") and long.endswith("\n100000\n") and "bytes left out" in long
    assert step.truncated and step.output_bytes == 588_895 and len(long) < 6000


@pytest.mark.django_db
def test_binary_output_is_stored(make_task):
    assert run(make_task("printf 'a\\0\\377b'")) == ["a\ufffd\ufffdb"]


@pytest.mark.django_db(transaction=True)
def test_output_is_there_while_the_step_runs(make_task):
    task, stop = make_task("echo begun; sleep 60"), threading.Event()
    errors = []

    def work() -> None:
        try:
            run_task(task, stop)
        except TaskStopped as error:
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_until(lambda: outputs(task) == ["begun\n"])
        step = task.steps.get()
        assert step.start_time and step.end_time is None and step.exit_code is None
    finally:
        stop.set()
        worker.join(60)
    assert len(errors) == 1 and task.steps.get().end_time


@pytest.mark.django_db
def test_database_that_is_away_for_a_while_costs_nothing(make_task, monkeypatch):
    """The first stores of the row and of its output fail, as when PostgreSQL is restarted."""
    failures = iter([True, True, True])
    save, update = TaskStep.save, QuerySet.update

    def flaky_save(self, **options):
        if next(failures, False):
            raise OperationalError("the database is starting up")
        return save(self, **options)

    def flaky_update(self, **fields):
        if self.model is TaskStep and next(failures, False):
            raise OperationalError("the database is starting up")
        return update(self, **fields)

    monkeypatch.setattr(TaskStep, "save", flaky_save)
    monkeypatch.setattr(QuerySet, "update", flaky_update)
    begin = time.monotonic()

    assert run(make_task("echo one; sleep 0.7; echo two")) == ["one\ntwo\n"]
    assert next(failures, None) is None and time.monotonic() - begin < 30


@pytest.mark.django_db
def test_output_of_an_earlier_run_is_gone(make_task):
    task = make_task("echo once", "echo twice")
    run(task)

    assert run(task) == ["once\n", "twice\n"]
