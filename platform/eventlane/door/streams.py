"""Send replies without an end: each is a coroutine of the event loop, and holds no thread."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from eventlane.door.body import Body
from eventlane.door.reply import Reply
from eventlane.wire.stream import Stream

logger = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Streams:
    """The streams that are being sent."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()

    async def send(self, send: Send, reply: Reply, stream: Stream, body: Body) -> None:
        """Send a stream until it ends or its client goes away (ASGI)."""
        self._open.add(stream)
        gone = body.watch()
        sending = asyncio.ensure_future(_send(send, reply, stream))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (error := sending.exception()):
                logger.error("a stream broke off", exc_info=error)
        finally:
            sending.cancel()
            self._open.discard(stream)
            stream.close()

    def end(self) -> None:
        """Let all streams come to their end, as the process stops."""
        for stream in list(self._open):
            stream.end()


async def _send(send: Send, reply: Reply, stream: Stream) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    async for part in stream.parts():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
