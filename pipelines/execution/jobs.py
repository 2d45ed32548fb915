"""What procrastinate's workers are asked to do: jobs that name an attempt at a task.

Jobs are made by name on Django's own connection, in the transaction that found the task ready (dispatch.py). Workers
have an app of their own, on connections of procrastinate's, so that a task's code never makes jobs outside of a
transaction.
"""

from django.db import connection
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

from pipelines.execution.dispatch import RUN_TASK

AGAIN_SECONDS = 5  # after a job that could not even begin or end its task: the database was away


def worker_app() -> App:
    """Return the app of a worker process, not opened yet."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    app = App(connector=PsycopgConnector(kwargs=parameters, min_size=1, max_size=4))
    app.task(name=RUN_TASK, pass_context=True, retry=RetryStrategy(wait=AGAIN_SECONDS))(run_task)
    return app


def run_task(context: JobContext, task: str, pipeline: str, run: int) -> None:
    """Run a task in the worker that fetched the job, unless that attempt is over or taken.

    `run` is the attempt: jobs that an earlier release queued name it so.
    """
    context.additional_context["worker"].work_on(task, pipeline, run)
