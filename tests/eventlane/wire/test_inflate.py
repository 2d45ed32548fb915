"""Compressed bodies: whole ones are inflated, cut-off ones never taken for whole, none costs more than it is worth."""

import gzip
import io
import struct
import tracemalloc
import zlib

import pyarrow
import pytest
import zstandard

from eventlane.wire.body import BadBody, BodyTooLarge, read_body
from eventlane.wire.inflate import MOST_MEMBERS, NotInflatable, inflate, inflate_snappy

TEXT = b'[{"level":"info","message":"%s"}]' % (b"na " * 3000)
MOST = 1024 * 1024


def raw_deflate(data):
    return zlib.compress(data, wbits=-15)


def zstd_stream(data):
    """A frame of several blocks that doesn't say how large it is."""
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    half, flush = len(data) // 2, zstandard.COMPRESSOBJ_FLUSH_BLOCK
    first = compressor.compress(data[:half]) + compressor.flush(flush)
    return first + compressor.compress(data[half:]) + compressor.flush()


FORMS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", zstandard.compress),
    "zstd with a checksum": ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress),
    "zstd of unknown size": ("zstd", zstd_stream),
}
forms = pytest.mark.parametrize("encoding, compress", FORMS.values(), ids=FORMS.keys())


@forms
@pytest.mark.parametrize("text", [TEXT, b"", b"x"])
def test_body_is_inflated(encoding, compress, text):
    assert inflate(encoding, compress(text), MOST) == text


@forms
def test_several_members_are_one_body(encoding, compress):
    assert inflate(encoding, compress(TEXT[:5]) + compress(TEXT[5:9]) + compress(TEXT[9:]), MOST) == TEXT


@forms
def test_body_cut_off_anywhere_is_refused(encoding, compress):
    whole = compress(TEXT)
    for length in range(len(whole)):
        with pytest.raises(NotInflatable):
            inflate(encoding, whole[:length], MOST)


@forms
def test_second_member_cut_off_is_refused(encoding, compress):
    whole = compress(TEXT)
    for length in range(1, len(whole)):
        with pytest.raises(NotInflatable):
            inflate(encoding, whole + whole[:length], MOST)


@forms
def test_text_behind_the_end_is_refused(encoding, compress):
    with pytest.raises(NotInflatable):
        inflate(encoding, compress(TEXT) + b"[{}]", MOST)


@forms
def test_members_are_counted(encoding, compress):
    with pytest.raises(NotInflatable, match="more than 10000 parts"):
        inflate(encoding, compress(b"") * (MOST_MEMBERS + 1), MOST)
    assert inflate(encoding, compress(b"") * MOST_MEMBERS, MOST) == b""


def test_skippable_zstd_frames_are_members():
    empty = struct.pack("<II", 0x184D2A50, 0)
    assert inflate("zstd", empty + zstandard.compress(TEXT) + empty, MOST) == TEXT
    with pytest.raises(NotInflatable, match="more than 10000 parts"):
        inflate("zstd", empty * 100_000, MOST)


@forms
def test_bomb_takes_no_more_memory_than_allowed(encoding, compress):
    bomb = compress(b"\0" * 60_000_000)
    tracemalloc.start()
    inflated = inflate(encoding, bomb, MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(inflated) > MOST and peak < 40 * MOST


def test_zstd_frame_that_asks_for_too_large_a_window_is_refused():
    parameters = zstandard.ZstdCompressionParameters(window_log=24, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(NotInflatable, match="memory"):
        inflate("zstd", compressor.compress(TEXT) + compressor.flush(), MOST)


def environ(body, encoding):
    return {"wsgi.input": io.BytesIO(body), "HTTP_CONTENT_ENCODING": encoding}


@forms
def test_limit_holds_after_decompression(encoding, compress):
    assert read_body(environ(compress(TEXT), encoding), len(TEXT)) == TEXT
    with pytest.raises(BodyTooLarge, match="once decompressed"):
        read_body(environ(compress(TEXT), encoding), len(TEXT) - 1)


def test_compressed_body_that_is_empty_is_refused():
    with pytest.raises(BadBody, match="ends too early"):
        read_body(environ(b"", "gzip"), MOST)


def brotli(data):
    return pyarrow.Codec("brotli").compress(data, asbytes=True)


@pytest.mark.parametrize("text", [TEXT, b"x", b"[" + b" " * MOST])
def test_brotli(text):
    whole = brotli(text)
    assert inflate("br", whole, 2 * MOST) == text
    for length in range(len(whole)):
        with pytest.raises(NotInflatable):
            inflate("br", whole[:length], 2 * MOST)
    with pytest.raises(NotInflatable):
        inflate("br", whole + b"x", 2 * MOST)


def test_brotli_is_inflated_little_further_than_the_limit():
    held = []
    bomb = brotli(b" " * 200 * MOST)
    assert len(bomb) < 1000
    assert MOST < len(inflate("br", bomb, MOST, held.append)) == sum(held) < 1.5 * MOST


def test_snappy_says_first_how_large_it_is():
    whole = pyarrow.Codec("snappy").compress(TEXT, asbytes=True)
    held = []
    assert inflate_snappy(whole, MOST, held.append) == TEXT
    assert held == [len(TEXT)]
    for bad in (b"", whole[:-1], b"\xff" * 9, b"\xff\xff\xff\xff\x0f", b"\x05abc"):
        with pytest.raises(NotInflatable):
            inflate_snappy(bad, MOST, held.append)
    assert sum(held[1:]) < MOST + len(TEXT)
