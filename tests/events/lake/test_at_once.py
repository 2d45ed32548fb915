"""Writers, sealers, maintenance and readers at once: no reader ever sees an event twice, or misses a stored one."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events.journal import JournalWriter, new_batch
from events.lake.connection import Lake
from events.lake.follow import EventFollower
from events.lake.maintain import maintain
from events.lake.query import EventQuery, find_events
from events.lake.sealer import Sealer
from tests.events.lake.conftest import Node

pytestmark = pytest.mark.drill

SECONDS, LONGEST_SECONDS = 3.0, 60.0
WRITERS = 2


class Load:
    """Threads that run until time is up and enough was done; the first error in any of them ends the test."""

    def __init__(self, *, reads: int) -> None:
        now = time.monotonic()
        self.end, self.latest_end = now + SECONDS, now + LONGEST_SECONDS
        self.wanted_reads = reads
        self.errors: list[BaseException] = []
        self.stored: list[int] = [0] * WRITERS  # events that each writer was told are stored
        self.sealed = self.reads = 0
        self.threads: list[threading.Thread] = []

    def start(self, work: Callable[[], Any], *, once_more: bool = False) -> None:
        """Run `work` in a thread again and again."""
        self.threads.append(threading.Thread(target=self._repeat, args=(work, once_more)))
        self.threads[-1].start()

    def wait(self) -> None:
        """Wait for all threads."""
        for thread in self.threads:
            thread.join(LONGEST_SECONDS + 60)
        assert self.errors == []

    def _repeat(self, work: Callable[[], Any], once_more: bool) -> None:
        try:
            while self._goes_on() and not self.errors:
                work()
            if once_more:
                work()
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()

    def has_enough(self) -> bool:
        """Return whether enough was done for things to have happened at the same time."""
        return self.sealed > 20 and self.reads >= self.wanted_reads

    def _goes_on(self) -> bool:
        now = time.monotonic()
        return now < self.end or (now < self.latest_end and not self.has_enough())

    def write(self, node: Node, writer: JournalWriter, number: int) -> None:
        """Store a batch of numbered events, then count it."""
        start = self.stored[number]
        events = [f'{{"w":{number},"n":{start + index}}}'.encode() for index in range(7)]
        writer.append(new_batch(node.dataset.id, "web", "", events, list(map(len, events))))
        self.stored[number] = start + 7
        time.sleep(0.002)  # the pace of a writer

    def seal(self, sealer: Sealer) -> None:
        """Seal all closed files, each in its own transaction."""
        for sealed in sealer.seal_available():
            self.sealed += sealed.files

    def read(self, node: Node) -> None:
        """Find all events and compare them with those stored when reading started."""
        stored = list(self.stored)
        seen = Counter(
            tuple(json.loads(row.event).values()) for row in find_events(EventQuery(node.dataset, limit=None))
        )
        assert {event: count for event, count in seen.items() if count > 1} == {}
        for number in range(WRITERS):
            missing = [index for index in range(stored[number]) if (number, index) not in seen]
            assert missing == []
        self.reads += 1


def test_reading_while_sealing(node: Node, settings: Any) -> None:
    settings.EVENTLANE_SEAL_BATCH_BYTES = 4096
    load = Load(reads=5)
    for number in range(WRITERS):
        writer = JournalWriter(node.journal, "node-a", 4000, 3600)
        load.start(lambda writer=writer, number=number: load.write(node, writer, number))
    sealers = [Sealer(node.journal), Sealer(node.journal)]
    for sealer in sealers:
        load.start(lambda sealer=sealer: load.seal(sealer))
    for _ in range(2):
        load.start(lambda: load.read(node), once_more=True)
    load.start(lambda: maintain_once(load))
    load.wait()
    for sealer in sealers:
        sealer.close()
    assert load.has_enough(), "too little happened at once"
    node.seal()
    load.read(node)


def maintain_once(load: Load) -> None:
    with Lake() as lake:
        assert [step.result for step in maintain(lake, timezone.now()) if step.failed] == []
    time.sleep(0.5)  # the pace of maintenance


def test_following_while_sealing(node: Node, settings: Any) -> None:
    settings.EVENTLANE_SEAL_BATCH_BYTES = 4096
    load = Load(reads=0)
    seen: Counter[tuple[int, int]] = Counter()
    for number in range(WRITERS):
        writer = JournalWriter(node.journal, "node-a", 4000, 3600)
        load.start(lambda writer=writer, number=number: load.write(node, writer, number))
    sealer = Sealer(node.journal)
    load.start(lambda: load.seal(sealer))
    load.start(lambda: maintain_once(load))
    with EventFollower(EventQuery(node.dataset, limit=None)) as follower:
        seen.update(tuple(json.loads(row.event).values()) for row in follower.history())
        while any(thread.is_alive() for thread in load.threads):
            stored = list(load.stored)
            seen.update(tuple(json.loads(row.event).values()) for row in follower.news())
            for number in range(WRITERS):
                assert [index for index in range(stored[number]) if (number, index) not in seen] == []
            time.sleep(0.05)  # the pace of a reader
        load.wait()
        seen.update(tuple(json.loads(row.event).values()) for row in follower.news())
    sealer.close()
    assert load.has_enough()
    assert seen == Counter((number, index) for number in range(WRITERS) for index in range(load.stored[number]))
