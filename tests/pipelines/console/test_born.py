"""How the data of an event is shown."""

import json
import time

from pipelines.console.born import SHOWN_CHARACTERS, pretty


def test_data_is_shown_whole_or_cut():
    small = {"größe": [1, {"a": None}], "text": "<b>"}

    assert pretty(small) == (json.dumps(small, indent=2, ensure_ascii=False), False)
    text, is_cut = pretty(["x"] * SHOWN_CHARACTERS)
    assert is_cut and len(text) == SHOWN_CHARACTERS


def test_only_what_is_shown_is_made():
    data = [1] * 1_000_000
    for _ in range(98):
        data = [data]  # 200 MB with its indentation
    started = time.monotonic()

    assert pretty(data)[1]
    assert time.monotonic() - started < 0.5
