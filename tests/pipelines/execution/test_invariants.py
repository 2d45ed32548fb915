"""Random operations from several connections at once, and what must hold whatever they do."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from eventlane.wire.errors import StateError
from pipelines.execution.pipelines import abort_pipeline, admit_waiting, restart_pipeline
from pipelines.execution.tasks import claim_task, end_lost_tasks, finish_task, heartbeat, release_worker
from pipelines.models import UNFINISHED, Pipeline, Resource, Task
from projects.models import Project
from tests.factories import make_definition, make_project, start

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ENOUGH_RUNS = 50
WORKERS, CHAOS_SECONDS, DRAIN_SECONDS = 3, 4.0, 30.0  # with the others, fewer threads than connections
BROKEN_ORDER = """
SELECT count(*) FROM projects_task AS me JOIN projects_task AS other ON other.pipeline_id = me.pipeline_id
WHERE me.id = %s AND me.run = %s AND me.status = 'started'
  AND jsonb_exists(me.dependencies, other.name) AND other.status IN ('created', 'started')
"""
FINISHED_WITH_UNFINISHED = """
SELECT p.id FROM projects_pipeline AS p JOIN projects_task AS t ON t.pipeline_id = p.id
WHERE p.status NOT IN ('created', 'started') AND t.status IN ('created', 'started')
"""
TWO_AT_ONCE = """
SELECT definition_id FROM projects_pipeline
WHERE NOT concurrent AND status = 'started' GROUP BY definition_id HAVING count(*) > 1
"""


class Game:
    """Workers that run tasks which do nothing, and users who start, abort and restart."""

    def __init__(self, project: Project, seed: int) -> None:
        self.seed = seed
        self.definitions = [
            make_definition(
                project, {"name": "a", "nb_instances": 2}, {"name": "b", "dependencies": ["a"]}, name="two"
            ),
            make_definition(
                project,
                {"name": "a", "nb_retries": 2},
                {"name": "b", "on_failure": "continue"},
                {"name": "c", "dependencies": ["a", "b"]},
                {"name": "d", "dependencies": ["c"]},
                name="diamond",
                concurrent=True,
            ),
            make_definition(project, {"name": "a"}, name="one"),
        ]
        self.at_it: dict[str, tuple[str | None, str]] = {}  # task → definition that has one slot, pipeline
        self.guard = threading.Lock()
        self.runs = 0
        self.chaos_ends = time.monotonic() + CHAOS_SECONDS
        self.done = threading.Event()

    def play(self) -> None:
        with ThreadPoolExecutor(WORKERS + 2) as pool:
            players = [pool.submit(self._as(self.work, n)) for n in range(WORKERS)]
            players.append(pool.submit(self._as(self.use, 10)))
            players.append(pool.submit(self._as(self.look, 20)))
            deadline = time.monotonic() + CHAOS_SECONDS + DRAIN_SECONDS
            while time.monotonic() < deadline and not self.done.wait(0.1):
                if self.is_calm() and not Pipeline.objects.filter(status__in=UNFINISHED).exists():
                    break
            self.done.set()
        for player in players:
            player.result()

    def is_calm(self) -> bool:
        """Tell whether no more pipelines are to begin: a slow machine takes longer until enough have run."""
        late = time.monotonic() - self.chaos_ends
        return late > 0 and (self.runs > ENOUGH_RUNS or late > DRAIN_SECONDS / 2)

    def _as(self, role, number: int):
        def play() -> None:
            try:
                role(random.Random(self.seed * 100 + number), f"node/{number}")
            finally:
                self.done.set()
                connection.close()

        return play

    def work(self, dice: random.Random, me: str) -> None:
        """A worker: takes any queued task, like procrastinate's jobs, and sometimes the same one as another."""
        while not self.done.is_set():
            queued = Task.objects.filter(queued=True).values_list("pk", "pipeline_id", "attempt")
            waiting = list(queued.filter(pk__in=list(self.at_it))) or list(queued[:10])  # those others are at, first
            if not waiting:
                self.done.wait(0.005)
                continue
            task = claim_task(*dice.choice(waiting), me)
            if task is not None:
                self._run(task, dice, me)

    def _run(self, task: Task, dice: random.Random, me: str) -> None:
        slot = None if task.pipeline.concurrent else task.pipeline.definition_id
        with self.guard:
            assert task.pk not in self.at_it, "a task runs twice at once"
            others = {pipeline for definition, pipeline in self.at_it.values() if definition == slot}
            assert slot is None or others <= {task.pipeline_id}, "two pipelines of one slot run at once"
            self.at_it[task.pk] = (slot, task.pipeline_id)
            self.runs += 1
        assert _value(BROKEN_ORDER, [task.pk, task.attempt]) == 0, "a task started before its dependencies ended"
        time.sleep(dice.random() * 0.05)  # the task runs
        stopped = heartbeat(me, [task.pk]).get(task.pk) != task.attempt
        with self.guard:
            del self.at_it[task.pk]
        if dice.random() < 0.05:
            Task.objects.filter(pk=task.pk, attempt=task.attempt, worker=me).update(
                heartbeat_time=timezone.now() - timedelta(hours=1)
            )
            return  # killed: nobody finishes this run, others find it lost
        failure = "boom" if dice.random() < 0.2 else None
        if stopped or not finish_task(task, failure):
            finish_task(task, "stopped")
            release_worker(task)

    def use(self, dice: random.Random, me: str) -> None:
        """A user, until the chaos ends; then one who only lets what waits go on."""
        while not self.done.is_set():
            if self.is_calm():
                admit_waiting()
                end_lost_tasks(timezone.now())
                self.done.wait(0.05)
                continue
            with suppress(StateError):
                self._do_something(dice)

    def _do_something(self, dice: random.Random) -> None:
        some = Pipeline.objects.order_by("?").first()
        act = dice.choice(["start", "start", "abort", "restart", "retry", "bounce", "sweep"]) if some else "start"
        if act == "start":
            start(Resource.objects.get(pk=dice.choice(self.definitions).pk))
        elif act == "abort":
            abort_pipeline(some)
        elif act == "bounce":
            running = Pipeline.objects.filter(tasks__in=list(self.at_it)).first() or some
            abort_pipeline(running)
            restart_pipeline(running)
        elif act == "sweep":
            end_lost_tasks(timezone.now())
        else:
            restart_pipeline(some, from_failure=act == "retry")

    def look(self, dice: random.Random, me: str) -> None:
        """Look at the whole, again and again."""
        while not self.done.is_set():
            assert _value(FINISHED_WITH_UNFINISHED) is None, "a finished pipeline has an unfinished task"
            assert _value(TWO_AT_ONCE) is None, "two pipelines of a definition run at once"
            self.done.wait(0.01)


def _value(query: str, values: list | None = None):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    return row and row[0]


@pytest.mark.parametrize("limit", [None, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_invariants_hold(seed, limit):
    game = Game(make_project(max_running_tasks=limit), seed)

    game.play()

    assert game.runs > ENOUGH_RUNS
    assert not Pipeline.objects.filter(status__in=UNFINISHED).exists(), "a pipeline never ended"
    assert not Task.objects.exclude(worker="").exists()
