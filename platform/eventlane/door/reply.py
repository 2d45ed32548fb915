"""The reply to a request."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from eventlane.wire.stream import Stream

CONTROL_CHARACTER = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. Header names are in lower case.

    A long body is a `file`, and one without an end a `stream`. Both are closed after sending.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    file: BinaryIO | None = None
    stream: Stream | None = None


def headers_of(named: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers in ASGI's form; `?` and escapes replace characters that can't be sent."""
    return [
        (name.lower().encode(), CONTROL_CHARACTER.sub(b"?", value.encode("ascii", "backslashreplace")))
        for name, value in named.items()
    ]
