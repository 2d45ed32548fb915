"""The process of a SeparateDuckDB (duckdbs.py): `python -m events.lake.duckdb_process REQUESTS INTERRUPTS NICENESS`.

The first two are numbers of open files: of connections to the process that started this one. No Django import.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from eventlane.memory import give_back, keep_little
from events.lake.duckdbs import OwnDuckDB, ProcessFailed, Rows, unpacked

IDLE_SECONDS = 2.0  # after which unused memory is given back
FIRST_TO_GO = "500"  # of 1,000: a machine without memory ends this process before those that take in events


class Service:
    """Does what is requested, one request after the other."""

    def __init__(self, requests: Connection, interrupts: Connection) -> None:
        self._requests, self._interrupts = requests, interrupts
        self._lock = threading.Lock()  # an interrupt must not hit anything after its request
        self._running = 0  # the number of the request
        self._duckdb: OwnDuckDB
        self._result: Any = None  # a Result
        self._reader: Any = None  # an ArrowReader

    def serve(self) -> None:
        """Serve until the other process closes its end, or is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            if not self._requests.poll(IDLE_SECONDS):
                give_back()
                self._requests.poll(None)
            self._requests.send(self._answer(*self._requests.recv()))

    def _answer(self, number: int, method: str, arguments: tuple[Any, ...]) -> tuple[int, bool, Any]:
        self._set_running(number)
        try:
            return number, True, getattr(self, method)(*arguments)
        except (duckdb.Error, OSError) as error:
            return number, False, error
        except Exception as error:
            return number, False, ProcessFailed(f"{type(error).__name__}: {error}")
        finally:
            self._set_running(0)

    def _set_running(self, number: int) -> None:
        with self._lock:
            self._running = number

    def _listen(self) -> None:
        """Interrupt what is running if that is what the other process means; end with it."""
        with suppress(EOFError):
            while True:
                number = self._interrupts.recv()
                with self._lock:
                    if number == self._running:
                        self._duckdb.interrupt()
        os._exit(0)

    # What can be requested

    def connect(self, config: dict[str, Any]) -> None:
        self._duckdb = OwnDuckDB(config)

    def close(self) -> None:
        self._duckdb.close()
        self._result = self._reader = None

    def rows(self, sql: str, parameters: Sequence[Any], tables: Mapping[str, bytes]) -> Rows:
        return self._duckdb.rows(sql, parameters, {name: unpacked(table) for name, table in tables.items()})

    def start(self, *arguments: Any) -> None:
        self._result = self._duckdb.start(*arguments)

    def fetchmany(self, size: int) -> Any:
        return self._result.fetchmany(size)

    def read(self, batch_size: int) -> Any:
        self._reader = self._result.to_arrow_reader(batch_size)
        return self._reader.schema

    def next_batch(self) -> Any:
        return next(self._reader, None)


def main() -> None:
    """Serve one DuckDB."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the other process, and that ends this one
    requests, interrupts, niceness = map(int, sys.argv[1:])
    os.nice(niceness)
    keep_little()
    with suppress(OSError):  # elsewhere than on Linux
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    with suppress(EOFError, OSError):
        Service(Connection(requests), Connection(interrupts)).serve()


if __name__ == "__main__":
    main()
