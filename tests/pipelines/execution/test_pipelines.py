"""The life of pipelines and tasks, moved by hand as a worker would."""

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from eventlane.wire.errors import StateError
from pipelines.execution.pipelines import abort_pipeline, admit_waiting, delete_expired, restart_pipeline
from pipelines.execution.tasks import claim_task, end_lost_tasks, finish_task, heartbeat, release_worker
from pipelines.models import Pipeline, ScratchpadEntry, Task, TaskStep
from projects.models import Project
from tests.factories import make_definition, make_project, start

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = "node/1"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture(autouse=True)
def no_jobs(db) -> None:
    """pytest-django leaves the tables of procrastinate as they are."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def jobs() -> list[dict]:
    """The jobs that a worker could fetch, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT args, scheduled_at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        return [json.loads(args) | {"at": at} for args, at in cursor.fetchall()]


def claim(task: Task, worker: str = WORKER) -> Task | None:
    task = Task.objects.get(pk=task.pk)
    return claim_task(task.pk, task.pipeline_id, task.attempt, worker)


def run(task: Task, failure: str | None = None) -> None:
    claimed = claim(task)
    assert claimed is not None, f"{task.name} could not be claimed"
    assert finish_task(claimed, failure)


def named(pipeline: Pipeline) -> dict[str, Task]:
    return {task.name: task for task in pipeline.tasks.order_by("id")}


def statuses(pipeline: Pipeline) -> dict[str, str]:
    return {name: task.status for name, task in named(pipeline).items()}


def status(pipeline: Pipeline) -> str:
    return Pipeline.objects.get(pk=pipeline.pk).status


def queued(pipeline: Pipeline) -> set[str]:
    return {task.name for task in pipeline.tasks.filter(queued=True)}


def test_one_task(project):
    pipeline = start(make_definition(project))
    [task] = pipeline.tasks.all()

    assert (status(pipeline), [(job["task"], job["run"]) for job in jobs()]) == ("created", [(task.pk, 1)])
    claimed = claim(task)
    assert (status(pipeline), claimed.status, claimed.worker) == ("started", "started", WORKER)
    assert finish_task(claimed)

    pipeline.refresh_from_db()
    task.refresh_from_db()
    assert (pipeline.status, task.status, task.worker) == ("successful", "successful", "")
    assert pipeline.start_time <= task.end_time <= pipeline.end_time


def test_task_is_claimed_once(project):
    task = start(make_definition(project)).tasks.get()

    assert claim_task(task.pk, task.pipeline_id, 0, "late") is None
    assert claim(task, "first") is not None
    assert claim(task, "second") is None
    assert Task.objects.get().worker == "first"


def test_finish_counts_once(project):
    claimed = claim(start(make_definition(project)).tasks.get())

    assert finish_task(claimed)
    assert not finish_task(claimed, "too late")
    assert Task.objects.get().failure_message == ""


def test_dependencies_hold_tasks_back(project):
    pipeline = start(
        make_definition(
            project, {"name": "a"}, {"name": "b", "dependencies": ["a"]}, {"name": "c", "dependencies": ["a", "b"]}
        )
    )

    for name in "abc":
        assert queued(pipeline) == {name}
        run(named(pipeline)[name])
    assert status(pipeline) == "successful"


def test_dependency_means_all_instances(project):
    pipeline = start(make_definition(project, {"name": "a", "nb_instances": 3}, {"name": "b", "dependencies": ["a"]}))
    instances = list(pipeline.tasks.filter(name="a").order_by("instance_id"))

    assert [task.instance_id for task in instances] == [1, 2, 3]
    for task in instances:
        assert queued(pipeline) == {"a"}
        run(task)
    assert queued(pipeline) == {"b"}


def test_names_of_unnamed_tasks(project):
    pipeline = start(make_definition(project, {}, {}, {"name": "noop-2"}))

    assert [(task.name, task.pipeline_task["name"]) for task in pipeline.tasks.order_by("name")] == [
        ("noop", "noop"), ("noop-2", "noop-2"), ("noop-3", "noop-3"),
    ]  # fmt: skip


def test_failure_aborts_the_others(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b"}, {"name": "c", "dependencies": ["a"]}))
    b = claim(named(pipeline)["b"])
    run(named(pipeline)["a"], "boom")

    assert statuses(pipeline) == {"a": "failed", "b": "aborted", "c": "aborted"}
    assert status(pipeline) == "failed"
    assert Task.objects.get(name="a").failure_message == "boom"
    assert heartbeat(WORKER, [b.pk]) == {}
    assert not finish_task(b)


def test_failure_that_may_go_on(project):
    pipeline = start(
        make_definition(project, {"name": "a", "on_failure": "continue"}, {"name": "b", "dependencies": ["a"]})
    )
    run(named(pipeline)["a"], "boom")
    assert status(pipeline) == "started"
    run(named(pipeline)["b"])

    assert statuses(pipeline) == {"a": "failed", "b": "successful"}
    assert status(pipeline) == "failed"


def test_retries_with_a_delay(project):
    pipeline = start(make_definition(project, {"name": "a", "nb_retries": 2, "retry_delay": 60}))
    task = named(pipeline)["a"]
    claimed = claim(task)
    TaskStep.objects.create(task=claimed, position=0, start_time=timezone.now(), output="first try")
    finish_task(claimed, "boom")

    task.refresh_from_db()
    assert (task.status, task.retry, task.queued, task.start_time) == ("created", 1, True, None)
    assert not task.steps.exists()
    delay = jobs()[-1]["at"] - timezone.now()
    assert timedelta(seconds=55) < delay <= timedelta(seconds=60)
    run(task, "boom")
    assert status(pipeline) == "started"
    run(task, "boom at last")
    task.refresh_from_db()
    assert (task.status, task.retry, task.failure_message) == ("failed", 2, "boom at last")
    assert status(pipeline) == "failed"


def test_pipelines_of_a_definition_take_turns(project):
    definition = make_definition(project)
    now = timezone.now()
    first = start(definition, event_time=now)
    third = start(definition, event_time=now + timedelta(seconds=2))
    second = start(definition, event_time=now + timedelta(seconds=1))

    for pipeline in (first, second, third):
        assert list(Pipeline.objects.filter(admitted=True, end_time=None)) == [pipeline]
        run(pipeline.tasks.get())
    assert not Pipeline.objects.exclude(status="successful").exists()


def test_concurrent_pipelines_run_at_once(project):
    definition = make_definition(project, concurrent=True)
    pipelines = [start(definition), start(definition)]

    assert all(claim(pipeline.tasks.get()) for pipeline in pipelines)


def test_abort_passes_the_turn_on(project):
    definition = make_definition(project)
    first, second, third = (start(definition) for _ in range(3))

    abort_pipeline(second)
    assert (status(second), Pipeline.objects.get(pk=third.pk).admitted) == ("aborted", False)
    abort_pipeline(first)
    assert Pipeline.objects.get(pk=third.pk).admitted


def test_turn_is_passed_on_once_the_processes_are_gone(project):
    definition = make_definition(project)
    first, second = start(definition), start(definition)
    running = claim(first.tasks.get())
    abort_pipeline(first)

    assert not Pipeline.objects.get(pk=second.pk).admitted
    admit_waiting()
    assert not Pipeline.objects.get(pk=second.pk).admitted
    release_worker(running)
    run(second.tasks.get())
    assert status(second) == "successful"


def test_restarted_pipeline_waits_for_its_own_processes(project):
    pipeline = start(make_definition(project))
    running = claim(pipeline.tasks.get())
    abort_pipeline(pipeline)
    restart_pipeline(pipeline)
    assert queued(pipeline) == set()

    release_worker(running)
    run(pipeline.tasks.get())
    assert status(pipeline) == "successful"


def test_turn_that_nobody_took_is_given_later(project):
    definition = make_definition(project)
    pipeline = start(definition)
    Pipeline.objects.update(admitted=False)
    Task.objects.update(queued=False)

    admit_waiting()
    run(pipeline.tasks.get())
    assert status(pipeline) == "successful"


def test_abort_before_the_start_sets_no_times(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b"}))
    abort_pipeline(pipeline)

    pipeline.refresh_from_db()
    assert (pipeline.status, pipeline.start_time, pipeline.end_time) == ("aborted", None, None)
    assert set(statuses(pipeline).values()) == {"aborted"}
    assert claim(named(pipeline)["a"]) is None
    with pytest.raises(StateError) as refused:
        abort_pipeline(pipeline)
    assert refused.value.code == "pipeline_finished"


def test_abort_keeps_what_has_finished(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b", "dependencies": ["a"]}))
    run(named(pipeline)["a"])
    abort_pipeline(pipeline)

    assert statuses(pipeline) == {"a": "successful", "b": "aborted"}
    assert status(pipeline) == "aborted"


def test_restart_runs_everything_again(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b", "dependencies": ["a"]}))
    ScratchpadEntry.objects.create(pipeline=pipeline, key="k", value="v")
    with pytest.raises(StateError) as refused:
        restart_pipeline(pipeline)
    assert refused.value.code == "pipeline_not_finished"
    run(named(pipeline)["a"])
    run(named(pipeline)["b"], "boom")

    restart_pipeline(pipeline)

    pipeline.refresh_from_db()
    assert (pipeline.status, pipeline.start_time, pipeline.end_time) == ("created", None, None)
    assert not pipeline.scratchpad.exists()
    for name in "ab":
        task = named(pipeline)[name]
        assert (task.status, task.failure_message, task.retry) == ("created", "", 0)
        run(task)
    assert status(pipeline) == "successful"


def test_restart_from_failure_keeps_what_succeeded(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b", "dependencies": ["a"]}))
    ScratchpadEntry.objects.create(pipeline=pipeline, key="k", value="v")
    run(named(pipeline)["a"])
    run(named(pipeline)["b"], "boom")
    began = Pipeline.objects.get(pk=pipeline.pk).start_time

    restart_pipeline(pipeline, from_failure=True)

    assert statuses(pipeline) == {"a": "successful", "b": "created"}
    run(named(pipeline)["b"])
    pipeline.refresh_from_db()
    assert (pipeline.status, pipeline.start_time) == ("successful", began)
    assert pipeline.scratchpad.count() == 1
    with pytest.raises(StateError) as refused:
        restart_pipeline(pipeline, from_failure=True)
    assert refused.value.code == "pipeline_not_failed"


def test_restarted_task_waits_for_the_end_of_its_earlier_run(project):
    pipeline = start(make_definition(project, {"name": "a"}))
    claimed = claim(named(pipeline)["a"])
    abort_pipeline(pipeline)
    restart_pipeline(pipeline)

    assert queued(pipeline) == set()
    assert heartbeat(WORKER, [claimed.pk]) == {}
    release_worker(claimed)
    assert queued(pipeline) == {"a"}
    run(named(pipeline)["a"])
    assert status(pipeline) == "successful"


def test_lost_worker(project):
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b"}))
    lost, alive = claim(named(pipeline)["a"]), claim(named(pipeline)["b"])
    Task.objects.filter(pk=lost.pk).update(heartbeat_time=timezone.now() - timedelta(seconds=31))
    assert heartbeat(WORKER, [alive.pk]) == {alive.pk: alive.attempt}

    assert [task.pk for task in end_lost_tasks(timezone.now())] == [lost.pk]
    assert statuses(pipeline) == {"a": "failed", "b": "aborted"}
    assert WORKER in Task.objects.get(pk=lost.pk).failure_message
    assert not finish_task(lost)


def test_lost_worker_of_a_task_with_retries(project):
    pipeline = start(make_definition(project, {"name": "a", "nb_retries": 1}))
    lost = claim(named(pipeline)["a"])
    Task.objects.update(heartbeat_time=timezone.now() - timedelta(seconds=31))
    end_lost_tasks(timezone.now())

    again = claim(named(pipeline)["a"], "other/2")
    assert again is not None
    assert not finish_task(lost, "late")
    assert finish_task(again)
    assert status(pipeline) == "successful"


@pytest.mark.parametrize("everywhere, of_projects, of_project", [(1, 0, None), (0, 1, None), (0, 0, 1), (5, 4, 1)])
def test_limits_of_running_tasks(project, settings, everywhere, of_projects, of_project):
    settings.EVENTLANE_MAX_RUNNING_TASKS = everywhere
    settings.EVENTLANE_PROJECT_MAX_RUNNING_TASKS = of_projects
    Project.objects.update(max_running_tasks=of_project)
    pipeline = start(make_definition(project, {"name": "a"}, {"name": "b"}, {"name": "c"}))
    first = claim(named(pipeline)["a"])

    assert claim(named(pipeline)["b"]) is None
    assert claim(named(pipeline)["c"]) is None
    assert set(Task.objects.filter(throttled=True).values_list("name", flat=True)) == {"b", "c"}
    finish_task(first)
    for _ in range(2):
        [woken] = pipeline.tasks.filter(queued=True)
        run(woken)
    assert status(pipeline) == "successful"


def test_limit_of_one_project_leaves_others_alone(project):
    Project.objects.update(max_running_tasks=1)
    other = make_project("other")
    mine = [start(make_definition(project, concurrent=True)), None]
    mine[1] = start(mine[0].definition)
    theirs = start(make_definition(other))

    assert claim(mine[0].tasks.get())
    assert claim(mine[1].tasks.get()) is None
    assert claim(theirs.tasks.get())


def test_parked_tasks_of_one_project_do_not_hide_those_of_another(project, settings):
    settings.EVENTLANE_PROJECT_MAX_RUNNING_TASKS = 1
    definition, theirs = (
        make_definition(project, concurrent=True),
        make_definition(make_project("other"), concurrent=True),
    )
    mine = [start(definition) for _ in range(4)]
    others = [start(theirs) for _ in range(2)]
    running, their_running = claim(mine[0].tasks.get()), claim(others[0].tasks.get())
    for pipeline in (*mine[1:], others[1]):
        assert claim(pipeline.tasks.get()) is None

    finish_task(their_running)
    assert others[1].tasks.get().queued
    finish_task(running)
    assert Task.objects.filter(project=project, queued=True).count() == 1  # any: ids of one second have no order


def test_restarted_pipeline_is_not_deleted(project):
    pipeline = start(make_definition(project, retention=1))
    run(pipeline.tasks.get())
    restart_pipeline(pipeline)

    assert delete_expired(timezone.now() + timedelta(days=3)) == 0
    assert Pipeline.objects.filter(pk=pipeline.pk).exists()


def test_retention(project):
    pipeline = start(make_definition(project, retention=2))
    run(pipeline.tasks.get())
    now = timezone.now()

    assert delete_expired(now + timedelta(days=1, hours=23)) == 0
    assert delete_expired(now + timedelta(days=2, seconds=1)) == 1
    assert not Pipeline.objects.exists()
    assert not Task.objects.exists()


def test_deleted_definition_leaves_the_pipeline(project):
    definition = make_definition(project)
    pipeline = start(definition)
    definition.delete()

    pipeline.refresh_from_db()
    assert pipeline.definition_id is None
    run(pipeline.tasks.get())
    assert status(pipeline) == "successful"


def test_waiting_pipeline_of_a_deleted_definition(project):
    definition = make_definition(project)
    first, second = start(definition), start(definition)
    definition.delete()

    admit_waiting()
    for pipeline in (second, first):
        run(pipeline.tasks.get())
        assert status(pipeline) == "successful"


def test_event_and_pipeline_are_made_together_or_not_at_all(project):
    definition = make_definition(project, concurrent=True)
    before = jobs()
    with pytest.raises(RuntimeError), transaction.atomic():
        start(definition)
        assert len(jobs()) == len(before) + 1
        raise RuntimeError
    assert not Pipeline.objects.exists()
    assert jobs() == before
