"""Numbers of more digits than a float holds."""

import copy
import json
import pickle
import time

import pytest
from django.db import connection

from eventlane.exact_numbers import MOST_CHARACTERS, ExactDecoder, ExactEncoder, ExactNumber, decode, encode, exact

PI = "3.14159265358979323846"
LONGEST = f"0.{'3' * (MOST_CHARACTERS - 2)}"


@pytest.mark.parametrize("text", [PI, f"-{PI}", "1.23456e-320", f"{PI}E+300", "18014398509481985.0", LONGEST])
def test_digits_that_a_float_rounds_are_kept(text):
    number = decode(f"[{text}]")[0]

    assert encode([number]).decode() == f"[{text}]" and str(number) == text
    assert number == float(text) and hash(number) == hash(float(text))
    for other in (copy.deepcopy([number])[0], pickle.loads(pickle.dumps(number))):
        assert str(other) == text


@pytest.mark.parametrize(
    "text",
    ["1.10", "1e2", "-0.0", "1.7976931348623157e308", "5e-324", "1e-400", "0e999999999999999999999", f"{LONGEST}3"],
)
def test_other_numbers_are_plain_floats(text):
    assert type(exact(text)) is float and exact(text) == float(text)


@pytest.mark.parametrize("text", ["1e400", "-1e400"])
def test_number_beyond_all_bounds_is_refused(text):
    with pytest.raises(ValueError, match="out of range"):
        decode(text)


@pytest.mark.django_db
@pytest.mark.parametrize("text", [PI, f"{PI}e-300", f"{PI}e250", LONGEST, f"{LONGEST[:-5]}e-307"])
def test_postgresql_keeps_them(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [json.dumps(exact(text), cls=ExactEncoder)])
        [(stored,)] = cursor.fetchall()

    assert str(json.loads(stored, cls=ExactDecoder)) == stored
    assert stored == text or "e" in text


def test_the_longest_number_is_read_at_once():
    text = f"0.{'3' * 10_000_000}"
    started = time.thread_time()

    assert not isinstance(exact(text), ExactNumber)
    assert time.thread_time() - started < 0.5


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError, match="object has no form in JSON"):
        encode([object()])
