"""Short pieces of text, and the bitmaps that know which of them can't be in a part of a Parquet file.

A reader looks for a text anywhere in an event, within words too. So it isn't words that are marked but grams: every
WORD_BYTES bytes in a row. Ids are another matter: of hexadecimal digits and hyphens, so few bytes in a row are in every
file. Of a run of these it is every ID_BYTES bytes in a row, and of those one in SAMPLED: an id has enough.

What is marked and what is looked for are put into grams by the same function, both as DuckDB's lower() gives them.
Bits are shared by many grams: a bitmap tells for sure only that a text is not there.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

WORD_BYTES, ID_BYTES = 5, 8
SAMPLED = 4  # a power of two
PAGE_BYTES = 4096  # of a bitmap in a gram file
PAGE_BITS = 8 * PAGE_BYTES
# The logarithm of how many bits are used to collect marks; the least is a page.
MIN_BITS, MAX_BITS = 15, 26
FILL = 3 / 8  # how full a bitmap may be: short words have one gram or two, longer ones and ids five or more

_IN_IDS = bytes(byte in b"0123456789abcdef-" for byte in range(256))
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, and its high bits depend on all bits of what is multiplied
_WORD_MASK = np.uint64((1 << 8 * WORD_BYTES) - 1)
_SAMPLE_MASK = np.uint64((SAMPLED - 1) << 32)


class Grams(NamedTuple):
    """The grams of a text as hashes, of which bitmaps take the highest bits."""

    words: Hashes
    ids: Hashes


def grams_of(text: bytes) -> Grams:
    """Return the grams of a text: every text in which it stands has them all, too. A short one has none."""
    starts = max(0, len(text) - WORD_BYTES + 1)
    padded = text + bytes(ID_BYTES)  # with bytes that are in no id
    eights = np.ndarray((starts,), "<u8", padded, 0, (1,))
    in_ids = np.frombuffer(padded.translate(_IN_IDS), bool)
    two = in_ids[:-1] & in_ids[1:]
    four = two[:-2] & two[2:]
    of_words = ~(four[:starts] & in_ids[4 : 4 + starts])
    of_ids = four[:starts] & four[4 : 4 + starts]
    ids = eights[of_ids] * _FACTOR
    return Grams((eights & _WORD_MASK)[of_words] * _FACTOR, ids[ids & _SAMPLE_MASK == 0])


class Bitmap:
    """Marks for grams while they are collected."""

    def __init__(self, bits: int) -> None:
        self._marks = np.zeros(1 << bits, bool)
        self._shift = np.uint64(64 - bits)

    def add(self, hashes: Hashes) -> None:
        """Mark grams."""
        self._marks[(hashes >> self._shift).view(np.int64)] = True

    def packed(self) -> bytes:
        """Return it in bytes: whole pages, as few as there can be without being fuller than FILL."""
        pages, most = self._pages(), len(self._marks) // PAGE_BITS
        marks = np.zeros(pages * PAGE_BITS, bool)
        marks[np.flatnonzero(self._marks) * pages // most] = True
        return np.packbits(marks, bitorder="little").tobytes()

    def _pages(self) -> int:
        most = len(self._marks) // PAGE_BITS
        share = float(self._marks.mean())
        # Of n hashes in m bits, 1 - exp(-n / m) of the bits are marked.
        return most if share >= FILL else max(1, math.ceil(most * math.log1p(-share) / math.log1p(-FILL)))


def bit_of(value: int, bits: int, pages: int) -> int:
    """Return the bit for a hash in a bitmap of so many pages that was collected with 2 to the power of `bits`."""
    return ((value >> 64 - bits) * pages * PAGE_BITS) >> bits


def bits_for(size: int) -> int:
    """Return how many bits, as a logarithm, are enough to begin with for so many bytes of text."""
    return min(max((size // 8).bit_length(), MIN_BITS), MAX_BITS)
