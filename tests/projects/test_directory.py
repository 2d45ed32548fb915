"""What the directory's thread outlives."""

import threading

import pytest
from django.db import connection

from projects.directory import Directory
from projects.models import DirectoryVersion

pytestmark = pytest.mark.django_db(transaction=True)


def refuse_to_close() -> None:
    raise RuntimeError("this connection can't even be closed")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # how the thread is ended here
def test_periodic_task_that_fails_holds_up_neither_the_checks_nor_the_others():
    directory = Directory(check_seconds=0.01, grace_seconds=60, max_entries=10)
    rounds, went_on = [], threading.Event()

    def fail() -> None:
        if rounds:
            del connection.close
        else:
            connection.close = refuse_to_close
        raise RuntimeError("a task of mine")

    def count() -> None:
        rounds.append(threading.current_thread().name)
        if len(rounds) == 2:
            connection.close()
            went_on.set()
            raise SystemExit  # which ends the thread, and that is all

    DirectoryVersion.objects.get_or_create(
        id=1, defaults={"version": 1}
    )  # tests of transactions empty tables behind them
    directory.add_periodic_task(fail)
    directory.add_periodic_task(count)
    assert directory.get("key", lambda: "value") == "value"
    assert went_on.wait(10)
    assert rounds == ["directory", "directory"]
