"""Listens for syslog and gives what comes to the relay. A sender over TCP is read on when its lines are stored."""

import asyncio
import signal
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from events.syslog.frames import Frames
from events.syslog.lines import event_text
from events.syslog.relay import Relay
from events.syslog.status import EVERY_SECONDS, Status

CHUNK_BYTES = 64 * 1024
DATAGRAM_BUFFER_BYTES = 4 * 1024 * 1024  # asked of the kernel, for bursts
LAST_SECONDS = 8.0  # to store what was read, once the process is to stop
DROPPED_SECONDS = 10.0  # between two messages about lines that were dropped


@dataclass(frozen=True)
class Limits:
    """How many connections there may be, how long lines and their events, and how many lines over UDP may wait."""

    connections: int
    line_bytes: int
    udp_lines: int
    event_bytes: int  # an event has fewer


class Received(asyncio.StreamReader):
    """Gives what came before a connection broke off, too, and only then ends."""

    broken = False  # then its last line may be half

    def set_exception(self, exc: Exception) -> None:
        """End after what came."""
        self.broken = True
        self.feed_eof()


@dataclass
class Listener:
    """Everything that listens. `tcp`, `tls` and `udp` are HOST:PORT, or empty."""

    relay: Relay
    limits: Limits
    tcp: str = ""
    tls: str = ""
    udp: str = ""
    context: ssl.SSLContext | None = None
    show: Callable[[Status], None] = lambda status: None
    _received: int = 0  # lines over TCP and TLS
    _open: "dict[asyncio.StreamWriter, Received]" = field(default_factory=dict)
    _datagrams: "Datagrams" = field(init=False)
    _stopping: bool = False
    _storing: "asyncio.Future[None] | None" = None  # the loop itself wouldn't hold it

    def __post_init__(self) -> None:
        self._datagrams = Datagrams(self.relay, self.limits)

    async def run(self) -> None:
        """Listen until SIGTERM or SIGINT, then store what was read."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self.relay.start()
        closing = await self._listen()
        showing = asyncio.ensure_future(self._show_for_ever())
        await stop.wait()
        showing.cancel()
        self._stopping = True
        for one in closing:
            one.close()
        for writer, reader in self._open.items():
            self._break_off(writer, reader)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while self._open or self._unstored():
                    await asyncio.sleep(0.05)
        if self._unstored():
            more = "or more " if self._open else ""  # what waits behind them isn't split into lines yet
            self.relay.say(f"{self._unstored()} {more}lines were read and couldn't be stored: they are lost")

    async def _show_for_ever(self) -> None:
        while True:
            udp = self._datagrams
            received = self._received + udp.received
            counts = (received, self._unstored(), self.relay.refused, udp.dropped)
            self.show(Status(len(self._open), *counts))
            await asyncio.sleep(EVERY_SECONDS)

    def _unstored(self) -> int:
        return self.relay.unstored + self._datagrams.behind()

    async def _listen(self) -> list[Any]:
        loop, closing = asyncio.get_running_loop(), list[Any]()
        if self.udp:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: self._datagrams, local_addr=_host_and_port(self.udp)
            )
            self._storing = asyncio.ensure_future(self._datagrams.store_for_ever())
            closing.append(transport)
        for place, context in ((self.tcp, None), (self.tls, self.context)):
            if place:
                host, port = _host_and_port(place)
                closing.append(await loop.create_server(self._connection, host, port, ssl=context))
        return closing

    def _connection(self) -> asyncio.StreamReaderProtocol:
        """Make what `asyncio.start_server` would, with a reader of ours."""
        reader = Received(limit=CHUNK_BYTES)
        return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._serve(reader, writer))

    async def _serve(self, reader: Received, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        self._open[writer] = reader
        try:
            if len(self._open) > self.limits.connections:
                self.relay.say(f"{peer} was sent away: there are {self.limits.connections} connections already")
                return
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._stopping:  # it came at the last moment
                self._break_off(writer, reader)
            await self._read(reader, peer)
        finally:
            del self._open[writer]
            writer.close()

    def _break_off(self, writer: asyncio.StreamWriter, reader: Received) -> None:
        """Take nothing more from a sender. What was read can still be got from the reader."""
        reader.broken = True
        writer.transport.abort()

    async def _read(self, reader: Received, peer: str) -> None:
        frames = Frames(self.limits.line_bytes)
        while chunk := await reader.read(CHUNK_BYTES):
            await self._store(frames.take(chunk), peer)
        if not reader.broken:
            await self._store(frames.end(), peer)

    async def _store(self, lines: list[bytes], peer: str) -> None:
        if lines:
            now = datetime.now(UTC)
            self._received += len(lines)
            await self.relay.store([event_text(line, peer, now, self.limits.event_bytes) for line in lines])


class Datagrams(asyncio.DatagramProtocol):
    """Lines over UDP. Nobody can tell their senders to wait, so what doesn't fit is dropped, and counted."""

    def __init__(self, relay: Relay, limits: Limits) -> None:
        self._relay, self._limits = relay, limits
        self._waiting: deque[bytes] = deque()
        self._begun = 0  # how many of them the relay has
        self._some = asyncio.Event()
        self.received = 0
        self.dropped = 0
        self._told = 0  # of the dropped ones

    def behind(self) -> int:
        """Return how many lines the relay doesn't have yet."""
        return len(self._waiting) - self._begun

    def connection_made(self, transport: Any) -> None:
        """Ask for a larger buffer; the kernel gives what it may."""
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BUFFER_BYTES)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Take one message."""
        line = data[: self._limits.line_bytes].strip(b"\0\r\n ")
        if len(self._waiting) >= self._limits.udp_lines:
            self._count_dropped()
        elif line:
            self.received += 1
            self._waiting.append(event_text(line, address[0], datetime.now(UTC), self._limits.event_bytes))
            self._some.set()

    def _count_dropped(self) -> None:
        self.dropped += 1
        if self.dropped == self._told + 1:
            asyncio.get_running_loop().call_later(DROPPED_SECONDS, self._say_dropped)

    def _say_dropped(self) -> None:
        new, self._told = self.dropped - self._told, self.dropped
        self._relay.say(f"{new} lines over UDP were dropped: {self._limits.udp_lines} were waiting already")

    async def store_for_ever(self) -> None:
        """Store what came, again and again."""
        while True:
            await self._some.wait()
            self._some.clear()
            texts = [*self._waiting]
            self._begun = len(texts)
            await self._relay.store(texts)
            for _ in texts:  # they count as waiting until they are stored
                self._waiting.popleft()
            self._begun = 0


def _host_and_port(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)
