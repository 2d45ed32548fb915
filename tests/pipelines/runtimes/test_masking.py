"""Secrets in output, however it is cut into pieces."""

import base64
import html
import json
import random
import re
import shlex
import subprocess
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtimes.masking import Masker


def masked(text: bytes, *secrets: str, piece: int = 0) -> bytes:
    masker = Masker(secrets)
    size = piece or len(text) or 1
    pieces = [masker.feed(text[begin : begin + size]) for begin in range(0, len(text), size)]
    return b"".join([*pieces, masker.finish()])


SECRET_OF_ALL = "sé<cr/et>\"q'uo\\te& +1€🔑"


def escaped(text: str, pattern: str) -> str:
    """Every character that isn't a plain letter or digit as `pattern` writes its number."""
    return "".join(c if c.isascii() and c.isalnum() else pattern % ord(c) for c in text)


def in_shell(*command: str) -> str:
    """What a shell prints of a secret that it is given as its first argument, less what stands around it."""
    result = subprocess.run([*command, SECRET_OF_ALL], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    return (result.stdout + result.stderr).decode().strip().removeprefix("+ : ")


WRITTEN = {
    "as it is": SECRET_OF_ALL,
    "quote": quote(SECRET_OF_ALL),
    "quote all": quote(SECRET_OF_ALL, safe=""),
    "quote_plus": quote_plus(SECRET_OF_ALL),
    "encodeURIComponent": quote(SECRET_OF_ALL, safe="!*'()"),
    "lower-case percent": re.sub("%..", lambda found: found[0].lower(), quote(SECRET_OF_ALL, safe="")),
    "JSON in ASCII": json.dumps(SECRET_OF_ALL)[1:-1],
    "JSON in UTF-8": json.dumps(SECRET_OF_ALL, ensure_ascii=False)[1:-1],
    "JSON with slashes escaped": json.dumps(SECRET_OF_ALL).replace("/", "\\/")[1:-1],
    "JSON for HTML": json.dumps(SECRET_OF_ALL).translate({60: "\\u003c", 62: "\\u003e", 38: "\\u0026"})[1:-1],
    "JSON for HTML, upper case": json.dumps(SECRET_OF_ALL).translate({60: "\\u003C", 62: "\\u003E"})[1:-1],
    "HTML": html.escape(SECRET_OF_ALL),
    "HTML, named": html.escape(SECRET_OF_ALL)
    .replace("é", "&eacute;")
    .replace("€", "&euro;")
    .replace("&#x27;", "&apos;"),
    "HTML, decimal": escaped(SECRET_OF_ALL, "&#%d;"),
    "HTML, decimal, padded": escaped(SECRET_OF_ALL, "&#%03d;"),
    "HTML, hexadecimal": escaped(SECRET_OF_ALL, "&#x%x;"),
    "HTML, upper-case hexadecimal": escaped(SECRET_OF_ALL, "&#x%X;"),
    "sh -x": in_shell("sh", "-xc", ': "$1"', "sh").strip("'"),
    "bash -x": in_shell("bash", "-xc", ': "$1"', "bash")[1:-1],
    "bash's %q": in_shell("bash", "-c", 'printf %q "$1"', "bash").removeprefix("$'").removesuffix("'"),
    "quoted for a shell": shlex.quote(SECRET_OF_ALL)[1:-1],
    "Python's bytes": repr(SECRET_OF_ALL.encode())[2:-1],
    "octal": "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\{b:03o}" for b in SECRET_OF_ALL.encode()),
    "hex": SECRET_OF_ALL.encode().hex(),
    "upper-case hex": SECRET_OF_ALL.encode().hex().upper(),
    "base64": base64.b64encode(SECRET_OF_ALL.encode()).decode(),
    "url-safe base64": base64.urlsafe_b64encode(SECRET_OF_ALL.encode()).decode(),
    "url-safe base64, not padded": base64.urlsafe_b64encode(SECRET_OF_ALL.encode()).decode().rstrip("="),
    "base64 in a URL": quote(base64.b64encode(SECRET_OF_ALL.encode()).decode(), safe=""),
    "base64 in JSON": base64.b64encode(SECRET_OF_ALL.encode()).decode().replace("/", "\\/"),
}


@pytest.mark.parametrize("piece", [0, 1, 3, 7])
@pytest.mark.parametrize("way", WRITTEN)
def test_every_form_is_masked(way, piece):
    text = f"before {WRITTEN[way]} after".encode()

    assert masked(text, SECRET_OF_ALL, piece=piece) == b"before *** after"


def test_secret_in_json_that_keeps_letters_is_masked():
    text = json.dumps({"password": 'sécret"quote'}, ensure_ascii=False).encode()

    assert masked(text, 'sécret"quote') == b'{"password": "***"}'


def test_long_secret_in_wrapped_base64_is_masked():
    secret = "".join(f"{number:x}" for number in range(200))
    text = subprocess.run(["base64"], input=secret.encode(), capture_output=True, check=True).stdout

    assert text.count(b"\n") > 3
    assert masked(text, secret) == b"***\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
@pytest.mark.parametrize("before", ["", "u", "us"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 19, 60, 64, 76])
def test_secret_in_wrapped_base64_is_masked_at_any_width(width, before, end):
    secret = "kmvqz-0731<>?~" * 12
    letters = base64.urlsafe_b64encode(f"{before}{secret}".encode()).decode()
    lines = [letters[begin : begin + width] for begin in range(0, len(letters), width)]

    shown = masked(end.join(lines).encode(), secret, piece=11)

    assert shown.endswith(b"***") and len(shown.replace(end.encode(), b"")) <= len("***") + len(before) + 1


@pytest.mark.slow
def test_a_very_long_secret_is_masked():
    secret = "".join(random.Random(1).choices("abcdefgh+/", k=5000))

    assert masked(secret.encode(), secret, piece=3000).replace(b"*", b"") == b""
    assert len(masked(base64.encodebytes(secret.encode()), secret).replace(b"\n", b"")) < 30


@given(
    st.text("ab<\"'&/\\ é\n+%", min_size=4, max_size=12).filter(lambda text: len(text.strip()) >= 4),
    st.sampled_from([quote, quote_plus, html.escape, lambda text: json.dumps(text, ensure_ascii=False)[1:-1]]),
    st.sampled_from(["", "u", "us"]),
    st.integers(1, 80),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_cuts_make_no_difference(secret, write, before, width, cuts):
    """A secret in every position of a stream that is cut anywhere: nothing of it is shown, whatever the cuts."""
    encoded = base64.b64encode(f"{before}{secret}".encode()).decode()
    wrapped = "\n".join(encoded[begin : begin + width] for begin in range(0, len(encoded), width))
    text = f"[{secret}] [{write(secret)}] [{secret.encode().hex()}] [{wrapped}] end".encode()
    masker = Masker([secret])

    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [masker.feed(text[begin:end]) for begin, end in pairwise(places)]
    shown = b"".join([*pieces, masker.finish()])

    assert shown == masked(text, secret)
    assert secret.encode() not in shown and write(secret).encode() not in shown
    assert shown.count(b"***") >= 4 or len(secret.strip().encode()) < 4


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
    for _ in range(500):
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
