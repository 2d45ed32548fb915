"""A request whose head has come, and whose body may still be on its way."""

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from eventlane.door.body import Body, Pace, Receive
from eventlane.door.lanes import Lane

P = ParamSpec("P")
T = TypeVar("T")


class Request:
    """Who answers it reads the body when it pleases, and runs in a thread of the lane what takes long."""

    __slots__ = ("_lane", "_max_bytes", "body", "headers", "method", "path", "scope")

    def __init__(self, scope: Mapping[str, Any], receive: Receive, pace: Pace, lane: Lane, max_bytes: int) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]  # as it was sent, percent-encoded
        self.headers: dict[bytes, bytes] = dict(scope["headers"])  # of one sent twice, the last
        self.body = Body(self.headers, receive, pace, lane.room, lane.values)
        self._lane, self._max_bytes = lane, max_bytes

    def header(self, name: bytes) -> str:
        """Return a header's value, empty when there is none; other text than ASCII is UTF-8, if it is."""
        value = self.headers.get(name, b"").strip()
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    async def read(self) -> bytes:
        """Return the whole body, as it was sent; raise what Body.read does."""
        return await self.body.read(self._max_bytes)

    async def skip(self) -> None:
        """Read the body, up to its limit, and throw it away: some clients look for a reply only once all is sent."""
        await self.body.skip(self._max_bytes)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that blocks in a thread; raise Busy when too many wait for one already."""
        return await self._lane.run(work, *args, **kwargs)
