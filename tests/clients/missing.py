"""What happens when a machine lacks a program that a test needs."""

import os
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test; or fail it with CI=true, where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"there is no {what} on this machine ({remedy})")
    pytest.skip(f"no {what} on this machine ({remedy}); with CI=true that is a failure")
