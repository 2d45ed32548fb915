"""A hub of tails for each test: its thread has the journal of the test open."""

from collections.abc import Iterator

import pytest

from events.tails import hub as module
from tests.events.lake.conftest import Node
from tests.waiting import wait_until


@pytest.fixture
def own_hub(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[module.Hub]:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    wait_until(lambda: module.hub._thread is None)
    yield module.hub
    wait_until(lambda: module.hub._thread is None)
