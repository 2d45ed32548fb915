"""Decompress a body under a limit of bytes, to the end that its compression marks, in time linear in its length.

A body is one or more members (gzip), streams (deflate) or frames (zstd), one behind the other: some senders flush
in the middle, which starts another one. All of them must be whole: a body that was cut off on its way ends inside
one, and half of what was sent must not be taken for all of it.
"""

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15  # zlib's names for the three wrappings are numbers
# An ended member hands back what it had too much, as a copy: whole bodies of empty members would be copied for each.
SLICE_BYTES = 64 * 1024
# zstandard inflates all it is given. A block of 4 bytes makes 128 KiB: this is 16 MiB at most above the limit.
ZSTD_SLICE_BYTES = 512
# What whoever reads zstd from the web has to take (RFC 9659); a frame may ask for gigabytes.
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
# Enough for senders that compress event by event. An empty member costs more time than its 20 bytes are worth.
MOST_MEMBERS = 10_000


class NotInflatable(ValueError):
    """The body isn't what its Content-Encoding says, or isn't whole."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _ZstdInflater:
    """One frame, as zlib's decompressobj is one member; it gives more than `max_length`, since it can't give less."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._frame.decompress(data)


def inflate(encoding: str, body: bytes, most: int, hold: Callable[[int], None] = lambda count: None) -> bytes:
    """Return what the body holds; of more than `most` bytes, only somewhat more than `most`.

    `hold` is told of every piece how many bytes it has, and may raise what ends it. Raises NotInflatable.
    """
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflate(lambda: zlib.decompressobj(GZIP), body, most, SLICE_BYTES, hold)
        if encoding == "deflate":  # RFC 9110 means zlib's wrapping, some senders leave it out
            wrapping = ZLIB if body[:1] == b"\x78" else RAW_DEFLATE
            return _inflate(lambda: zlib.decompressobj(wrapping), body, most, SLICE_BYTES, hold)
        if encoding == "zstd":
            return _inflate(_ZstdInflater, body, most, ZSTD_SLICE_BYTES, hold)
    except (zlib.error, zstandard.ZstdError) as error:
        raise NotInflatable(f"body is not valid {encoding}: {error}") from None
    raise NotInflatable(f"Content-Encoding {encoding[:40]!a} is not supported; use gzip, deflate or zstd")


def _inflate(
    new_inflater: Callable[[], _Inflater], body: bytes, most: int, slice_bytes: int, hold: Callable[[int], None]
) -> bytes:
    """Inflate member after member, at least one."""
    pieces: list[bytes] = []
    size = position = 0
    for _ in range(MOST_MEMBERS):
        inflater = new_inflater()
        while not inflater.eof:
            data = body[position : position + slice_bytes]
            if not data:
                raise zlib.error("it ends too early")
            position += len(data)
            pieces.append(inflater.decompress(data, most + 1 - size))
            size += len(pieces[-1])
            hold(len(pieces[-1]))
            if size > most:
                return b"".join(pieces)
        position -= len(inflater.unused_data)
        if position == len(body):
            return b"".join(pieces)
    raise zlib.error(f"it has more than {MOST_MEMBERS} parts")
