"""DuckDBs: in this process, or each in a process of its own at a low priority. No Django import.

What a query costs then can't take the interpreter's lock, the processor or the memory from what else this process
does. The other process (duckdb_process.py) serves one DuckDB, and ends with this one. A request to it takes 0.1 ms.
"""

import atexit
import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from eventlane.processes import processor_seconds

if TYPE_CHECKING:  # a process without Arrow tables does without its 0.1 s
    import pyarrow as pa

Rows = list[tuple[Any, ...]]
END_SECONDS = 5.0  # for the process to end by itself
INTERRUPTED_SECONDS = 2.0  # for an interrupted statement to end; within an expression DuckDB doesn't look whether it is
BROKEN = (EOFError, OSError)  # raised by a connection whose other end is gone

_numbers = itertools.count(1)  # of requests to all processes, so that an interrupt hits nobody else
_spare: "dict[int, list[_Process]]" = defaultdict(list)  # by niceness


class _Missing:
    """Tells Python at once that a package isn't installed.

    DuckDB looks for pandas twice for every value that is bound, and Python would search all folders each time: 0.2 ms.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if find_spec("pandas") is None:
    sys.meta_path.insert(0, _Missing())


class ProcessEnded(duckdb.OperationalError):
    """The process with the DuckDB has ended."""


class ProcessFailed(duckdb.Error):
    """The process with the DuckDB failed for a reason that isn't DuckDB's."""


class ArrowReader(Protocol):
    """The batches of a result."""

    schema: "pa.Schema"

    def __iter__(self) -> "ArrowReader":
        """Return itself."""

    def __next__(self) -> "pa.RecordBatch":
        """Return the next batch; raise StopIteration, or OSError for an error of DuckDB."""


class Result(Protocol):
    """The rows of a statement that is executed as they are fetched."""

    def fetchmany(self, size: int) -> Rows:
        """Return the next rows; none at the end."""

    def to_arrow_reader(self, batch_size: int) -> ArrowReader:
        """Return a reader of all rows, with so many in a batch."""


class DuckDB(Protocol):
    """A DuckDB for a single thread. Its methods raise duckdb.Error."""

    def rows(self, sql: str, parameters: Sequence[Any], tables: Mapping[str, "pa.Table"]) -> Rows:
        """Run statements and return the rows of the last one. They can read the Arrow tables by their names."""

    def start(self, sql: str, parameters: Sequence[Any]) -> Result:
        """Start a statement."""

    def interrupt(self) -> None:
        """Make the running statement raise duckdb.InterruptException. Any thread may call this."""

    def is_running(self) -> bool:
        """Return whether its process is still there."""

    def close(self) -> None:
        """Release everything."""


class OwnDuckDB:
    """One in this process."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._connection = duckdb.connect(config=dict(config))

    def rows(self, sql: str, parameters: Sequence[Any], tables: Mapping[str, "pa.Table"]) -> Rows:
        for name, table in tables.items():
            self._connection.register(name, table)
        try:
            return self._connection.execute(sql, list(parameters)).fetchall()
        finally:
            for name in tables:
                self._connection.unregister(name)

    def start(self, sql: str, parameters: Sequence[Any]) -> Result:
        return self._connection.execute(sql, list(parameters))

    def interrupt(self) -> None:
        self._connection.interrupt()

    def is_running(self) -> bool:
        return True

    def close(self) -> None:
        self._connection.close()


class SeparateDuckDB:
    """One in a process of its own, which has a lower priority by so many degrees of `nice`.

    Its `temp_directory` is for it alone, and is removed with what a killed process has left there.
    """

    def __init__(self, config: Mapping[str, Any], niceness: int) -> None:
        self._spare = _spare[niceness]
        self._process: _Process | None = self._take() or _Process(niceness)
        self._number = 0  # of the last request
        self._spill_folder: str | None = config.get("temp_directory")
        try:
            self.ask("connect", config)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str, parameters: Sequence[Any], tables: Mapping[str, "pa.Table"]) -> Rows:
        rows: Rows = self.ask("rows", sql, parameters, {name: _packed(table) for name, table in tables.items()})
        return rows

    def start(self, sql: str, parameters: Sequence[Any]) -> Result:
        self.ask("start", sql, parameters)
        return _SeparateResult(self)

    def processor_seconds(self) -> float:
        """Return what its process has used. Any thread may call this."""
        process = self._process
        return processor_seconds(process.pid) if process else 0.0

    def interrupt(self) -> None:
        if process := self._process:
            process.interrupt(self._number)

    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running()

    def _take(self) -> "_Process | None":
        """Return a process that is left over, if it wasn't killed."""
        with suppress(IndexError):  # of an empty list; another thread may take the last one
            while not (process := self._spare.pop()).is_running():
                process.end()
            return process
        return None

    def close(self) -> None:
        """Leave the process to the next one: to start another takes 0.2 s."""
        process, self._process = self._process, None
        if process is not None:
            try:
                process.ask(next(_numbers), "close")
                self._spare.append(process)
            except duckdb.Error:
                process.end()
                self._remove_spilled()

    def _remove_spilled(self) -> None:
        if self._spill_folder:
            shutil.rmtree(self._spill_folder, ignore_errors=True)

    def ask(self, method: str, *arguments: Any) -> Any:
        """Let the other process call a method of its service; return or raise what that does."""
        if self._process is None:
            raise duckdb.ConnectionException("this DuckDB is closed")
        self._number = next(_numbers)
        return self._process.ask(self._number, method, *arguments)


class _Process:
    """A process that serves one DuckDB at a time."""

    def __init__(self, niceness: int) -> None:
        self._requests, requests = Pipe()
        interrupts, self._interrupts = Pipe(duplex=False)
        with requests, interrupts:
            self._process = _start([requests, interrupts], niceness)
        self.pid = self._process.pid
        self._lock = threading.Lock()  # guards the file number of `_interrupts`
        self._interrupted = (0, 0.0)  # the latest request that was interrupted, and when it first was
        atexit.register(self.end)

    def ask(self, number: int, method: str, *arguments: Any) -> Any:
        try:
            self._requests.send((number, method, arguments))
            answered = 0
            while answered != number:  # an exception, such as that of Ctrl-C, may have left an answer unread
                answered, has_succeeded, answer = self._requests.recv()
        except BROKEN as error:
            raise ProcessEnded("the process with this DuckDB has ended") from error
        if not has_succeeded:
            raise answer
        return answer

    def interrupt(self, number: int) -> None:
        """Interrupt the request with this number, unless it is done; kill the process if it doesn't heed that."""
        now = time.monotonic()
        with self._lock, suppress(OSError):
            if self._interrupted[0] != number:
                self._interrupted = (number, now)
            elif now >= self._interrupted[1] + INTERRUPTED_SECONDS:
                self._process.kill()
            self._interrupts.send(number)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Let the process end, and wait for that."""
        atexit.unregister(self.end)
        with self._lock:
            self._requests.close()
            self._interrupts.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _SeparateResult:
    """A result that is in the other process. As a reader, it has the last statement's batches."""

    schema: "pa.Schema"

    def __init__(self, separate: SeparateDuckDB) -> None:
        self._separate = separate

    def fetchmany(self, size: int) -> Rows:
        rows: Rows = self._separate.ask("fetchmany", size)
        return rows

    def to_arrow_reader(self, batch_size: int) -> ArrowReader:
        self.schema = self._separate.ask("read", batch_size)
        return self

    def __iter__(self) -> ArrowReader:
        return self

    def __next__(self) -> "pa.RecordBatch":
        batch = self._separate.ask("next_batch")
        if batch is None:
            raise StopIteration
        return batch


def _packed(table: "pa.Table") -> bytes:
    """Return a table as a stream of Arrow. Pickled, each of its slices would bring along all that it is a slice of."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def unpacked(stream: bytes) -> "pa.Table":
    """Return the table of such a stream."""
    import pyarrow as pa

    return pa.ipc.open_stream(stream).read_all()


def _start(ends: Sequence[Connection], niceness: int) -> "subprocess.Popen[bytes]":
    numbers = [end.fileno() for end in ends]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "events.lake.duckdb_process", *map(str, [*numbers, niceness])],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        pass_fds=numbers,
    )
