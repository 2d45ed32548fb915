"""What the supervisor does with children that die."""

import io
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eventlane.children import Child, LogStream
from eventlane.configuration import read_settings
from eventlane.supervisor import Supervisor


def test_web_that_keeps_dying_is_started_again_within_two_seconds():
    supervisor = Supervisor(read_settings({}), LogStream(io.BytesIO()))
    assert [supervisor.web[0].next_delay(0.0) for _ in range(6)] == [0.5, 1, 1, 1, 1, 1]
    assert [supervisor.sealer.next_delay(0.0) for _ in range(8)][-1] == 30


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Threads of earlier tests need files, too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_child_that_cannot_be_started_is_tried_again():
    log = io.BytesIO()
    supervisor = Supervisor(read_settings({}), LogStream(log))
    sealer = Child("sealer", lambda output: subprocess.Popen(["sleep", "60"], stdout=output, start_new_session=True))
    supervisor.maintenance.start = sealer.start
    sealer.restart_time = now = time.monotonic()
    with no_more_files():
        supervisor._restart_if_ended(sealer, now)
        supervisor._maintain(now)

    said = log.getvalue().decode()
    assert "sealer can't be started; trying again in 0.5 s: [Errno 24] Too many open files" in said
    assert "maintenance can't be started; the next run starts on time: [Errno 24]" in said
    assert supervisor.maintenance_time > now
    supervisor._restart_if_ended(sealer, now + 1)
    assert sealer.running().poll() is None
    sealer.reap()
    assert supervisor.maintenance.process is None
