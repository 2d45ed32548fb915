"""mypy knows the models' columns, what a row has, and the settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eventlane.configuration import ROOT

WRONG = """
from django.conf import settings
from pipelines.models import Task

Task.objects.filter(no_such_column=1)
Task.objects.get().no_such_attribute
settings.EVENTLANE_NO_SUCH_SETTING
settings.EVENTLANE_PAGE_SIZE + "rows"
Task.objects.filter(no_such_column=1).first().no_such_attribute + settings.EVENTLANE_NO_SUCH_SETTING
Task.objects.get().instance_id + settings.EVENTLANE_PAGE_SIZE
"""


@pytest.mark.slow
def test_mypy_refuses_columns_attributes_and_settings_that_do_not_exist(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(tmp_path / "wrong.py")]
    environ = {**os.environ, "EVENTLANE_HOME": str(tmp_path / "home")}
    found = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False).stdout
    told = [line.partition("wrong.py:")[2] for line in found.splitlines()]
    assert {line.partition(":")[0] for line in told} == {"5", "6", "7", "8", "9"}, found
    on_one_line = "\n".join(line for line in told if line.startswith("9:"))
    for name in ("no_such_column", "no_such_attribute", "EVENTLANE_NO_SUCH_SETTING"):
        assert name in on_one_line, found
