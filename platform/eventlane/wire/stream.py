"""Replies without an end: a view returns one, and the door goes on sending it without a thread."""

from collections.abc import AsyncIterator
from typing import Protocol

from django.http import StreamingHttpResponse


class Stream(Protocol):
    """What a reply without an end sends. The door calls `close` exactly once, whatever happens."""

    def parts(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, in the event loop, until `end` was called."""

    def end(self) -> None:
        """Let `parts` come to its end, from any thread."""

    def close(self) -> None:
        """Release what the stream holds."""


class StreamResponse(StreamingHttpResponse):
    """A view's reply that is a stream. A server other than the door would send no body."""

    def __init__(self, stream: Stream, content_type: str) -> None:
        super().__init__((), content_type=content_type)
        self._stream: Stream | None = stream

    def detach(self) -> Stream:
        """Give the stream to the door; closing the response then gives back the thread's connections only."""
        stream, self._stream = self._stream, None
        assert stream
        return stream

    def close(self) -> None:
        """Close the response, and the stream that nobody took."""
        super().close()
        if self._stream is not None:
            self._stream.close()
            self._stream = None
