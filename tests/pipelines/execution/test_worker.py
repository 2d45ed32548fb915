"""What a worker remembers of its tasks."""

import threading

import pytest
from django.db import connection

from pipelines.execution import worker as module
from pipelines.execution.worker import Worker
from pipelines.models import Task
from tests.factories import make_definition, make_project, start

pytestmark = pytest.mark.django_db(transaction=True)


def test_next_run_of_a_task_may_begin_before_the_last_is_forgotten(monkeypatch):
    task = start(make_definition(make_project(), {"nb_retries": 1})).tasks.get()
    worker = Worker(1)
    begun, may_end, real_finish = threading.Event(), threading.Event(), module.finish_task
    remembered = []

    def run_task(task: Task, stop: threading.Event) -> None:
        if task.retry == 0:
            raise module.TaskFailed("once")
        begun.set()
        assert may_end.wait(10)

    def work_again() -> None:
        worker.work_on(task.pk, task.pipeline_id, 2)
        connection.close()

    second = threading.Thread(target=work_again)

    def finish_task(task: Task, failure: str | None) -> bool:
        finished = real_finish(task, failure)
        if failure:  # the retry is dispatched; let it begin while this run is still on its way out
            second.start()
            assert begun.wait(10)
        return finished

    monkeypatch.setattr(module, "run_task", run_task)
    monkeypatch.setattr(module, "finish_task", finish_task)
    worker.work_on(task.pk, task.pipeline_id, 1)
    remembered += worker._running
    may_end.set()
    second.join()

    assert remembered == [(task.pk, 2)]
    assert not worker._running
    assert Task.objects.get().status == "successful"


def test_thread_of_a_worker_outlives_what_its_steps_raise():
    worker, steps, went_on = Worker(1), [], threading.Event()

    def refuse_to_close() -> None:
        raise RuntimeError("this connection can't even be closed")

    def step() -> None:
        steps.append(threading.current_thread().name)
        if len(steps) == 3:
            del connection.close
            went_on.set()
            return
        connection.close = refuse_to_close
        raise RuntimeError("a step of mine")

    helper = worker._helper("scheduler", step, 0.01)
    helper.start()
    try:
        assert went_on.wait(10)
    finally:
        worker._ended.set()
        helper.join()
    assert steps[:3] == ["scheduler"] * 3
