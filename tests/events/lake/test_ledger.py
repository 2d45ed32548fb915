"""The ledger: it balances whatever is done to events, and says so when some are lost."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.lake.connection import Lake, event_table_name
from events.lake.ledger import Balance, balance
from events.lake.ledger_hours import COUNTED
from events.lake.maintain import maintain
from events.models import AcceptedCount, Dataset, LedgerHour, ReceivedCount
from tests.events.lake.conftest import Node

LONG_AGO = timedelta(days=1000)
TOKEN = b"0123456789abcdef"


@pytest.fixture
def counted(node: Node) -> Node:
    """Return a node whose dataset was counted from its first event on."""
    Dataset.objects.update(counted_from=timezone.now() - LONG_AGO)
    return node


def counts() -> Balance:
    with Lake() as lake:
        return balance(lake, Dataset.objects.all(), timezone.now() - LONG_AGO)


def total(found: Balance) -> dict[str, int]:
    """Return the sums of what isn't 0."""
    sums = {name: sum(getattr(hour, name) for hour in found.hours) for name in COUNTED}
    assert not found.unread
    return {name: events for name, events in sums.items() if events}


def balanced() -> dict[str, int]:
    found = counts()
    assert found.wrong == []
    return total(found)


def test_it_balances_from_the_first_event_to_the_last(counted: Node, settings: Any) -> None:
    assert balanced() == {}
    counted.write('{"n": 1}', '{"n": 2}')
    assert balanced() == {"accepted": 2, "unsealed": 2}
    counted.seal()
    counted.write('{"n": 3}', b'{"n": \xff}', "{}", age=timedelta(days=40))
    assert balanced() == {"accepted": 5, "stored": 2, "unsealed": 3}
    counted.seal()
    assert balanced() == {"accepted": 5, "stored": 4, "quarantined": 1}
    counted.manage("quarantine", "drop", "--all")
    assert balanced() == {"accepted": 5, "stored": 4, "erased": 1}
    with Lake() as lake:
        results = {step.name: step.result for step in maintain(lake, timezone.now() + timedelta(hours=3))}
    assert results["retention"] == "2 events deleted"
    assert results["ledger"] == "0 events unaccounted for, hours: 0"
    assert not ReceivedCount.objects.exists() and AcceptedCount.objects.count() == 2  # in two hours
    assert balanced() == {"accepted": 5, "stored": 2, "expired": 2, "erased": 1}
    settings.EVENTLANE_QUARANTINE_DAYS = 1
    counted.write(b"\xff")
    counted.seal()
    with Lake() as lake:
        list(maintain(lake, timezone.now() + timedelta(days=2)))
    assert balanced() == {"accepted": 6, "stored": 2, "expired": 3, "erased": 1}


def test_events_of_several_nodes_and_datasets_are_counted_each(counted: Node, other_node: Node) -> None:
    second = Dataset.objects.create(project=counted.dataset.project, name="second")
    for node in (counted, other_node):
        node.write('{"n": 1}')
        node.write('{"n": 2}', "{}", dataset=second)
        node.seal()
    other_node.write("{}")  # in a journal that this node doesn't see
    assert balanced() == {"accepted": 6, "stored": 6}
    assert {hour.dataset.name: hour.stored for hour in counts().hours} == {"logs": 2, "second": 4}


def test_lost_events_are_found_told_and_settled(counted: Node) -> None:
    counted.write(*['{"n": 1}'] * 5)
    counted.seal()
    with Lake() as lake:
        lake.execute(f"DELETE FROM {event_table_name(counted.dataset.table_name)}")  # as a bug might
        assert [step.result for step in maintain(lake, timezone.now())][-1] == "5 events unaccounted for, hours: 1"
    assert LedgerHour.objects.get().difference == 5
    done = counted.manage("ledger", "logs", "--json", check=False)
    [hour] = json.loads(done.stdout)["hours"]
    assert (done.returncode, hour["accepted"], hour["stored"], hour["difference"], hour["keys"]) == (
        1,
        5,
        0,
        5,
        {"": 5},
    )
    assert "5 events of logs" in counted.manage("doctor", check=False).stdout
    assert counted.manage("ledger", check=False).returncode == 1
    assert counted.manage("ledger", "logs", "--settle").stderr == "events settled: 5, hours: 1\n"
    assert "unaccounted" not in counted.manage("doctor", check=False).stdout
    assert balanced() == {"accepted": 5, "settled": 5}


def test_doubled_events_are_found(counted: Node) -> None:
    counted.write('{"n": 1}')
    counted.seal()
    table = event_table_name(counted.dataset.table_name)
    with Lake() as lake:
        lake.execute(f"INSERT INTO {table} SELECT * FROM {table}")
    assert [hour.difference for hour in counts().wrong] == [-1]


def test_counts_of_a_sealing_that_failed_are_none(counted: Node) -> None:
    counted.write('{"n": 1}')
    counted.seal()
    ReceivedCount.objects.create(file_name="node-b-0", dataset_id=counted.dataset.pk, minute=timezone.now(), events=7)
    assert balanced() == {"accepted": 1, "stored": 1}


def test_dataset_with_a_damaged_file_is_named_and_not_counted(counted: Node) -> None:
    counted.write(*[json.dumps({"n": number}) for number in range(200)])
    counted.seal()
    [file] = (counted.lake_path / "main" / counted.dataset.table_name).glob("*.parquet")
    file.unlink()
    assert counts() == Balance([], [counted.dataset])


def test_what_was_sent_twice_counts_as_duplicates_of_its_hour(counted: Node, other_node: Node) -> None:

    counted.write('{"n": 1}', "{}", token=TOKEN, age=timedelta(hours=2))
    other_node.write('{"n": 1}', "{}", token=TOKEN)
    other_node.seal()
    assert balanced() == {"accepted": 4, "stored": 2, "unsealed": 2}
    counted.seal()
    assert balanced() == {"accepted": 4, "stored": 2, "duplicates": 2}
    counted.write('{"n": 2}', token=TOKEN)
    counted.seal()
    assert balanced() == {"accepted": 5, "stored": 2, "duplicates": 3}
