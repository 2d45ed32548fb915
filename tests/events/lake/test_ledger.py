"""The ledger: it balances whatever is done to events, and says so when some are lost."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.lake.connection import Lake, event_table_name
from events.lake.ledger import Balance, balance
from events.lake.ledger_hours import COUNTED, counted_datasets
from events.lake.maintain import maintain
from events.models import AcceptedCount, Dataset, DeletedDataset, LedgerHour, ReceivedCount
from tests.events.lake.conftest import Node

LONG_AGO = timedelta(days=1000)
TOKEN = b"0123456789abcdef"
KEY, OTHER_KEY = "1" * 27, "2" * 27


@pytest.fixture
def counted(node: Node) -> Node:
    """Return a node whose dataset was counted from its first event on."""
    Dataset.objects.update(counted_from=timezone.now() - LONG_AGO)
    return node


def counts() -> Balance:
    with Lake() as lake:
        return balance(lake, counted_datasets(), timezone.now() - LONG_AGO)


def maintain_ledger(lake: Lake) -> str:
    """Run maintenance; return what it says of the ledger."""
    return [step.result for step in maintain(lake, timezone.now())][-1]


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
    assert {hour.dataset_id: hour.stored for hour in counts().hours} == {counted.dataset.pk: 2, second.pk: 4}


def test_lost_events_are_found_told_and_settled(counted: Node) -> None:
    counted.write(*['{"n": 1}'] * 5, key=KEY)
    counted.seal()
    with Lake() as lake:
        lake.execute(f"DELETE FROM {event_table_name(counted.dataset.table_name)}")  # as a bug might
        assert maintain_ledger(lake) == "5 events unaccounted for, hours: 1"
    assert LedgerHour.objects.get().difference == 5
    done = counted.manage("ledger", "logs", "--json", check=False)
    [hour] = json.loads(done.stdout)["hours"]
    assert [hour[name] for name in ("accepted", "stored", "difference", "key_id")] == [5, 0, 5, KEY]
    assert done.returncode == 1
    assert "5 events of logs" in counted.manage("doctor", check=False).stdout
    assert counted.manage("ledger", check=False).returncode == 1
    assert counted.manage("ledger", "logs", "--settle").stderr == "events settled: 5, hours: 1\n"
    assert "unaccounted" not in counted.manage("doctor", check=False).stdout
    assert balanced() == {"accepted": 5, "settled": 5}


def by_key() -> dict[str, dict[str, int]]:
    """Return the sums of each key."""
    found = counts()
    assert found.wrong == []
    keys = {hour.key_id for hour in found.hours}
    return {key: total(Balance([hour for hour in found.hours if hour.key_id == key])) for key in keys}


def test_it_balances_for_each_key_whatever_becomes_of_its_events(counted: Node) -> None:
    counted.write("{}", "{}", key=KEY, age=timedelta(days=40))
    counted.write('{"n": 1}', b'{"n": \xff}', b"\xff", key=KEY)
    for _ in range(2):
        counted.write('{"n": 1}', key=OTHER_KEY, token=TOKEN)
    counted.write("{}")
    unsealed = {KEY: 5, OTHER_KEY: 2, "": 1}
    assert by_key() == {key: {"accepted": events, "unsealed": events} for key, events in unsealed.items()}
    counted.seal()
    assert by_key() == {
        KEY: {"accepted": 5, "stored": 3, "quarantined": 2},
        OTHER_KEY: {"accepted": 2, "stored": 1, "duplicates": 1},
        "": {"accepted": 1, "stored": 1},
    }
    with Lake() as lake:
        list(maintain(lake, timezone.now() + timedelta(hours=3)))
        for entry in lake.execute("SELECT id::VARCHAR FROM lake.main.quarantine LIMIT 1"):
            counted.manage("quarantine", "drop", *entry)
    assert by_key()[KEY] == {"accepted": 5, "stored": 1, "quarantined": 1, "expired": 2, "erased": 1}
    shown = counted.manage("ledger", "--keys").stdout.splitlines()
    assert shown[0].split()[:3] == ["dataset", "key", "accepted"]
    assert {line.split()[1] for line in shown[1:]} == {KEY, OTHER_KEY, "not"}


def test_event_with_another_key_is_a_difference(counted: Node) -> None:
    counted.write('{"n": 1}', key=KEY)
    counted.seal()
    with Lake() as lake:
        lake.execute(f"UPDATE {event_table_name(counted.dataset.table_name)} SET key_id = '{OTHER_KEY}'")
    assert {hour.key_id: hour.difference for hour in counts().wrong} == {KEY: 1, OTHER_KEY: -1}


def test_events_of_a_deleted_dataset_are_erased_and_still_in_the_ledger(counted: Node) -> None:
    counted.write('{"n": 1}', b'{"n": \xff}', key=KEY)
    counted.seal()
    with Lake() as lake:
        assert maintain_ledger(lake) == "0 events unaccounted for, hours: 0"
    counted.write('{"n": 2}', key=KEY)
    counted.dataset.delete()
    assert balanced() == {"accepted": 3, "stored": 1, "quarantined": 1, "unsealed": 1}
    counted.seal()  # which drops the table
    assert balanced() == {"accepted": 3, "quarantined": 2, "erased": 1}
    [line] = counted.manage("ledger", "logs (deleted)").stdout.splitlines()[1:]
    assert line.startswith("logs (deleted)")
    with Lake() as lake:
        list(maintain(lake, timezone.now() + timedelta(days=401)))
    assert balanced() == {} and not DeletedDataset.objects.exists() and not LedgerHour.objects.exists()


def test_deleted_dataset_with_a_damaged_file_leaves_the_ledger(counted: Node) -> None:
    counted.write(*[json.dumps({"n": number}) for number in range(200)])
    counted.seal()
    [file] = (counted.lake_path / "main" / counted.dataset.table_name).glob("*.parquet")
    file.write_bytes(b"PAR1")
    counted.dataset.delete()
    with Lake() as lake:
        results = [step.result for step in maintain(lake, timezone.now())]
        assert not lake.event_tables()
    assert "1 tables dropped" in results and "0 events unaccounted for, hours: 0" in results
    assert balanced() == {}


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
