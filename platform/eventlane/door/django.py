"""Pass a complete request to Django's WSGI application and take its reply."""

import asyncio
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from eventlane.door.body import Busy
from eventlane.door.reply import Reply
from eventlane.door.request import Request
from eventlane.wire.body import HOLD
from eventlane.wire.client import CLIENT, Client
from eventlane.wire.errors import NoRoom
from eventlane.wire.stream import StreamResponse
from eventlane.wire.values import HOLD_VALUES

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class FileParts:
    """The file of a Django FileResponse, which the door sends piece by piece without a thread that waits (PEP 3333)."""

    def __init__(self, file: BinaryIO, block_size: int) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.file)

    def detach(self) -> BinaryIO:
        """Return the file opened for the door, and close the response: that gives back the thread's connections."""
        file = os.fdopen(os.dup(self.file.fileno()), "rb")
        self.file.close()
        return file


CONSTANTS: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileParts,
}
UNPREFIXED = {b"content-type": "CONTENT_TYPE"}
OURS = (b"content-length", b"transfer-encoding")  # the body is complete, whatever these headers said


class DjangoRoute:
    """Answers complete requests in threads, with a WSGI application."""

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    async def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        environ = environ_of(request.scope, await request.read()) | {
            HOLD: _as_api_error(request.body.hold),
            HOLD_VALUES: _as_api_error(request.body.hold_values),
        }
        client = Client()
        request.body.watch().add_done_callback(partial(_note_leaving, client))
        return await request.run(call, self._application, environ, client)


def _note_leaving(client: Client, watching: "asyncio.Task[None]") -> None:
    client.gone = not watching.cancelled()


def _as_api_error(take: Callable[[int], None]) -> Callable[[int], None]:
    """Return a function that reserves room for more of the body, and refuses as the platform API does."""

    def hold(count: int) -> None:
        try:
            take(count)
        except Busy:
            raise NoRoom from None

    return hold


def call(application: WsgiApplication, environ: dict[str, Any], client: Client) -> Reply:
    """Call a WSGI application and collect its reply: a client that reads slowly must not block a thread."""
    CLIENT.set(client)
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        started[:] = [(status, headers)]

    parts = application(environ, start_response)
    file = stream = None
    content = b""
    try:
        if isinstance(parts, FileParts):
            file = parts.detach()
        elif isinstance(parts, StreamResponse):
            stream = None if environ["REQUEST_METHOD"] == "HEAD" else parts.detach()
        else:
            content = b"".join(parts)
    finally:
        getattr(parts, "close", lambda: None)()
        environ["wsgi.input"].close()  # a view's request may live until the next garbage collection; its body must not
    [(status, headers)] = started
    named = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Reply(int(status[:3]), named, content, file, stream)


def environ_of(scope: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """Return the WSGI environment for an ASGI scope and a complete body.

    The path keeps its bytes, as Latin-1: Django would replace those that aren't UTF-8.
    """
    path = unquote_to_bytes(scope["raw_path"]).decode("latin-1")
    host, port = scope["server"]
    environ = CONSTANTS | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path,
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
    }
    for name, value in scope["headers"]:
        if name in OURS or b"_" in name:  # an underscore would pass for the hyphen of another header
            continue
        key = UNPREFIXED.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = environ[key] + ("; " if name == b"cookie" else ",") + text if key in environ else text
    return environ
