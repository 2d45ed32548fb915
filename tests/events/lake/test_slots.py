"""What a query in a web process may use."""

from typing import Any

from events.lake.slots import QuerySlots
from tests.events.lake.conftest import Node


def test_threads_and_memory_of_a_query_are_bounded(node: Node, settings: Any) -> None:
    settings.EVENTLANE_QUERY_THREADS, settings.EVENTLANE_QUERY_MEMORY_MB = 3, 100
    slots = QuerySlots(1)
    limits = slots.run(lambda lake: lake.execute("SELECT current_setting('threads'), current_setting('memory_limit')"))
    assert limits == [(3, "95.3 MiB")]
    slots.close()
