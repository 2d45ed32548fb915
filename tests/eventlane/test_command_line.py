"""Commands in a home where nothing was ever started."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.server import ROOT

SECONDS = 30  # on a very busy machine; a command that looks for a platform that starts would wait for longer


def manage(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("EVENTLANE_", "DATABASE_"))
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env=environment | {"EVENTLANE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("words", [["pipelines"], ["tail", "logs"], ["lake", "verify"]], ids=" ".join)
def test_home_where_nothing_runs_is_named_at_once_and_left_alone(tmp_path: Path, words: list[str]) -> None:
    home = tmp_path / "typo"
    begin = time.monotonic()

    done = manage(home, *words)

    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"CommandError: nothing runs in {home}: ") and done.stderr.count("\n") == 1
    assert time.monotonic() - begin < SECONDS
    assert not home.exists()


NEEDS_NONE = [["pipelines", "--help"], ["configuration"], ["specs", "task"], ["doctor"]]


@pytest.mark.parametrize("words", NEEDS_NONE, ids=" ".join)
def test_command_that_needs_no_platform_works_and_leaves_nothing(tmp_path: Path, words: list[str]) -> None:
    home = tmp_path / "none"

    done = manage(home, *words)

    assert done.stdout and "Traceback" not in done.stderr and "nothing runs" not in done.stderr
    assert not home.exists()


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "RuntimeError('Query interrupted') from KeyboardInterrupt"])
def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path, error: str) -> None:
    done = manage(tmp_path, "shell", "-v0", "-c", f"raise {error}")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_home_with_files_of_a_platform_but_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "node").write_text("web-1")

    done = manage(tmp_path, "pipelines")

    assert "nothing runs in" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


# What commands that send and read events must not load when they start, and what a process without queries must not.
NEVER = {
    "rest_framework", "drf_spectacular", "django_filters", "whitenoise", "granian", "yaml", "cryptography", "cronsim",
    "pyarrow.compute", "pyarrow.parquet", "unfold.admin", "events.console", "events.api", "pipelines.admin",
    "pipelines.api", "pipelines.execution", "projects.admin", "projects.api", "events.lake.maintain", "eventlane.urls",
}  # fmt: skip
NOT_WITHOUT_QUERIES = {"duckdb", "pyarrow", "numpy", "events.lake", "events.query.body"}
STARTS = """
import sys
import django
django.setup()
from events.management.commands import send
print(*sys.modules)
from events.management.commands import export_events, fields, query, tail
print(*sys.modules)
"""


def test_commands_start_without_what_they_do_not_need() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "platform"), "DJANGO_SETTINGS_MODULE": "eventlane.settings"}
    done = subprocess.run([sys.executable, "-c", STARTS], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sending, reading = (set(line.split()) for line in done.stdout.splitlines())
    assert "events.query.run" in reading
    assert (reading & NEVER, sending & NOT_WITHOUT_QUERIES) == (set(), set())


def test_garbage_is_collected_in_commands(tmp_path: Path) -> None:
    """Not while they start, but some run for months."""
    assert manage(tmp_path, "shell", "-v0", "-c", "import gc; print(gc.isenabled())").stdout == "True\n"


TOO_FEW = [
    ("pipelines", "--limit"), ("alerts", "--limit"), ("drill", "--rounds"), ("work", "--tasks"), ("ledger", "--days"),
]  # fmt: skip


@pytest.mark.parametrize("words", TOO_FEW, ids=" ".join)
def test_number_that_asks_for_nothing_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=f"{words[1]}: '0' is not a whole number that is at least 1"):
        call_command(words[0], words[1], "0")
