"""A request whose head has arrived and whose body may still be on its way."""

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from eventlane.door.body import Body, Pace, Receive
from eventlane.door.lanes import Lane

P = ParamSpec("P")
T = TypeVar("T")


class Request:
    """The route decides when to read the body, and runs slow work in a thread of the lane."""

    __slots__ = ("_lane", "body", "headers", "max_bytes", "method", "path", "scope")

    def __init__(self, scope: Mapping[str, Any], receive: Receive, pace: Pace, lane: Lane, max_bytes: int) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]  # as sent, percent-encoded
        self.headers: dict[bytes, bytes] = dict(scope["headers"])  # if one is sent twice, the last value counts
        self.body = Body(self.headers, receive, pace, lane.room, lane.values)
        self.max_bytes = max_bytes  # of the body as sent; one that is larger is refused
        self._lane = lane

    def header(self, name: bytes) -> str:
        """Return a header's value, or an empty text. Bytes beyond ASCII are read as UTF-8 if they are valid."""
        value = self.headers.get(name, b"").strip()
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    async def read(self) -> bytes:
        """Return the complete body as sent. Raises what Body.read raises."""
        return await self.body.read(self.max_bytes)

    async def skip(self) -> None:
        """Read the body up to its limit and discard it: some clients look for a reply only after sending everything."""
        await self.body.skip(self.max_bytes)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in a thread; raise Busy if too many requests are already waiting for one."""
        return await self._lane.run(work, *args, **kwargs)
