"""Bodies that are small as text and large as objects."""

import pytest

from eventlane.wire import values
from eventlane.wire.errors import RequestTooLarge
from eventlane.wire.values import FEW_VALUES, take_room_for_values, values_of
from pipelines.inbound.payload import read_payload


@pytest.mark.parametrize(
    ("text", "count"), [(b"[[],[],[]]", 6), (b'{"a":1,"b":[2,3]}', 4), (b'["[[[,,,\\"[[["]', 1), (b'"a,b,c"', 0)]
)
def test_values_are_counted_outside_of_strings(text, count, monkeypatch):
    monkeypatch.setattr(values, "FEW_VALUES", 0)
    assert values_of(text) == count


def test_room_is_taken_for_more_than_a_few_values():
    held = []
    take_room_for_values(b"[" + b"1," * FEW_VALUES + b"1]", held.append)
    take_room_for_values(b"[" + b"1," * (FEW_VALUES - 1) + b"1]", held.append)
    assert held == [FEW_VALUES + 1]


def test_hook_of_many_values_is_refused_before_they_are_built(settings):
    settings.EVENTLANE_MAX_REQUEST_VALUES = 1000
    with pytest.raises(RequestTooLarge, match="more than 1000 values"):
        read_payload(b"[" + b",".join([b"[]"] * 1000) + b"]", hold_nothing)
    assert read_payload(b'"' + b"[" * 2000 + b'"', hold_nothing) == "[" * 2000


def hold_nothing(count):
    assert count <= 1000
