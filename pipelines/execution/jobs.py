"""The jobs of procrastinate's workers. Each names an attempt at a task.

Jobs are created by name on Django's own connection, in the transaction that found the task ready (dispatch.py).
Workers have their own app on connections of procrastinate's, so that a task's code never creates jobs outside a
transaction.
"""

from django.db import connection
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

from pipelines.execution.dispatch import RUN_TASK

AGAIN_SECONDS = 5  # before a job is retried that couldn't even start or end its task: the database was away


def worker_app() -> App:
    """Return the app of a worker process, not yet opened."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    app = App(connector=PsycopgConnector(kwargs=parameters, min_size=1, max_size=4))
    app.task(name=RUN_TASK, pass_context=True, retry=RetryStrategy(wait=AGAIN_SECONDS))(run_task)
    return app


def run_task(context: JobContext, task: str, pipeline: str, run: int) -> None:
    """Run a task in the worker that fetched the job, unless that attempt is over or taken.

    `run` is the attempt; jobs queued by an earlier release use this name.
    """
    context.additional_context["worker"].work_on(task, pipeline, run)
