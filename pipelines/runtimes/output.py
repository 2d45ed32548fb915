"""The output of a step on its way into its TaskStep: masked, limited, and made text that PostgreSQL accepts.

Output is stored while the step runs, at most every FLUSH_SECONDS. If the database is away for a while, only the live
view suffers: the output is stored next time.
"""

import codecs
import logging
import time
from typing import Any

from django.db import IntegrityError, connection
from django.utils import timezone

from eventlane.database import DATABASE_AWAY
from pipelines.models import Task, TaskStep
from pipelines.runtimes.masking import Masker
from pipelines.runtimes.outcome import TaskStopped

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
FLUSH_BYTES_PER_SECOND = 512 * 1024  # each flush writes all that is kept, so a large output is stored less often
LAST_FLUSH_SECONDS = 20.0  # how long the end of a step waits for a database that is away


class Excerpt:
    """The start and the end of a stream, together at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head, self._tail = bytearray(), bytearray()
        self._skipped = 0

    @property
    def truncated(self) -> bool:
        """Whether something was left out."""
        return self._skipped > 0

    @property
    def kept(self) -> int:
        """How many bytes are kept."""
        return len(self._head) + len(self._tail)

    def add(self, data: bytes) -> None:
        """Add the next bytes."""
        room = self._head_limit - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]
            self._skipped += excess

    def text(self, *, final: bool) -> str:
        """Return it as text. Invalid UTF-8 and NULs become U+FFFD; an unfinished last character waits until `final`."""
        if not self.truncated:
            return _decoded(self._head + self._tail, final)
        tail = bytes(self._tail)
        while tail and tail[0] & 0xC0 == 0x80:  # the rest of a character whose start was left out
            tail = tail[1:]
        return f"{_decoded(self._head, final=False)}\n[… {self._skipped:,} bytes left out …]\n{_decoded(tail, final)}"


class StepRecord:
    """The TaskStep of a running step."""

    def __init__(self, task: Task, position: int, label: str, masker: Masker, limit: int) -> None:
        self._masker = masker
        self._excerpt = Excerpt(limit)
        self._bytes = 0
        self._stored_bytes = 0
        self._flush_time = 0.0
        self._row = TaskStep(task=task, position=position, label=label, start_time=timezone.now())
        self._try(self._store, {})

    @property
    def kept(self) -> int:
        """How many bytes of output it keeps."""
        return self._excerpt.kept

    def add(self, data: bytes) -> None:
        """Add output as it was read."""
        self._bytes += len(data)
        self._excerpt.add(self._masker.feed(data))

    def flush_if_due(self) -> None:
        """Store new output, unless that just happened."""
        if self._bytes != self._stored_bytes and time.monotonic() >= self._flush_time:
            self._try(self._store, self._output(final=False))

    def finish(self, exit_code: int | None) -> None:
        """Store all output and how the step ended; wait a while if the database is away."""
        self._excerpt.add(self._masker.finish())
        fields = {"end_time": timezone.now(), "exit_code": exit_code, **self._output(final=True)}
        deadline = time.monotonic() + LAST_FLUSH_SECONDS
        while not self._try(self._store, fields) and time.monotonic() < deadline:
            time.sleep(0.5)

    def _output(self, *, final: bool) -> dict[str, Any]:
        return {
            "output": self._excerpt.text(final=final),
            "output_bytes": self._bytes,
            "truncated": self._excerpt.truncated,
        }

    def _store(self, fields: dict[str, Any]) -> None:
        """Write to the row. If it is gone, the task was started again: then there is nothing left to report."""
        if self._row.pk is None:
            for name, value in fields.items():
                setattr(self._row, name, value)
            self._row.save(force_insert=True)
        else:
            TaskStep.objects.filter(pk=self._row.pk).update(**fields)
        self._stored_bytes = fields.get("output_bytes", 0)

    def _try(self, store: Any, fields: dict[str, Any]) -> bool:
        """Return whether storing succeeded; raise TaskStopped if the task no longer exists."""
        try:
            store(fields)
            return True
        except IntegrityError:
            raise TaskStopped from None
        except DATABASE_AWAY as error:
            logger.warning("output of task %s waits for the database: %s", self._row.task_id, type(error).__name__)
            return False
        finally:
            self._flush_time = time.monotonic() + FLUSH_SECONDS + self.kept / FLUSH_BYTES_PER_SECOND
            release_connection()


def release_connection() -> None:
    """Return this thread's connection to the pool: a task may run for hours before the next use."""
    if not connection.in_atomic_block:
        connection.close()


def _decoded(data: bytes | bytearray, final: bool) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    return decoder.decode(bytes(data), final).replace("\0", "\ufffd")
