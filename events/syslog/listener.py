"""Listens for syslog and gives what comes to the relay. A sender over TCP is read on when its lines are stored."""

import asyncio
import signal
import socket
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from events.syslog.frames import Frames
from events.syslog.lines import event_text
from events.syslog.relay import Relay

CHUNK_BYTES = 64 * 1024
DATAGRAM_BUFFER_BYTES = 4 * 1024 * 1024  # asked of the kernel, for bursts
LAST_SECONDS = 8.0  # to store what was read, once the process is to stop
DROPPED_SECONDS = 10.0  # between two messages about lines that were dropped


@dataclass(frozen=True)
class Limits:
    """How many connections there may be, how long a line, and how many lines over UDP may wait."""

    connections: int
    line_bytes: int
    udp_lines: int


@dataclass
class Listener:
    """Everything that listens. `tcp`, `tls` and `udp` are HOST:PORT, or empty."""

    relay: Relay
    limits: Limits
    tcp: str = ""
    tls: str = ""
    udp: str = ""
    context: ssl.SSLContext | None = None
    _connections: int = 0
    _stopping: bool = False
    _storing: "asyncio.Future[None] | None" = None  # the loop itself wouldn't hold it

    async def run(self) -> None:
        """Listen until SIGTERM or SIGINT, then store what was read."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self.relay.start()
        closing = await self._listen()
        await stop.wait()
        self._stopping = True
        for one in closing:
            one.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                while self.relay.unstored:
                    await asyncio.sleep(0.05)
        if self.relay.unstored:
            self.relay.say(f"{self.relay.unstored} lines were read and couldn't be stored: they are lost")

    async def _listen(self) -> list[Any]:
        closing: list[Any] = []
        if self.udp:
            datagrams = Datagrams(self.relay, self.limits)
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: datagrams, local_addr=_host_and_port(self.udp)
            )
            self._storing = asyncio.ensure_future(datagrams.store_for_ever())
            closing.append(transport)
        for place, context in ((self.tcp, None), (self.tls, self.context)):
            if place:
                host, port = _host_and_port(place)
                closing.append(await asyncio.start_server(self._serve, host, port, ssl=context, limit=CHUNK_BYTES))
        return closing

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        self._connections += 1
        try:
            if self._connections > self.limits.connections:
                self.relay.say(f"{peer} was sent away: there are {self.limits.connections} connections already")
                return
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            with suppress(OSError):  # a sender that breaks off
                await self._read(reader, peer)
        finally:
            self._connections -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, peer: str) -> None:
        frames = Frames(self.limits.line_bytes)
        while (chunk := await reader.read(CHUNK_BYTES)) and not self._stopping:
            await self._store(frames.take(chunk), peer)
        await self._store(frames.end(), peer)

    async def _store(self, lines: list[bytes], peer: str) -> None:
        if lines:
            now = datetime.now(UTC)
            await self.relay.store([event_text(line, peer, now) for line in lines])


class Datagrams(asyncio.DatagramProtocol):
    """Lines over UDP. Nobody can tell their senders to wait, so what doesn't fit is dropped, and counted."""

    def __init__(self, relay: Relay, limits: Limits) -> None:
        self._relay, self._limits = relay, limits
        self._waiting: deque[bytes] = deque()
        self._some = asyncio.Event()
        self._dropped = 0

    def connection_made(self, transport: Any) -> None:
        """Ask for a larger buffer; the kernel gives what it may."""
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BUFFER_BYTES)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """Take one message."""
        line = data[: self._limits.line_bytes].strip(b"\0\r\n ")
        if len(self._waiting) >= self._limits.udp_lines:
            self._count_dropped()
        elif line:
            self._waiting.append(event_text(line, address[0], datetime.now(UTC)))
            self._some.set()

    def _count_dropped(self) -> None:
        self._dropped += 1
        if self._dropped == 1:
            asyncio.get_running_loop().call_later(DROPPED_SECONDS, self._say_dropped)

    def _say_dropped(self) -> None:
        self._relay.say(f"{self._dropped} lines over UDP were dropped: {self._limits.udp_lines} were waiting already")
        self._dropped = 0

    async def store_for_ever(self) -> None:
        """Store what came, again and again."""
        while True:
            await self._some.wait()
            self._some.clear()
            texts = [*self._waiting]
            await self._relay.store(texts)
            for _ in texts:  # they count as waiting until they are stored
                self._waiting.popleft()


def _host_and_port(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host.strip("[]"), int(port)
