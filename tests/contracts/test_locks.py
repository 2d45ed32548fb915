"""What is installed is what was pinned: the locks follow the requirements."""

import re
import subprocess
import sys
import tomllib

import pytest

from eventlane import __version__
from eventlane.configuration import ROOT

PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?==([^\s;]+)", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    """Return the versions that a file pins, by the package's normalized name."""
    found = PIN.findall((ROOT / file).read_text())
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_lock_has_every_pin(name: str) -> None:
    wanted, locked = pins(f"{name}.txt"), pins(f"{name}.lock")
    assert wanted and {package: locked.get(package) for package in wanted} == wanted, "run: make lock"


def test_what_is_tested_is_what_runs() -> None:
    run, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {package: tested.get(package) for package in run} == run, "run: make lock"


def test_every_locked_package_has_a_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text())
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_version_is_said_once_for_all() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__
    done = subprocess.run([sys.executable, ROOT / "manage.py", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Eventlane {__version__} (")
