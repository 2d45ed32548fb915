"""Takes events from several connections and sends them to the Events API, one batch after the other."""

import asyncio
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from events.send import BATCH_BYTES, BATCH_EVENTS, EMPTY_BODY_BYTES, Connection, PartlyStored, SendingStopped, new_name

REFUSED_SECONDS = 5.0  # between two tries while the server refuses everything, for example an unknown key


@dataclass
class _Part:
    """The events of one call of `store`, and whom to tell that they are stored."""

    texts: list[bytes]
    done: "asyncio.Future[None]"


@dataclass
class Relay:
    """Sends in a thread of its own. `say` gets what an administrator should know."""

    connection: Connection
    say: Callable[[str], None]
    most_events: int = BATCH_EVENTS  # in a request
    most_bytes: int = BATCH_BYTES  # of its body
    unstored: int = 0  # events that were read and aren't on disk
    refused: int = 0
    _parts: "queue.SimpleQueue[_Part]" = field(default_factory=queue.SimpleQueue)

    def start(self) -> None:
        """Begin to send. The thread ends with the process."""
        threading.Thread(target=self._run_or_end, name="relay", daemon=True).start()

    async def store(self, texts: list[bytes]) -> None:
        """Return when each event is on disk, or refused for itself."""
        self.unstored += len(texts)
        part = _Part(texts, asyncio.get_running_loop().create_future())
        self._parts.put(part)
        await asyncio.shield(part.done)

    def _run_or_end(self) -> None:
        try:
            self._run()
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # `up` starts the process anew; without this thread, all senders would wait for ever

    def _run(self) -> None:
        while True:
            parts = [self._parts.get()]
            texts = [*parts[0].texts]
            while len(texts) < self.most_events:
                try:
                    parts.append(self._parts.get_nowait())
                except queue.Empty:
                    break
                texts += parts[-1].texts
            self._send(texts)
            for part in parts:
                part.done.get_loop().call_soon_threadsafe(self._finish, part)

    def _finish(self, part: _Part) -> None:
        self.unstored -= len(part.texts)
        part.done.set_result(None)

    def _send(self, texts: list[bytes]) -> None:
        while texts:
            batch = self._first_batch(texts)
            self._post(batch)
            texts = texts[len(batch) :]

    def _first_batch(self, texts: list[bytes]) -> list[bytes]:
        """Return as many of the first events as a request may have: one at least."""
        count, size = 1, len(texts[0]) + EMPTY_BODY_BYTES
        for text in texts[1 : self.most_events]:
            size += len(text) + 1
            if size > self.most_bytes:
                break
            count += 1
        return texts[:count]

    def _post(self, batch: list[bytes]) -> None:
        name = new_name()  # for all tries: the server may have stored the batch before it refused it
        while True:
            try:
                refused = self.connection.post(batch, name)
                break
            except PartlyStored as problem:
                self.refused += problem.refused
                self.say(str(problem))
                return
            except SendingStopped as problem:
                self.say(f"{problem}; senders wait")
                time.sleep(REFUSED_SECONDS)
        self.refused += len(refused)
        if refused:
            self.say(f"{len(refused)} lines were refused, the first one because it is {refused[0][1]}")
