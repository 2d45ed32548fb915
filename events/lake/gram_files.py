"""The file `<name>.parquet.grams` beside a Parquet file of events: what can't be in which of its row groups.

    EVENTLANE GRAMS 3
    {"file_bytes": …, "rows": …, "blocks": [[first_us, last_us, bits, words_pages, ids_pages], …]}  crc32
    pages of 4096 bytes, each with its crc32: the bitmaps of the blocks' words and ids, one after the other

It only ever says no, and is only ever believed if it is whole: where it is missing, damaged or of another file, the
row group is read. So nothing depends on it, and it can be deleted at any time. A block is a row group, with the times
when its events were received, from the first to the last. `bits` is the logarithm of how many bits its marks were
collected with; a bitmap of fewer pages has them closer together.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from events.lake.grams import PAGE_BYTES, Bitmap, Grams, Hashes, bit_of, bits_for, grams_of

SUFFIX = ".grams"
UNFINISHED = ".grams-writing"
MAGIC = b"EVENTLANE GRAMS 3\n"
CHUNK_BYTES = 64 * 1024  # what is put into grams at once stays in the processor's cache
OVERLAP = 7  # a gram less one byte
WRITING_MARGIN = timedelta(hours=1)  # longer than one takes to be made
_CRC = struct.Struct("<I")


class Damaged(Exception):
    """The file isn't what was written, or it is of another Parquet file."""


class Header(msgspec.Struct):
    """What a gram file says of its Parquet file."""

    file_bytes: int
    rows: int
    blocks: list[tuple[int, int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Block:
    """A row group: when its events were received, from the first to the last, in microseconds; and its bitmaps."""

    first_us: int
    last_us: int
    bits: int
    words: bytes
    ids: bytes


class BlockBuilder:
    """Puts the texts of a row group into its bitmaps."""

    def __init__(self, text_bytes: int) -> None:
        self._bits = bits_for(text_bytes)
        self._words, self._ids = Bitmap(self._bits), Bitmap(self._bits)

    def add(self, texts: pa.Array) -> None:
        """Add texts that DuckDB's lower() has made."""
        text = _bytes_of(texts)
        for start in range(0, len(text), CHUNK_BYTES):
            grams = grams_of(text[start : start + CHUNK_BYTES + OVERLAP])
            self._words.add(grams.words)
            self._ids.add(grams.ids)

    def block(self, first_us: int, last_us: int) -> Block:
        """Return the block."""
        return Block(first_us, last_us, self._bits, self._words.packed(), self._ids.packed())


def write_grams(path: Path, file_bytes: int, rows: int, blocks: Sequence[Block]) -> int:
    """Write the gram file of a Parquet file, so that it is there as a whole or not at all; return its size."""
    entries = [
        (block.first_us, block.last_us, block.bits, len(block.words) // PAGE_BYTES, len(block.ids) // PAGE_BYTES)
        for block in blocks
    ]
    header = msgspec.json.encode(Header(file_bytes, rows, entries))
    unfinished = path.with_name(f"{path.name}{UNFINISHED}-{os.getpid()}")
    with unfinished.open("wb") as file:
        file.write(MAGIC + _CRC.pack(len(header)) + _with_crc(header))
        for block in blocks:
            file.writelines(map(_with_crc, _pages(block.words + block.ids)))
        size = file.tell()
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(grams_path(path))
    return size


def grams_path(path: Path) -> Path:
    """Return where the gram file of a Parquet file is."""
    return path.with_name(path.name + SUFFIX)


def times_that_may_hold(
    path: Path, file_bytes: int, rows: int, clauses: Sequence[Sequence[Grams]]
) -> list[tuple[int, int]]:
    """Return the first and last times of the blocks in which, of each clause, one text's grams are all marked.

    Raises Damaged, or OSError where there is no file or it can't be read.
    """
    fd = os.open(grams_path(path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        reader = _Reader(fd)
        if (reader.header.file_bytes, reader.header.rows) != (file_bytes, rows):
            raise Damaged("it is of another file")
        return list(reader.matching(clauses))
    finally:
        os.close(fd)


class _Place(NamedTuple):
    """The pages of a bitmap, and the logarithm of how many bits it was collected with."""

    first: int
    pages: int
    bits: int


class _Reader:
    """Reads of an open gram file what is asked for."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        start = len(MAGIC) + _CRC.size
        head = os.pread(fd, start, 0)
        if len(head) != start or not head.startswith(MAGIC):
            raise Damaged("it doesn't begin like one")
        [length] = _CRC.unpack(head[len(MAGIC) :])
        if length > os.fstat(fd).st_size:
            raise Damaged("it is cut off")
        self.header = msgspec.json.decode(self._checked(start, length), type=Header)
        self._first_page = start + length + _CRC.size

    def matching(self, clauses: Sequence[Sequence[Grams]]) -> Iterator[tuple[int, int]]:
        """Yield the first and the last time of each block that may hold what is looked for."""
        page = 0
        for first, last, bits, words_pages, ids_pages in self.header.blocks:
            ids_page = page + words_pages
            places = (_Place(page, words_pages, bits), _Place(ids_page, ids_pages, bits))
            if all(any(self._may_hold(grams, places) for grams in clause) for clause in clauses):
                yield first, last
            page = ids_page + ids_pages

    def _may_hold(self, grams: Grams, places: "tuple[_Place, _Place]") -> bool:
        return all(self._all_marked(hashes, place) for hashes, place in zip(grams, places, strict=True))

    def _all_marked(self, hashes: Hashes, place: "_Place") -> bool:
        return all(self._is_marked(bit_of(int(value), place.bits, place.pages), place.first) for value in hashes)

    def _is_marked(self, bit: int, page: int) -> bool:
        byte = bit >> 3
        content = self._page(page + byte // PAGE_BYTES)
        return bool(content[byte % PAGE_BYTES] >> (bit & 7) & 1)

    def _page(self, number: int) -> bytes:
        return self._checked(self._first_page + number * (PAGE_BYTES + _CRC.size), PAGE_BYTES)

    def _checked(self, offset: int, length: int) -> bytes:
        data = os.pread(self._fd, length + _CRC.size, offset)
        if data[length:] != _CRC.pack(zlib.crc32(data[:length])):
            raise Damaged(f"its bytes from {offset} on are not what was written")
        return data[:length]


def remove_left_over(folder: Path, now: datetime) -> int:
    """Remove gram files whose Parquet file is gone, and what a killed process has half written; return how many."""
    lonely = [path for path in folder.rglob(f"*{SUFFIX}") if not path.with_name(path.name[: -len(SUFFIX)]).exists()]
    unfinished = []
    for path in folder.rglob(f"*{UNFINISHED}-*"):
        with suppress(FileNotFoundError):  # it was finished just now
            if path.stat().st_mtime < (now - WRITING_MARGIN).timestamp():
                unfinished.append(path)
    for path in (*lonely, *unfinished):
        path.unlink(missing_ok=True)
    return len(lonely) + len(unfinished)


def _bytes_of(texts: pa.Array) -> bytes:
    """Return the bytes of texts, one after the other."""
    width = 8 if pa.types.is_large_string(texts.type) else 4
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return b""
    ends = memoryview(offsets).cast("q" if width == 8 else "i")
    return bytes(memoryview(data)[ends[texts.offset] : ends[texts.offset + len(texts)]])


def _pages(data: bytes) -> Iterator[bytes]:
    return (data[start : start + PAGE_BYTES] for start in range(0, len(data), PAGE_BYTES))


def _with_crc(data: bytes) -> bytes:
    return data + _CRC.pack(zlib.crc32(data))
