"""The file `<name>.parquet.grams` beside a Parquet file of events: what can't be in which of its row groups.

    EVENTLANE GRAMS 2
    {"file_bytes": …, "rows": …, "blocks": [[first_us, last_us, words_bits, ids_bits], …]}  crc32
    pages of 4096 bytes, each with its crc32: the bitmaps of the blocks' words and ids, one after the other

It only ever says no, and is only ever believed if it is whole: where it is missing, damaged or of another file, the
row group is read. So nothing depends on it, and it can be deleted at any time. A block is a row group, with the times
when its events were received, from the first to the last.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa

from events.lake.grams import IDS_FILL, MIN_BITS, WORDS_FILL, Bitmap, Grams, Hashes, bits_for, grams_of

SUFFIX = ".grams"
UNFINISHED = ".grams-writing"
MAGIC = b"EVENTLANE GRAMS 2\n"
PAGE_BYTES = 1 << MIN_BITS - 3
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
    blocks: list[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Block:
    """A row group: when its events were received, from the first to the last, in microseconds; and its bitmaps."""

    first_us: int
    last_us: int
    words: bytes
    ids: bytes


class BlockBuilder:
    """Puts the texts of a row group into its bitmaps."""

    def __init__(self, text_bytes: int) -> None:
        bits = bits_for(text_bytes)
        self._words, self._ids = Bitmap(bits), Bitmap(bits)

    def add(self, texts: pa.Array) -> None:
        """Add texts that DuckDB's lower() has made."""
        text = _bytes_of(texts)
        for start in range(0, len(text), CHUNK_BYTES):
            grams = grams_of(text[start : start + CHUNK_BYTES + OVERLAP])
            self._words.add(grams.words)
            self._ids.add(grams.ids)

    def block(self, first_us: int, last_us: int) -> Block:
        """Return the block."""
        return Block(first_us, last_us, self._words.packed(WORDS_FILL), self._ids.packed(IDS_FILL))


def write_grams(path: Path, file_bytes: int, rows: int, blocks: Sequence[Block]) -> int:
    """Write the gram file of a Parquet file, so that it is there as a whole or not at all; return its size."""
    entries = [(block.first_us, block.last_us, _bits(block.words), _bits(block.ids)) for block in blocks]
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
        for first, last, words_bits, ids_bits in self.header.blocks:
            ids_page = page + _page_count(words_bits)
            places = ((page, words_bits), (ids_page, ids_bits))
            if all(any(self._may_hold(grams, places) for grams in clause) for clause in clauses):
                yield first, last
            page = ids_page + _page_count(ids_bits)

    def _may_hold(self, grams: Grams, places: tuple[tuple[int, int], tuple[int, int]]) -> bool:
        return all(self._all_marked(hashes, *place) for hashes, place in zip(grams, places, strict=True))

    def _all_marked(self, hashes: Hashes, page: int, bits: int) -> bool:
        return all(self._is_marked(int(value) >> (64 - bits), page) for value in hashes)

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


def _bits(bitmap: bytes) -> int:
    return (len(bitmap) * 8).bit_length() - 1


def _page_count(bits: int) -> int:
    return 1 << bits - MIN_BITS
