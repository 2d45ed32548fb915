from datetime import timedelta

import pytest

from eventlane.durations import InvalidDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta(0)),
    ],
)
def test_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "5", "d", "-1d", "1.5h", "1 h", "1y", "1D", "٣d", "1h30m", "1h\n", "9" * 30 + "d"]
)
def test_anything_else_is_refused_and_named(text: str) -> None:
    with pytest.raises(InvalidDuration) as caught:
        parse_duration(text)
    assert repr(text) in str(caught.value)
