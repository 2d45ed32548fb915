"""What the first start shows: secrets on a terminal, and anywhere else only where they are."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventlane.configuration import ROOT

REPORT = {"email": "ada@example.com", "password": "s3cret-of-ada", "project": "main", "dataset": "logs"}
REPORT |= {"keys": {"ingest": "evl_ingest"}}
COMMAND = [sys.executable, "-m", "eventlane.banner", "http://127.0.0.1:8000"]


def show(home: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "platform"), "EVENTLANE_HOME": str(home)}
    return subprocess.run(COMMAND, input=json.dumps(REPORT), text=True, env=environment, timeout=60, **options)


def test_log_gets_the_path_of_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    (tmp_path / "first_start").write_text("of an earlier home, for everybody to read")
    shown = show(tmp_path, capture_output=True)
    file = tmp_path / "first_start"
    assert f"Login and keys are in {file}" in shown.stdout and not shown.stderr
    assert "s3cret" not in shown.stdout and "evl_" not in shown.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "s3cret-of-ada" in file.read_text() and "ingest key   evl_ingest" in file.read_text()


def test_terminal_shows_secrets_and_no_file_is_left(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    show(tmp_path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "s3cret-of-ada" in shown and "evl_ingest" in shown and not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_file_that_cannot_be_written_is_told_with_a_way_out() -> None:
    shown = show(Path("/proc/self"), capture_output=True)
    assert "manage.py changepassword" in shown.stdout and "s3cret" not in shown.stdout + shown.stderr
