"""Splitting and checking a body: tables of cases, and properties that hold for any body."""

import json
import re
import time
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.ingest.parse import Limits, depth_of, parse_events
from events.ingest.split import NotAnArray, TooManyEvents, split_elements
from tests.examples import examples

LIMITS = Limits(max_bytes=32_768, max_depth=100, max_events=1000, max_shown_bytes=100_000)


def texts_of(parsed):
    """Cut the accepted events apart again."""
    texts, start = [], 0
    for length in parsed.lengths:
        texts.append(parsed.events[start : start + length])
        start += length
    assert start == len(parsed.events)
    return texts


def nested(depth):
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def sized(size):
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


ACCEPTED = {
    "empty object": b"{}",
    "escaped NUL": b'{"a":"\\u0000"}',
    "surrogate pair": b'{"a":"\\ud83d\\ude00"}',
    "escaped backslash before u": b'{"a":"\\\\ud800"}',
    "number out of range": b'{"a":1e999}',
    "integer of 400 digits": b'{"a":' + b"7" * 400 + b"}",
    "negative zero": b'{"a":-0,"b":-0.0,"c":1E+5}',
    "duplicate keys": b'{"a":1,"a":2}',
    "U+2028": '{"a":"\u2028"}'.encode(),
    "byte order mark in a string": '{"a":"\ufeff"}'.encode(),
    "noncharacter": '{"a":"\uffff"}'.encode(),
    "keys with dots": b'{"a.b":1,"a":{"b":2}}',
    "empty key": b'{"":1}',
    "CRLF between tokens": b'{\r\n"a"\r\n:\r\n1\r\n}',
    "tabs between tokens": b'{\t"a"\t:\t[\t]\t}',
    "null and array": b'{"a":null,"b":[1,[2,{}]]}',
    "brackets in strings": b'{"a":"]}{[,\\""}',
    "deepest allowed": nested(100),
    "largest allowed": sized(32_767),
    "many brackets in a string": b'{"a":"' + b"[" * 500 + b'"}',
}
REFUSED = {
    "number": (b"5", "not a JSON object", 5),
    "string": (b'"x"', "not a JSON object", "x"),
    "null": (b"null", "not a JSON object", None),
    "array": (b"[1]", "not a JSON object", [1]),
    "empty": (b"", "empty element", ""),
    "member without value": (b'{"b":}', "invalid JSON", '{"b":}'),
    "unpaired surrogate": (b'{"a":"\\ud800"}', "invalid JSON", '{"a":"\\ud800"}'),
    "unpaired surrogate key": (b'{"\\udc00":1}', "invalid JSON", '{"\\udc00":1}'),
    "invalid UTF-8": (b'{"a":"\xff"}', "invalid UTF-8 at byte 6", '{"a":"\ufffd"}'),
    "overlong UTF-8": (b'{"a":"\xc0\x80"}', "invalid UTF-8", '{"a":"\ufffd\ufffd"}'),
    "encoded surrogate": (b'{"a":"\xed\xa0\x80"}', "invalid UTF-8", None),
    "raw newline in a string": (b'{"a":"\n"}', "invalid JSON", '{"a":"\n"}'),
    "raw NUL in a string": (b'{"a":"\x00"}', "invalid JSON", '{"a":"\x00"}'),
    "leading zero": (b'{"a":01}', "invalid JSON", '{"a":01}'),
    "NaN": (b'{"a":NaN}', "invalid JSON", '{"a":NaN}'),
    "single quotes": (b"{'a':1}", "invalid JSON", "{'a':1}"),
    "trailing comma": (b'{"a":1,}', "invalid JSON", '{"a":1,}'),
    "two values": (b"{} {}", "invalid JSON", "{} {}"),
    "comment": (b'{"a":1/**/}', "invalid JSON", '{"a":1/**/}'),
    "byte order mark": (b"\xef\xbb\xbf{}", "invalid JSON", "\ufeff{}"),
    "too deep": (nested(101), "nests deeper than 100 levels", json.loads(nested(101))),
    "too deep with arrays": (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nests deeper than 100 levels", None),
    "far too deep": (nested(9_000 // 6), "nests deeper than 100 levels", None),
    "too large": (sized(32_768), "larger than 32768 bytes", {"a": "x" * 32_760}),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_event_is_accepted_unchanged(text):
    parsed = parse_events(b"[" + text + b"]", LIMITS)
    assert (texts_of(parsed), parsed.invalid) == ([text], [])


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_bad_event_is_refused_with_a_reason_and_does_not_harm_its_neighbours(case):
    text, reason, shown = case
    parsed = parse_events(b'[{"a":1}, ' + text + b' ,\n{"c":3}]', LIMITS)
    assert texts_of(parsed) == [b'{"a":1}', b'{"c":3}']
    [invalid] = parsed.invalid
    assert invalid.index == 1
    assert reason in invalid.reason
    if shown is not None:
        assert json.loads(invalid.shown) == shown


@pytest.mark.parametrize("good", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_nasty_but_valid_neighbour_survives_a_malformed_one(good):
    parsed = parse_events(b"[" + good + b',{"b":},' + good + b"]", LIMITS)
    assert texts_of(parsed) == [good, good]
    assert [event.index for event in parsed.invalid] == [1]


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"{", "object doesn't end"),
        (b'"x"', "not a JSON array"),
        (b"null", "not a JSON array"),
        (b"garbage", "not a JSON array"),
        (b" \n", "not a JSON array"),
        (b"\xff", "not a JSON array"),
        (b"[", "doesn't end"),
        (b"[{}", "doesn't end"),
        (b'[{"a":1}, {"b"', "doesn't end"),
        (b'[{"a":"x}]', "doesn't end"),
        (b"[{]}", "another kind of bracket"),
        (b"[]]", "behind the array's end"),
        (b"[{}] x", "behind the array's end"),
        (b"[{}][{}]", "behind the array's end"),
        (b"\xef\xbb\xbf[{}]", "byte order mark"),
    ],
)
def test_body_that_cannot_be_split_is_refused_whole(body, reason):
    with pytest.raises(NotAnArray, match=reason):
        parse_events(body, LIMITS)


OBJECTS = {
    "one": (b' {"a":1}\n', [b'{"a":1}'], []),
    "over several lines": (b'{\n"a":1\n}\n{\n"b":[{}]}', [b'{\n"a":1\n}', b'{\n"b":[{}]}'], []),
    "in one line": (b'{"a":"}{"} {"b":{"c":[[]]}}{}', [b'{"a":"}{"}', b'{"b":{"c":[[]]}}', b"{}"], []),
    "half a line each": (b'{"a":\n1}{"b":2}\n{"c":3}', [b'{"a":\n1}', b'{"b":2}', b'{"c":3}'], []),
    "with a comma in a line": (b'{"a":1},{"b":2}\n{"c":3}', None, []),
    "a text over two lines": (b'{"a":"x\n"}\n{"b":"y"}', [b'{"b":"y"}'], [0]),
    "a damaged member": (b'{"a":1}\n{"b":}\n{"c":3}', [b'{"a":1}', b'{"c":3}'], [1]),
    "a damaged line": (b'{"a":1}\n{"b":\r\n\n{"c":3}', [b'{"a":1}', b'{"c":3}'], [1]),
    "a line that is no object": (b'{"a":1}\n7\n{"c":3}', [b'{"a":1}', b'{"c":3}'], [1]),
    "cut off in the first": (b'{"a":1', None, []),
    "another bracket": (b'{"a":[}', None, []),
    "logs": (b'{ "logs": [{"a":1}, {"b":2}] }\n', [b'{"a":1}', b'{"b":2}'], []),
    "no logs": (b'{"logs":[]}', [], []),
    "damaged logs": (b'{"logs":[{"a":1},{"b":}]}', [b'{"a":1}'], [1]),
    "logs beside others": (b'{"logs":[{"a":1}],"n":[]}', [b'{"logs":[{"a":1}],"n":[]}'], []),
    "logs that are no array": (b'{"logs":{"a":1}}', [b'{"logs":{"a":1}}'], []),
    "logs in lines": (b'{"logs":[1]}\n{"logs":[2]}', [b'{"logs":[1]}', b'{"logs":[2]}'], []),
}


@pytest.mark.parametrize("body, texts, invalid", OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_without_an_array(body, texts, invalid):
    if texts is None:
        with pytest.raises(NotAnArray):
            parse_events(body, LIMITS)
    else:
        parsed = parse_events(body, LIMITS)
        assert (texts_of(parsed), [event.index for event in parsed.invalid]) == (texts, invalid)


@pytest.mark.parametrize("line", [b"{}", b"{}\n", b'{"b":}\n', b"[\n"])
def test_too_many_objects_are_refused_whole(line):
    with pytest.raises(TooManyEvents, match="more than 1000 events"):
        parse_events(b"{}\n" + line * 1000, LIMITS)


@pytest.mark.parametrize("body", [b"[]", b" [ ] ", b"\r\n[\t]\n"])
def test_empty_array_holds_nothing(body):
    parsed = parse_events(body, LIMITS)
    assert (parsed.lengths, parsed.invalid) == ([], [])


def test_trailing_comma_of_the_array_is_an_empty_element():
    parsed = parse_events(b'[{"a":1},]', LIMITS)
    assert texts_of(parsed) == [b'{"a":1}']
    assert [(event.index, event.reason) for event in parsed.invalid] == [(1, "empty element")]


@pytest.mark.parametrize("element", [b"1", b"{}", b'"x"', b"", b"{,}", b'{"a":[1,2,{}]}'])
@pytest.mark.parametrize("first", [b"{}", b"x"])
def test_body_of_too_many_elements_is_refused_whole(first, element):
    with pytest.raises(TooManyEvents, match="more than 1000 events"):
        parse_events(b"[" + b",".join([first, *[element] * 1000]) + b"]", LIMITS)


@pytest.mark.parametrize("first, good", [(b"{}", 1000), (b"x", 999)])
def test_as_many_events_as_allowed(first, good):
    assert len(parse_events(b"[" + b",".join([first, *[b"{}"] * 999]) + b"]", LIMITS).lengths) == good


@pytest.mark.parametrize("event", [b'{"a":[' + b"1," * 15_000 + b"1]}", b'{"a":"' + b"," * 30_000 + b'"}'])
def test_commas_within_events_are_not_counted_for_events(event):
    assert len(parse_events(b"[" + b",".join([event] * 200) + b"]", LIMITS).lengths) == 200


def test_invalid_events_are_shown_up_to_a_limit_and_the_others_counted():
    large, small = b'"' + b"x" * 600 + b'"', b"1"
    parsed = parse_events(
        b"[" + b",".join([large, large, small, b"{}", large]) + b"]", replace(LIMITS, max_shown_bytes=1000)
    )
    assert [(event.index, event.shown) for event in parsed.invalid] == [(0, large), (2, small)]
    assert (parsed.more_invalid, parsed.more_reason, parsed.lengths) == (2, "not a JSON object", [2])


WORST = {
    "numbers": b"1,",
    "empty objects": b"{},",
    "empty elements": b",",
    "opening brackets": b"[",
    "opening brackets of both kinds": b"[{",
    "objects that don't end": b'{"a":',
    "closing brackets": b"]",
    "pairs of brackets": b"[[]]",
    "brackets of both kinds": b"[[]{}]",
    "strings": b'"",',
    "strings without commas": b'"a"',
    "quotes": b'"',
    "keys that don't end": b'{"',
    "backslashes": b"\\",
    "escaped quotes": b'\\"',
    "bytes that are no text": b"\xff",
    "control characters": b"\x01",
    "spaces": b" ",
    "deep objects": b'{"a":' + b"[" * 900 + b"]" * 900 + b"},",
    "events full of brackets": b'{"a":[' + b"[]," * 9_000 + b"1]},",
}


@pytest.mark.parametrize(
    "begin, end",
    [(b"[", b"{}]"), (b"[x,[", b"1]]"), (b'["', b'"]'), (b'{"a":', b""), (b"{}\n", b"{}"), (b'{"logs":[', b"{}]}")],
)
@pytest.mark.parametrize("unit", WORST.values(), ids=WORST.keys())
def test_no_body_takes_more_than_linear_time(unit, begin, end):
    started = time.thread_time()
    try:
        parse_events(begin + unit * (500_000 // len(unit)) + end, replace(LIMITS, max_events=100_000))
    except (NotAnArray, TooManyEvents):
        pass
    assert time.thread_time() - started < 2  # 0.25 s on a slow machine; what is quadratic takes minutes


@pytest.mark.parametrize("text, depth", [(b"{}", 1), (b'{"a":[{}]}', 3), (b'{"a":"[[["}', 1), (b'{"a":[],"b":[]}', 2)])
def test_depth_counts_objects_and_arrays_but_not_text(text, depth):
    assert depth_of(text) == depth


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=20), json_values, max_size=5)
dumps = st.sampled_from(
    [
        lambda value: json.dumps(value),
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: json.dumps(value, indent=1).replace("\n", "\r\n"),
        lambda value: json.dumps(value, separators=(",", ":")),
    ]
)


def encodable(value):
    """Leave out values with lone surrogates: they are no text."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(st.lists(st.tuples(objects.filter(encodable), dumps), max_size=8), st.sampled_from([b",", b" ,\n", b"\r\n,"]))
def test_every_valid_event_is_kept_byte_for_byte(events, comma):
    texts = [dump(value).encode() for value, dump in events]
    parsed = parse_events(b"[" + comma.join(texts) + b"]", LIMITS)
    assert (texts_of(parsed), parsed.invalid) == (texts, [])


@given(
    st.lists(st.tuples(objects.filter(encodable), dumps), min_size=1, max_size=8),
    st.sampled_from([b"", b"\n", b" \r\n\n"]),
)
def test_objects_one_after_the_other_are_kept_byte_for_byte(events, between):
    texts = [dump(value).encode() for value, dump in events]
    if re.match(rb'\{\s*"logs"\s*:\s*\[', texts[0]):  # a body of its own kind, see below
        return
    parsed = parse_events(between + between.join(texts) + between, LIMITS)
    assert (texts_of(parsed), parsed.invalid) == (texts, [])


@given(st.lists(st.tuples(objects.filter(encodable), st.booleans()), min_size=1, max_size=8), st.data())
def test_malformed_elements_never_harm_their_neighbours(events, data):
    elements, good = [], []
    for value, keep in events:
        text = json.dumps(value).encode()
        if keep:
            good.append(text)
        else:
            text = data.draw(
                st.sampled_from([b'{"b":}', b"nul", b'{"a":"\xfe"}', b'{"a":"\\ud800"}', b"01", b"", b"{,}"])
            )
        elements.append(text)
    if elements == [b""]:
        elements.append(b"{}")
        good.append(b"{}")
    parsed = parse_events(b"[" + b",".join(elements) + b"]", LIMITS)
    assert texts_of(parsed) == good
    assert [elements[event.index] in good for event in parsed.invalid] == [False] * len(parsed.invalid)
    assert len(parsed.invalid) + len(good) == len(elements)


@given(
    st.binary(max_size=60).map(lambda data: b"[" + data + b"]")
    | st.text('[]{}",:\\ 0aelnu\n', max_size=40).map(str.encode)
)
@settings(max_examples=examples(400))
def test_any_bytes_are_either_split_or_refused_and_what_is_accepted_is_valid(body):
    try:
        parsed = parse_events(body, LIMITS)
    except NotAnArray:
        return
    for text in texts_of(parsed):
        assert isinstance(json.loads(text.decode()), dict)
        assert text in body
    for event in parsed.invalid:
        json.loads(event.shown)


@given(st.lists(objects.filter(encodable), max_size=6))
def test_both_ways_of_splitting_agree(values):
    body = json.dumps(values).encode()
    fast = [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    assert split_elements(body, 100) == fast
