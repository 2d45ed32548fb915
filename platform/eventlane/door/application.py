"""The ASGI application: from a request's head to its reply."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from eventlane.door.body import Body, Pace, Receive, Refused, TooLarge
from eventlane.door.django import Reply, WsgiApplication, call
from eventlane.door.routes import Route

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Door:
    """Reads each request's body under its route's limits, then has a thread of its lane answer it."""

    def __init__(self, application: WsgiApplication, routes: Sequence[Route], pace: Pace) -> None:
        self._application, self._routes, self._pace = application, routes, pace

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        route = self._route_of(scope["raw_path"].decode("latin-1"))
        body = Body(dict(scope["headers"]), receive, self._pace, route.lane.room)
        try:
            reply = await route.lane.run(call, self._application, scope, await body.read(route.max_bytes))
        except Refused as refused:
            reply = route.refuse(refused)
            reply.headers.append((b"connection", b"close"))
            await _send(send, reply)
            if isinstance(refused, TooLarge):
                await body.drain(route.max_bytes)
            return
        finally:
            body.release()
        await _send(send, reply)

    def _route_of(self, path: str) -> Route:
        """Return the first route whose pattern the decoded path matches; the last takes all."""
        path = unquote(path) if "%" in path else path
        return next(route for route in self._routes if route.path.match(path))


async def _send(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})
