"""The runtimes as the worker knows them."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pipelines.models import TaskStep
from pipelines.runtimes.run import TaskFailed, TaskStopped, run_task
from pipelines.runtimes.steps import interpreter_of

pytestmark = pytest.mark.django_db


def test_none_is_successful_at_no_cost(make_task):
    task = make_task(runtime="none")

    with CaptureQueriesContext(connection) as captured:
        run_task(task, threading.Event())

    assert len(captured) == 0 and not TaskStep.objects.exists()


def test_unknown_runtime(make_task):
    with pytest.raises(TaskFailed, match="there is no runtime 'jail'"):
        run_task(make_task(runtime="jail"), threading.Event())


@pytest.mark.parametrize("runtime", ["local", "container"])
def test_stop_before_the_start(make_task, runtime):
    stop = threading.Event()
    stop.set()

    with pytest.raises(TaskStopped):
        run_task(make_task("echo no", runtime=runtime, parameters={"image": "x"}), stop)

    assert not TaskStep.objects.exists()


@pytest.mark.parametrize(
    "script, interpreter",
    [
        ("#!/bin/sh\n", ["/bin/sh"]),
        ("#! /bin/sh -eu \nx", ["/bin/sh", "-eu"]),
        ("#!/usr/bin/env -S python3 -u\n", ["/usr/bin/env", "-S python3 -u"]),
        ("echo", ["/bin/sh"]),
        ("#!", ["/bin/sh"]),
    ],
)
def test_interpreter_is_what_the_kernel_would_run(script, interpreter):
    assert interpreter_of(script) == interpreter
