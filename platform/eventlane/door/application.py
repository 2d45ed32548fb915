"""The ASGI application, from the head of a request to its reply."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO
from urllib.parse import unquote

from eventlane.door.body import Pace, Receive, Refused
from eventlane.door.reply import Reply
from eventlane.door.request import Request
from eventlane.door.routes import Route
from eventlane.door.streams import Send, Streams

PIECE_BYTES = 256 * 1024  # of a file, in memory at once


class Door:
    """Passes each request to its route and sends the reply."""

    def __init__(self, routes: Sequence[Route], pace: Pace) -> None:
        self._routes, self._pace = routes, pace
        self._streams = Streams()

    def hanging_lanes(self, seconds: float) -> set[str]:
        """Return the names of lanes whose threads have all been busy for this long, without finishing anything."""
        return {route.lane.name for route in self._routes if route.lane.hangs(seconds)}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        route = self._route_of(scope["raw_path"].decode("latin-1"))
        request = Request(scope, receive, self._pace, route.lane, route.max_bytes)
        try:
            await self._send(send, await self._reply(route, request), request)
        finally:
            request.body.stop_watching()
        if not request.body.has_ended:
            await request.body.drain(route.max_bytes)

    def end_streams(self) -> None:
        """End the replies that would have no end, so that the process can stop."""
        self._streams.end()

    @staticmethod
    async def _reply(route: Route, request: Request) -> Reply:
        try:
            return await route.answer(request)
        except Refused as refused:
            reply = route.refuse(refused, request)
            reply.headers.append((b"connection", b"close"))
            return reply
        finally:
            request.body.release()

    async def _send(self, send: Send, reply: Reply, request: Request) -> None:
        if reply.stream is None:
            await send_reply(send, reply)
        else:
            await self._streams.send(send, reply, reply.stream, request.body)

    def _route_of(self, path: str) -> Route:
        """Return the first route whose pattern matches the decoded path; the last one matches everything."""
        path = unquote(path) if "%" in path else path
        return next(route for route in self._routes if route.path.match(path))


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a reply (ASGI), and close its file."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if reply.file is not None:
        await _send_file(send, reply.file)
    await send({"type": "http.response.body", "body": reply.body})


async def _send_file(send: Send, file: BinaryIO) -> None:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
