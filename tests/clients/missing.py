"""Where programs are that a test needs, and what happens when a machine lacks a program that a test needs."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventlane-tests"  # what tests download


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test; or fail it with CI=true, where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"there is no {what} on this machine ({remedy})")
    pytest.skip(f"no {what} on this machine ({remedy}); with CI=true that is a failure")
