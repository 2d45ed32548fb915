"""Send numbered events and remember those acknowledged, to compare them with what is found later."""

import json
import threading
import time
from types import TracebackType
from typing import Any

import urllib3

from eventlane.scratch import DidNotHappen, ScratchPlatform

RETRY_SECONDS = 0.05


class Sender:
    """Threads that send numbered events to the dataset `logs` until the `with` block ends.

    `acknowledged` has the names of events answered with 202; `refused` counts other requests. What wasn't answered is
    sent again under the same `Idempotency-Key`, and so is every other request that was. Each thread pauses for `pause`
    seconds between its requests.
    """

    def __init__(
        self, platform: ScratchPlatform, namespace: str, threads: int = 6, events: int = 20, pause: float = 0
    ) -> None:
        self.acknowledged: set[str] = set()
        self.refused = 0
        self._platform, self._namespace, self._events = platform, namespace, events
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(threads)]

    def __enter__(self) -> "Sender":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, thread: int) -> None:
        http = urllib3.PoolManager(retries=False, timeout=10)
        number = 0
        while not self._stop.is_set():
            names = [f"{thread}-{time.time_ns()}-{number + index}" for index in range(self._events)]
            number += self._events
            while not self._stored(http, names) and not self._stop.is_set():
                time.sleep(RETRY_SECONDS)
            if number % (2 * self._events):
                self._stored(http, names)
            time.sleep(self._pause)

    def _stored(self, http: urllib3.PoolManager, names: list[str]) -> bool:
        """Send events; return whether that was acknowledged."""
        status = _post(http, self._platform, self._namespace, names)
        with self._lock:
            if status == 202:
                self.acknowledged.update(names)
            else:
                self.refused += 1
        return status == 202


def send(platform: ScratchPlatform, namespace: str, events: int) -> set[str]:
    """Send this many events in one request; return their names."""
    names = [f"{time.time_ns()}-{index}" for index in range(events)]
    if (status := _post(urllib3.PoolManager(retries=False, timeout=30), platform, namespace, names)) != 202:
        raise DidNotHappen(f"{events} events were answered with {status}")
    return set(names)


def _post(http: urllib3.PoolManager, platform: ScratchPlatform, namespace: str, names: list[str]) -> int:
    """Send events with these names; return the status of the reply, or 0 if there was none."""
    body = json.dumps([{"n": name, "pad": "x" * 100} for name in names])
    url, headers = f"{platform.url}/v1/logs/{namespace}", {"x-api-key": platform.keys["ingest"]}
    headers["idempotency-key"] = names[0]
    try:
        return http.request("POST", url, body=body, headers=headers).status
    except urllib3.exceptions.HTTPError:
        return 0


def found(platform: ScratchPlatform, namespace: str) -> list[str]:
    """Return the names of all stored events of a namespace, sealed or not, as often as they are stored."""
    words = ["tail", "logs", "--namespace", namespace, "--from", "1h", "--json"]
    done = platform.manage(*words, timeout=300, check=False)
    return [json.loads(line)["event"]["n"] for line in done.stdout.splitlines()]


def expect_exactly_once(platform: ScratchPlatform, namespace: str, acknowledged: set[str]) -> int:
    """Raise DidNotHappen unless each acknowledged event is stored exactly once; return how many are stored."""
    names = found(platform, namespace)
    if len(names) != len(set(names)):
        raise DidNotHappen(f"{len(names) - len(set(names))} events are stored twice")
    if lost := acknowledged - set(names):
        raise DidNotHappen(f"{len(lost)} of {len(acknowledged)} acknowledged events are lost")
    return len(names)


def expect_balance(platform: ScratchPlatform, events: int) -> None:
    """Raise DidNotHappen unless the ledger says that so many events were accepted and nothing else became of them.

    What was sent again is waited for: until it is sealed, it counts as there.
    """
    platform.wait_until(lambda: _balance(platform) == (events, events, 0), f"the ledger has {events} events")


def expect_no_difference(platform: ScratchPlatform) -> None:
    """Raise DidNotHappen unless the ledger balances at this moment, or as soon as PostgreSQL is back."""
    wrong: list[dict[str, Any]] = []

    def is_counted() -> bool:
        hours = _hours(platform)
        wrong.extend(hour for hour in hours or [] if hour["difference"])
        return hours is not None

    platform.wait_until(is_counted, "the ledger can be counted", 60)
    if wrong:
        raise DidNotHappen(f"the ledger doesn't balance: {json.dumps(wrong)}")


def _balance(platform: ScratchPlatform) -> tuple[int, int, int]:
    """Return how many events the ledger has as accepted, without those sent again; how many as there, and as wrong."""
    hours = _hours(platform) or []
    accepted = sum(hour["accepted"] - hour["duplicates"] for hour in hours)
    there = sum(hour["stored"] + hour["unsealed"] for hour in hours)
    return accepted, there, sum(abs(hour["difference"]) for hour in hours)


def _hours(platform: ScratchPlatform) -> list[dict[str, Any]] | None:
    """Return the hours of the ledger, or None if they can't be counted."""
    printed = platform.manage("ledger", "--json", check=False).stdout
    return json.loads(printed)["hours"] if printed else None
