"""A worker process: procrastinate fetches jobs and runs each in a thread; this keeps their tasks' state correct.

Three threads run besides the jobs. One reports every second which tasks this process still has, and stops those that
were aborted or taken away. One stops all tasks if the first couldn't report for too long. The third is the scheduler,
for periodic work that any worker may do. Other apps add periodic work with threads of its own (periodic.py).
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import connection
from procrastinate.exceptions import ConnectorException

from eventlane.database import DATABASE_FAILED, disconnect
from eventlane.one_line import kind_and_line, one_line
from eventlane.progress import STEP_SECONDS, UNWATCHED, Progress
from pipelines.execution.dispatch import QUEUE
from pipelines.execution.jobs import worker_app
from pipelines.execution.scheduler import Scheduler
from pipelines.execution.tasks import claim_task, finish_task, heartbeat, release_worker
from pipelines.models import Task
from pipelines.periodic import PERIODIC
from pipelines.runtimes.run import TaskFailed, TaskStopped, run_task

logger = logging.getLogger(__name__)
T = TypeVar("T")

HEARTBEAT_SECONDS = 1.0
LATEST_HEARTBEAT_SHARE = 0.7  # of the time after which others consider a task lost: this process then stops it
LATEST_END_SHARE = 0.9  # if that didn't help, this process then ends itself
RETRY_SECONDS = 1.0
GOODBYE_SECONDS = 5.0  # for procrastinate to note in the database that this worker has stopped
SPARE_THREADS = 4  # a job may begin before the thread of another is free
HELPERS = 3  # heartbeat, watch and scheduler
PROGRESS_THREADS = 4  # the event loop, which fetches jobs, and the threads for heartbeat, watch and scheduler
STOPPED = "The worker was stopped while running the task."
OUT_OF_TOUCH = "The worker lost its database connection while running the task."


class Worker:
    """Runs tasks until told to stop."""

    def __init__(self, concurrency: int, progress: Progress = UNWATCHED) -> None:
        self.name = f"{settings.EVENTLANE_NODE}/{os.getpid()}"
        self._concurrency = concurrency
        self._progress = progress
        # Each thread keeps its Django connection: getting one for every job would cost as much as the job. With fewer
        # connections than threads, those that are idle would leave none to the others.
        self._job_threads = concurrency + SPARE_THREADS
        threads = 1 + self._job_threads + HELPERS + len(PERIODIC)
        connection.settings_dict["OPTIONS"]["pool"] |= {"max_size": threads}
        connection.close_pool()  # type: ignore[attr-defined]  # one that is there already keeps its size
        # By task and attempt: once an end is recorded, the next attempt may start here before this one is removed.
        self._running: dict[tuple[str, int], threading.Event] = {}
        self._last_heartbeat = time.monotonic()
        self._stopping = threading.Event()
        self._ended = threading.Event()

    def run(self) -> None:
        """Work until SIGTERM or Ctrl-C; then let tasks end for a while, and stop the rest."""
        helpers = [
            self._helper("heartbeat", self._beat, HEARTBEAT_SECONDS),
            self._helper("watch", self._watch, HEARTBEAT_SECONDS / 2),
            self._helper("scheduler", Scheduler().step, settings.EVENTLANE_CONDUCT_SECONDS),
            *(self._helper(one.name, partial(one.step, self._ended), one.seconds, watched=False) for one in PERIODIC),
        ]
        for helper in helpers:
            helper.start()
        try:
            asyncio.run(self._work())
        finally:
            self._ended.set()
            for helper in helpers:
                helper.join()

    def work_on(self, task_id: str, pipeline_id: str, attempt: int) -> None:
        """Run a task to its end, in a thread of its own that stays alive until then; the runtime relies on it."""
        task = _persistently(lambda: claim_task(task_id, pipeline_id, attempt, self.name))
        if task is None:
            return
        stop = self._running[task_id, attempt] = threading.Event()
        try:
            self._end(task, *self._outcome(task, stop))
        finally:
            del self._running[task_id, attempt]

    def _outcome(self, task: Task, stop: threading.Event) -> tuple[bool, str | None]:
        """Run the task; return whether it was stopped, and why it failed, if it did."""
        try:
            run_task(task, stop)
        except TaskStopped:
            return True, None
        except TaskFailed as failure:
            return False, str(failure)
        except Exception as error:
            logger.exception("task %s crashed in its runtime", task.pk)
            return False, f"The runtime failed: {type(error).__name__}. See the worker's log."
        return False, None

    def _end(self, task: Task, stopped: bool, failure: str | None) -> None:
        """Record the outcome. If the attempt no longer owns the task, at least record that its process is gone."""
        if stopped:
            failure = STOPPED if self._stopping.is_set() else OUT_OF_TOUCH
        if not _persistently(lambda: finish_task(task, failure)):
            _persistently(lambda: release_worker(task))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._job_threads, thread_name_prefix="task"))
        app = worker_app()
        async with app.open_async():
            worker = asyncio.ensure_future(
                app.run_worker_async(
                    queues=[QUEUE],
                    name=self.name,
                    concurrency=self._concurrency,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    additional_context={"worker": self},
                    update_heartbeat_interval=5.0,
                    stalled_worker_timeout=settings.EVENTLANE_TASK_LOST_SECONDS,
                )
            )
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._request_stop, worker)
            showing = asyncio.ensure_future(self._show())
            try:
                await worker
            except (asyncio.CancelledError, ConnectorException) as error:
                if not self._stopping.is_set():
                    raise
                logger.debug("stopped without the database: %r", error)
            finally:
                showing.cancel()

    async def _show(self) -> None:
        """Show that the event loop makes progress."""
        while True:
            self._progress.step()
            await asyncio.sleep(STEP_SECONDS)

    def _request_stop(self, worker: "asyncio.Future[None]") -> None:
        """Stop fetching jobs; give running tasks some time, then stop them."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        worker.cancel()
        asyncio.get_running_loop().call_later(settings.EVENTLANE_WORKER_STOP_SECONDS, self._stop_tasks)
        self._leave_in_time(worker)

    def _leave_in_time(self, worker: "asyncio.Future[None]", was_idle: bool = False) -> None:
        """Once no task has run for a while, don't wait for a database that is away.

        Without it, procrastinate would wait for half a minute. Others notice by themselves that this worker is gone.
        """
        is_idle = not self._running
        if was_idle and is_idle:
            worker.cancel()
        else:
            asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._leave_in_time, worker, is_idle)

    def _stop_tasks(self) -> None:
        for stop in list(self._running.values()):
            stop.set()

    def _helper(
        self, name: str, step: Callable[[], object], seconds: float, *, watched: bool = True
    ) -> threading.Thread:
        """Return a thread that performs a step at this interval until the worker ends, whatever the step raises.

        If a watched one hangs, the supervisor restarts the worker.
        """

        def run() -> None:
            while not self._ended.wait(seconds):
                _survives(name, step)
                if watched:
                    self._progress.step()

        return threading.Thread(target=run, name=name)

    def _beat(self) -> None:
        """Send the heartbeat of this worker's tasks, and stop tasks that it no longer owns."""
        mine, now = dict(self._running), time.monotonic()
        if mine:
            self._heartbeat(mine)
        self._last_heartbeat = now

    def _watch(self) -> None:
        """Stop all tasks before others run them again: running one twice at once would be worse than not at all.

        In its own thread: a dead connection returns nothing, not even an error. If the end of a task waits for such a
        connection, too, this process exits at once, and its tasks end with it.
        """
        silent = (time.monotonic() - self._last_heartbeat) / settings.EVENTLANE_TASK_LOST_SECONDS
        if silent > LATEST_HEARTBEAT_SHARE:
            self._stop_tasks()
        if silent > LATEST_END_SHARE and self._running:
            logger.critical("no answer from the database for too long: ending with %s", list(self._running))
            os._exit(1)

    def _heartbeat(self, mine: dict[tuple[str, int], threading.Event]) -> None:
        going_on = heartbeat(self.name, {task_id for task_id, _ in mine})
        for (task_id, attempt), stop in mine.items():
            if going_on.get(task_id) != attempt:
                stop.set()


def _persistently(move: Callable[[], T]) -> T:
    """Retry a change as long as the database refuses it; finally raise, so that the job runs again.

    By then, others consider the task lost, unless it couldn't even be claimed.
    """
    deadline = time.monotonic() + settings.EVENTLANE_TASK_LOST_SECONDS
    while True:
        try:
            return move()
        except DATABASE_FAILED as error:
            disconnect()
            if time.monotonic() > deadline:
                raise
            logger.warning("a task's state can't be written; trying again: %s", one_line(error))
            time.sleep(RETRY_SECONDS)


def _survives(name: str, step: Callable[[], object]) -> None:
    """Perform a step in our own thread. A failure is logged and the connection closed; the next step may succeed."""
    try:
        step()
    except Exception as error:
        logger.warning("%s: %s", name, kind_and_line(error))
        disconnect()
