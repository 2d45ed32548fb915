"""Which events of which batches match."""

from typing import Any

import pytest

from events.triggers.evaluate import DatasetTrigger, decode_event, evaluate
from pipelines.resources.filters import compile_filters
from tests.events.triggers.conftest import batch_of

ERRORS = compile_filters([{"path": "/level", "is_equal_to": "error"}])


def trigger(name: str = "t", matches: Any = ERRORS, since_us: int = 0) -> DatasetTrigger:
    return DatasetTrigger(name, "logs", since_us, matches)


def test_matching_events_of_the_dataset_are_found() -> None:
    batches = [
        batch_of(b'{"level":"error","n":1}', b'{"level":"info"}', b'{"n":3,"level":"error"}'),
        batch_of(b'{"level":"error"}', dataset="b"),
    ]
    found = evaluate(batches, {"a": [trigger()]})
    assert [match.text for match in found] == [b'{"level":"error","n":1}', b'{"n":3,"level":"error"}']
    assert {match.received_us for match in found} == {batches[0].received_us}


def test_one_event_may_match_several_triggers() -> None:
    found = evaluate([batch_of(b'{"level":"error"}')], {"a": [trigger("x"), trigger("y"), trigger("z", lambda e: 0)]})
    assert [match.trigger.id for match in found] == ["x", "y"]


def test_events_from_before_the_subscription_do_not_count() -> None:
    batch = batch_of(b'{"level":"error"}')
    at, after = trigger("at", since_us=batch.received_us), trigger("after", since_us=batch.received_us + 1)
    assert [match.trigger.id for match in evaluate([batch], {"a": [at, after]})] == ["at"]


def test_batches_of_datasets_without_triggers_are_not_parsed() -> None:
    assert evaluate([batch_of(b"this is no JSON", dataset="b")], {"a": [trigger()]}) == []


def test_unreadable_event_and_broken_trigger_hold_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Any) -> bool:
        raise RuntimeError("no")

    batch = batch_of(b"this is no JSON", b'{"level":"error"}')
    found = evaluate([batch], {"a": [trigger("broken", broken), trigger("whole")]})
    assert [match.trigger.id for match in found] == ["whole"]
    assert "no trigger sees an event of dataset a" in caplog.text and "trigger broken" in caplog.text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":1.5}', {"a": 1.5}),
        (b'{"a":"\\ud800"}', {"a": "\ud800"}),
        (b'{"a":1e999,"b":[2,-3.5]}', {"a": "1e999", "b": [2, -3.5]}),
        (b'{"a":%b,"b":-7}' % (b"9" * 5000), {"a": "9" * 5000, "b": -7}),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ],
)
def test_whatever_ingest_takes_can_be_read(text: bytes, value: Any) -> None:
    assert decode_event(text) == decode_event(text, exactly=True) == value
