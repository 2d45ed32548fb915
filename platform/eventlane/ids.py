"""KSUID: the identifiers of the v0 API (docs/api/v0.md, section 3).

20 bytes: 4 bytes of seconds since 2014-05-13T16:53:20Z, big-endian, then 16 random bytes; written as 27
characters of base 62, so that sorting the text by bytes sorts by second.
"""

import os
import re
import time
from datetime import datetime

EPOCH = 1_400_000_000
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 27
PATTERN = re.compile(r"[0-9A-Za-z]{27}")
GREATEST = "aWgEPTl1tmebfsQzFP4bxwgy80V"
SIMPLE_PATTERN = (
    "[0-9A-Z][0-9A-Za-z]{26}"  # for API descriptions: valid for ids created until 2148, matches no text above GREATEST
)


def new_id() -> str:
    """Return a new KSUID."""
    return encode((int(time.time()) - EPOCH).to_bytes(4, "big") + os.urandom(16))


def first_id(moment: datetime) -> str:
    """Return the smallest KSUID of a time's second: everything created before sorts before it."""
    return encode(max(0, int(moment.timestamp()) - EPOCH).to_bytes(4, "big") + bytes(16))


def encode(data: bytes) -> str:
    """Encode 20 bytes as 27 characters."""
    number = int.from_bytes(data, "big")
    digits = []
    for _ in range(LENGTH):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def is_id(text: str) -> bool:
    """Return whether `text` is a well-formed KSUID."""
    return PATTERN.fullmatch(text) is not None and text <= GREATEST
