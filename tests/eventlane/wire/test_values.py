"""Bodies that are small as text and large as objects."""

import pytest

from eventlane.wire.errors import RequestTooLarge
from eventlane.wire.values import has_more_values
from pipelines.inbound.payload import read_payload


@pytest.mark.parametrize(
    ("text", "count"), [(b"[[],[],[]]", 6), (b'{"a":1,"b":[2,3]}', 4), (b'["[[[,,,\\"[[["]', 1), (b'"a,b,c"', 0)]
)
def test_values_are_counted_outside_of_strings(text, count):
    assert count == 0 or has_more_values(text, count - 1)
    assert not has_more_values(text, count)


def test_hook_of_many_values_is_refused_before_they_are_built(settings):
    settings.EVENTLANE_MAX_REQUEST_VALUES = 1000
    with pytest.raises(RequestTooLarge, match="more than 1000 values"):
        read_payload(b"[" + b",".join([b"[]"] * 1000) + b"]")
    assert read_payload(b'"' + b"[" * 2000 + b'"') == "[" * 2000
