"""The baseline for tasks per second: procrastinate's own workers on jobs that do nothing.

`python -m benchmarks.bare_jobs defer N` creates jobs, `python -m benchmarks.bare_jobs work` runs them all.
"""

import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection  # noqa: E402
from procrastinate import App, PsycopgConnector  # noqa: E402

from benchmarks.pipelines import BARE_JOB, CONCURRENCY  # noqa: E402

QUEUE = "bench"


def noop() -> None:
    """Do nothing, in a thread like our tasks."""


async def main(act: str, *numbers: str) -> None:
    """Create jobs or run them, with the settings of our own workers."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    app = App(connector=PsycopgConnector(kwargs=parameters, min_size=1, max_size=4))
    job = app.task(name=BARE_JOB, queue=QUEUE)(noop)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(CONCURRENCY + 4))
    async with app.open_async():
        if act == "defer":
            await job.batch_defer_async(*({} for _ in range(int(numbers[0]))))
        else:
            await app.run_worker_async(
                queues=[QUEUE], concurrency=CONCURRENCY, wait=False, install_signal_handlers=False
            )


if __name__ == "__main__":
    logging.getLogger("procrastinate").setLevel(logging.ERROR)  # it warns about an app created in a script
    asyncio.run(main(*sys.argv[1:]))
