"""One process of the web server: granian's HTTP around the door, without granian's master process.

`up` starts EVENTLANE_WEB_PROCESSES of them. They share the port (SO_REUSEPORT), and Linux distributes the connections.
If one dies, only its own connections break; new ones go to the others.
"""

import argparse
import asyncio
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

import uvloop
from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from eventlane.asgi import application, close
from eventlane.memory import give_back, keep_little
from eventlane.progress import STEP_SECONDS, Progress

logger = logging.getLogger("eventlane.web")  # run with -m, __name__ would be __main__

MAX_HEAD_BYTES = 128 * 1024  # for a request's line and headers; also how much of a body is read at once
BACKLOG = 2048  # also how many connections a process has at a time: at its limit, granian stops accepting
STOP_SECONDS = 10.0  # for the requests in progress
GIVE_BACK_SECONDS = 5.0  # between attempts to return memory that large bodies have left behind
OUR_LOG = {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def make_server() -> Server:
    """Return the server on EVENTLANE_BIND. Granian's warning that running it like this is experimental isn't logged."""
    host, _, port = settings.EVENTLANE_BIND.rpartition(":")
    return Server(
        application,
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=_connections(),
        websockets=False,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        log_level=LogLevels.error,
        log_dictconfig=OUR_LOG,
    )


def _connections() -> HTTP1Settings:
    """Return the limits of a connection. Granian has one for both idle connections and slow heads."""
    milliseconds = round(1000 * settings.EVENTLANE_KEEP_ALIVE_SECONDS)
    return HTTP1Settings(header_read_timeout=milliseconds, max_buffer_size=MAX_HEAD_BYTES)


async def serve(progress: Progress) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests and hand over the journal's file."""
    loop, server = asyncio.get_running_loop(), make_server()
    serving = loop.create_task(server.serve())

    def stop() -> None:
        server.stop()
        application.end_streams()
        loop.call_later(STOP_SECONDS, serving.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    periodic = [loop.create_task(_show(progress)), loop.create_task(_give_back())]
    try:
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        for task in periodic:
            task.cancel()
        close()
    logger.info("stopped")


async def _show(progress: Progress) -> None:
    """Show that the event loop and the lanes make progress."""
    told: set[str] = set()
    while True:
        hanging = application.hanging_lanes(settings.EVENTLANE_WEB_LANE_HANG_SECONDS)
        for name in hanging - told:
            logger.error("all threads of lane %s hang, so this process counts as hanging", name)
        told = hanging
        if not hanging:
            progress.step()
        await asyncio.sleep(STEP_SECONDS)


async def _give_back() -> None:
    """Return memory from time to time, in a thread: after much was freed, it takes a while."""
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        await asyncio.to_thread(give_back)


def main() -> None:
    """Run one process of the web server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--progress", type=Path)
    keep_little()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Progress(parser.parse_args().progress)))
    # A thread of granian's that finds the interpreter gone would abort the process, with a backtrace in the log.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
