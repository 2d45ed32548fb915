import itertools
import json
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.elements import NOT_JSON, Element, InvalidInput, read_chunks, split

BODY_BYTES = 6 * 1024 * 1024
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
EVENTS = st.lists(st.dictionaries(st.text(), SHAPES, max_size=4), max_size=8)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Return `data` in chunks of these sizes, over and over."""
    chunks, start, size = [], 0, itertools.cycle(sizes)
    while start < len(data):
        chunks.append(data[start : start + next(size)])
        start += len(chunks[-1])
    return chunks


def texts_of(data: bytes, sizes: list[int] | None = None, max_bytes: int = BODY_BYTES) -> list[bytes]:
    chunks = cut(data, sizes) if sizes else [data]
    elements = list(split(chunks, max_bytes)[1])
    assert not any(element.problem for element in elements), elements
    assert [element.number for element in elements] == list(range(1, len(elements) + 1))
    return [element.text for element in elements]


def encode(event: object, ascii_only: bool) -> bytes:
    return json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@given(events=EVENTS, sizes=SIZES, ascii_only=st.booleans(), gap=st.sampled_from(["", " ", "\r\n", "\n\t"]))
def test_array_gives_its_elements_however_it_is_chunked(events, sizes, ascii_only, gap) -> None:
    expected = [encode(event, ascii_only) for event in events]
    between = f"{gap},{gap}".encode()
    data = b"%b[%b%b%b]%b" % (*[gap.encode()] * 2, between.join(expected), *[gap.encode()] * 2)
    assert texts_of(data, sizes) == expected


@given(events=EVENTS, sizes=SIZES, ascii_only=st.booleans(), end=st.sampled_from([b"\n", b"\r\n", b" \n"]))
def test_ndjson_gives_its_lines_however_it_is_chunked(events, sizes, ascii_only, end) -> None:
    expected = [encode(event, ascii_only) for event in events]
    assert texts_of(end.join(expected), sizes) == expected
    assert texts_of(end.join(expected) + end, sizes) == expected


@given(
    elements=st.lists(
        st.sampled_from(
            [
                b'{"a":1}',
                b'{"b":}',
                b"{]}",
                b"tru",
                b'{"c" "d"}',
                b'"\\"]"',
                b'{"e":[{"f":1},{"g":2}],"h":3}',
                b'{"\\u12":1}',
            ]
        ),
        min_size=1,
    ),
    sizes=SIZES,
)
def test_malformed_element_never_harms_its_neighbours(elements, sizes) -> None:
    found = list(split(cut(b"[" + b",".join(elements) + b"]", sizes), BODY_BYTES)[1])
    assert [element.text for element in found] == elements
    for element in found:
        assert element.problem == ("" if is_json(element.text) else NOT_JSON)


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        b'{"invalid utf-8":"\xff"}',
        b'{"n":1e999}',
        b'{"n":' + b"7" * 400 + b"}",
        b'{"nul":"\\u0000"}',
        b'{"a":1,"a":2}',
        '{"u2028":"\u2028"}'.encode(),
        b'{"a.b":{"c":{}}}',
        b'{ "spaced" : [ 1 , 2 ] }',
        b'{"deep":' + b"[" * 500 + b"]" * 500 + b"}",
        b"17",
        b"null",
    ],
)
def test_what_only_the_server_may_judge_passes_unchanged(text: bytes) -> None:
    assert texts_of(b"[" + text + b"]") == [text]
    assert texts_of(text + b"\n" + text) == [text, text]
    assert texts_of(b"[" + text + b"," + text + b"]", [1]) == [text, text]


def test_array_may_be_pretty_printed_and_hold_crlf() -> None:
    event = b'{\r\n    "a": {"b": 1},\r\n    "c": "},{"\r\n  }'
    assert texts_of(b"[\r\n  " + event + b",\r\n  " + event + b"\r\n]\r\n") == [event, event]


def test_large_array_takes_the_quick_way_and_the_slow_way_alike() -> None:
    events = [encode({"n": n, "inner": {"list": [{"x": "},{"}, {"y": n}]}}, True) for n in range(20_000)]
    data = b"[" + b",\n".join(events) + b"]"
    assert texts_of(data, [65536]) == events
    events[77] = b'{"n":}'
    found = list(split(cut(b"[" + b",".join(events) + b"]", [65536]), BODY_BYTES)[1])
    assert [element.text for element in found] == events
    assert [element.number for element in found if element.problem] == [78]


def test_several_arrays_may_follow_each_other() -> None:
    assert texts_of(b'[{"a":1}]\n[]\n[{"b":2},{"c":3}]') == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_byte_order_mark_is_no_part_of_the_first_event() -> None:
    assert texts_of(b'\xef\xbb\xbf{"a":1}\n', [1]) == [b'{"a":1}']
    assert texts_of(b'\xef\xbb\xbf[{"a":1}]') == [b'{"a":1}']


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"[]", b" [ ] \n"])
def test_nothing_gives_nothing(data: bytes) -> None:
    assert texts_of(data) == []


def test_blank_lines_count_but_are_no_events() -> None:
    elements = split([b'\n{"a":1}\n\n{"b":\n'], BODY_BYTES)[1]
    assert list(elements) == [Element(2, b'{"a":1}'), Element(4, b'{"b":', NOT_JSON)]


@pytest.mark.parametrize("line", [b'{"a":1},{"b":2}', b'{"a":[1', b"2]}", b"]", b'{"a":"', b'"}'])
def test_line_that_would_spoil_its_neighbours_has_a_problem(line: bytes) -> None:
    elements = list(split([b'{"x":1}\n' + line + b'\n{"y":2}\n'], BODY_BYTES)[1])
    assert elements == [Element(1, b'{"x":1}'), Element(2, line, NOT_JSON), Element(3, b'{"y":2}')]


@pytest.mark.parametrize("data", [b"[,]", b"[1,,2]", b'[{"a":1},]'])
def test_missing_element_of_an_array_is_reported(data: bytes) -> None:
    assert NOT_JSON in [element.problem for element in split([data], BODY_BYTES)[1]]


@pytest.mark.parametrize(("before", "between", "after"), [(b"", b"\n", b"\n"), (b"[", b",", b"]")])
def test_too_large_element_comes_whole_in_bounded_pieces(before: bytes, between: bytes, after: bytes) -> None:
    large = b'{"a":"' + b'x\\"},{[' * 1000 + b'"}'
    data = before + between.join([b'{"n":1}', large, b'{"n":2}']) + after
    first, *pieces, last = split(cut(data, [100]), 500)[1]
    assert (first.text, last.text) == (b'{"n":1}', b'{"n":2}')
    assert b"".join(piece.text for piece in pieces) == large
    assert max(len(piece.text) for piece in pieces) <= 600
    assert {piece.problem for piece in pieces} == {"larger than 500 bytes"}
    assert [piece.more for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    assert [first.number, pieces[0].number, pieces[-1].number, last.number] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("data", "found", "reason"),
    [
        (b'[{"a":1},{"b":2}', 2, "ends inside an array"),
        (b'[{"a":1},', 1, "ends inside an array"),
        (b'[{"a":1}] {"b":2}', 1, "something other than an array"),
        (b"[", 0, "ends inside an array"),
    ],
)
def test_cut_off_or_strange_input_is_an_error_behind_what_was_whole(data: bytes, found: int, reason: str) -> None:
    elements = split([data], BODY_BYTES)[1]
    seen = []
    with pytest.raises(InvalidInput, match=reason):
        for element in elements:
            seen.append(element)
    assert len(seen) == found


def test_pause_of_a_live_pipe_is_seen() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"a":1}\n{"b"')
    elements = split(read_chunks(reader), BODY_BYTES)[1]
    seen = [next(elements), next(elements)]
    threading.Timer(0.1, lambda: (os.write(writer, b":2}\n"), os.close(writer))).start()
    seen += [element for element in elements if element]
    os.close(reader)
    assert seen == [Element(1, b'{"a":1}'), None, Element(2, b'{"b":2}')]
