"""Runs before Django is configured: gives the session a PostgreSQL and a scratch EVENTLANE_HOME of its own.

`database` tests use pytest-django as usual (`db`, `transactional_db`). Tests of the whole running platform use the
fixtures of tests/acceptance/conftest.py, which are here for every folder: `server`, `fresh_server`.
"""

from contextlib import ExitStack
from pathlib import Path

import django
import hypothesis
import pytest

from tests.postgres import prepare_environment

TESTS = Path(__file__).parent
TIMED = TESTS / "acceptance/test_access.py"  # keys that expire
DRILLS = [TESTS / path for path in ("acceptance", "eventlane/test_embedded_postgres.py", "events/lake/test_restart.py")]

hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None)

_cleanup = ExitStack()
try:
    prepare_environment(_cleanup)
    django.setup()
except BaseException:
    _cleanup.close()
    raise

from tests.server import fresh_server, server  # noqa: E402, F401  (fixtures)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the drills, which measure time or kill things and want the machine for themselves; and property tests."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if item.path == TIMED:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") and any(item.path.is_relative_to(path) for path in DRILLS):
            item.add_marker(pytest.mark.alone)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's PostgreSQL and remove its folder."""
    _cleanup.close()
