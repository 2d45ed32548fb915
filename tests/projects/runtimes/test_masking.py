"""Secrets in output, however it is cut into pieces."""

import base64
import json
import random
from urllib.parse import quote, quote_plus

import pytest

from projects.runtimes.masking import Masker

SECRET = "p4ss/wörd &x"


def masked(text: bytes, *secrets: str, piece: int = 0) -> bytes:
    masker = Masker(secrets)
    size = piece or len(text) or 1
    pieces = [masker.feed(text[begin : begin + size]) for begin in range(0, len(text), size)]
    return b"".join([*pieces, masker.finish()])


@pytest.mark.parametrize("piece", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote_plus(SECRET),
        quote(SECRET, safe=""),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_form_is_masked(form, piece):
    assert masked(f"before {form} after".encode(), SECRET, piece=piece) == b"before *** after"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "!", "!!"])
def test_secret_within_base64_is_masked(before, after):
    text = base64.b64encode(f"{before}hunter2hunter{after}".encode())

    assert b"***" in masked(text, "hunter2hunter")
    assert b"nRlcjJodW50" not in masked(text, "hunter2hunter") and len(masked(text, "hunter2hunter")) < 20


def test_lines_of_a_key_are_masked():
    key = "-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEE\n-----END KEY-----\n"

    assert masked(b"got DDDDEEEE and AAAABBBBCCCC", key, piece=5) == b"got *** and ***"
    assert masked(key.encode(), key) == b"***"


def test_short_secrets_are_left_alone():
    assert masked(b"abc a-b-c", "abc", "a", "") == b"abc a-b-c"


def test_overlapping_secrets_leave_nothing():
    assert masked(b"x abcdefgh y", "abcdef", "defgh", piece=4) == b"x *** y"


def test_beginning_of_a_secret_is_shown_in_the_end():
    masker = Masker(["password"])

    assert masker.feed(b"my pass") == b"my "
    assert masker.feed(b"port") == b"passport"
    assert masker.feed(b" pass") + masker.finish() == b" pass"


def test_pieces_make_no_difference():
    """Random texts of few letters: whatever a mask has to hide is hidden, and nothing else."""
    dice = random.Random(7)
    for _ in range(2000):
        secrets = ["".join(dice.choices("ab", k=dice.randint(4, 6))) for _ in range(dice.randint(1, 3))]
        text = "".join(dice.choices("abc", k=dice.randint(0, 40)))
        hidden = {
            place
            for secret in secrets
            for begin in range(len(text))
            if text.startswith(secret, begin)
            for place in range(begin, begin + len(secret))
        }
        visible = "".join(letter for place, letter in enumerate(text) if place not in hidden)
        for piece in (0, 1, 3):
            assert masked(text.encode(), *secrets, piece=piece).replace(b"*", b"").decode() == visible
