"""How the data of an event is shown."""

import json
import time

from eventlane.exact_numbers import exact
from pipelines.console.event_rows import SHOWN_CHARACTERS, pretty


def test_data_is_shown_whole_or_cut():
    small = {"größe": [1, {"a": None}, [], {}], "text": '<b>, "[{:}]" \\', "b": [[-1.5, True], {"": ""}]}

    assert pretty(small) == (json.dumps(small, indent=2, ensure_ascii=False), False)
    text, is_cut = pretty(["x"] * SHOWN_CHARACTERS)
    assert is_cut and len(text) == SHOWN_CHARACTERS


def test_numbers_are_shown_with_all_digits():
    assert pretty({"n": exact("0.1234567890123456789")}) == ('{\n  "n": 0.1234567890123456789\n}', False)


def test_only_what_is_shown_is_made():
    data = [1] * 1_000_000
    for _ in range(98):
        data = [data]  # 200 MB with its indentation
    started = time.thread_time()

    assert pretty(data)[1]
    assert time.thread_time() - started < 0.5
