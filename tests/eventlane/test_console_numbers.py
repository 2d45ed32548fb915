"""Numbers as the console writes them where there is little room."""

import pytest

from eventlane.console import short_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999_999, "999,999"),
        (1_000_000, "1 M"),
        (-1_234_567, "-1.235 M"),
        (12_067_853_395, "12.07 B"),
        (1_500_000_000_000, "1.5 T"),
        (12_067_853_395_592_496, "12,070 T"),
        (2.5e6, "2.5 M"),
    ],
)
def test_number_from_a_million_on_has_four_digits(number: float, text: str) -> None:
    assert short_number(number) == text
