"""Where programs are that a test needs, and what happens when a machine lacks one."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventlane-tests"  # what tests download


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test, also in CI: registries may be out of reach, which is no fault of ours."""
    pytest.skip(f"no {what} on this machine ({remedy})")
