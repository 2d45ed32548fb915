"""Events in quarantine can be looked at, put back into their dataset exactly once, or given up."""

import json
import signal
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from events.doctor.examine import examine
from events.lake.connection import INLINED_ROWS, Lake
from events.lake.maintain import maintain
from events.models import Dataset, Namespace, QuarantineCount
from tests.events.lake.conftest import Node
from tests.events.lake.test_culprits import numbered, refuse_poison

pytestmark = pytest.mark.slow

BAD = '{"n":1,"level":"poison, conflict"}'
DELETED = '{"of":"a deleted dataset"}'


def accept_poison(node: Node) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{node.schema}".ducklake_file_column_stats DROP CONSTRAINT wholesome')


def break_table(node: Node) -> None:
    """Have the dataset's events refused for as long as its table lacks a column."""
    with Lake() as lake:
        lake.execute(f"ALTER TABLE lake.main.{node.dataset.table_name} DROP COLUMN level")


def mend_table(node: Node) -> None:
    with Lake() as lake:
        lake.execute(f"DROP TABLE lake.main.{node.dataset.table_name}")


def quarantine(*words: str) -> tuple[str, str]:
    """Run `manage.py quarantine …` in this process, where it is faster; return what it prints, and its error."""
    out, err = StringIO(), StringIO()
    try:
        call_command("quarantine", *words, stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"error: {error}")
    return out.getvalue(), err.getvalue()


def listed(*words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in quarantine("list", "--json", *words)[0].splitlines()]


@pytest.fixture
def broken(node: Node) -> Node:
    """Return a node that has three events of its dataset in quarantine."""
    node.write('{"n":0}')
    node.seal()
    break_table(node)
    node.write('{"n":1}', '{"n":2,"service":"{DATA_PATH}"}', namespace="{METADATA_PATH}", service="shop")
    node.write(b'{"n":3', b'{"n":"\xff"}')
    assert node.seal().quarantined == 4
    return node


def test_events_of_a_mended_table(broken: Node) -> None:
    found = listed("--dataset", "logs")
    assert [(row["dataset"], row["namespace"], row["service"]) for row in found[:2]] == [
        ("logs of main", "{METADATA_PATH}", "shop")
    ] * 2
    assert "table can't be written" in quarantine("list")[0]
    _, refused = quarantine("retry", found[0]["id"])
    assert f"left {found[0]['id']}: the lake can't store it" in refused and "error: 1 entries stay" in refused
    assert len(listed()) == 4

    mend_table(broken)
    done, left = quarantine("retry", "--all")
    assert done == "2 events put back\n"
    assert left.count("it is still not valid JSON") == 2 and "error: 2 entries stay in quarantine" in left
    rows = broken.rows()
    assert [row.event for row in rows] == ['{"n":1}', '{"n":2,"service":"{DATA_PATH}"}']
    assert [str(row.id) for row in rows] == [found[0]["id"], found[1]["id"]]
    assert [(row.namespace, row.service) for row in rows] == [
        ("{METADATA_PATH}", "shop"),
        ("{METADATA_PATH}", "{DATA_PATH}"),
    ]
    assert Namespace.objects.filter(dataset=broken.dataset, name="{METADATA_PATH}").count() == 1
    assert [event for _, event in broken.quarantine()] == [b'{"n":3', b'{"n":"\xff"}']
    assert QuarantineCount.objects.get(pk=broken.dataset.pk).entries == 2
    assert f"error: not in quarantine: {found[0]['id']}" in quarantine("retry", found[0]["id"])[1]


def test_events_once_found_bad_with_their_origin_hidden(node: Node) -> None:
    node.write('{"n":0}')
    node.seal()
    refuse_poison(node)
    node.write(BAD, '{"n":2}', namespace="poison", service="poison ivy")
    node.write(*numbered(3, INLINED_ROWS))  # so many that they are written to a file
    assert node.seal().quarantined == 2
    [stays] = [row for row in listed() if row["bytes"] == len(BAD)]
    assert "0 events put back" in quarantine("retry", "--all")[0] and len(listed()) == 2
    accept_poison(node)
    quarantine("retry", stays["id"])
    [row] = node.rows(namespace="poison")
    assert (row.event, row.service) == (BAD, "poison ivy")
    assert [event for _, event in node.quarantine()] == [b'{"n":2}']
    with Lake() as lake:
        assert not [step for step in maintain(lake, timezone.now()) if step.failed]
    assert len(node.events()) == 2 + INLINED_ROWS


@pytest.mark.parametrize("step", ["events put back", "entries deleted", "put back"])
def test_killed_while_putting_back(step: str, broken: Node) -> None:
    mend_table(broken)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.events.lake.killed_sealer", step], env=broken.environment, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(broken.events()) + len(broken.quarantine()) == 4
    quarantine("retry", "--all")
    assert broken.events() == ['{"n":1}', '{"n":2,"service":"{DATA_PATH}"}']
    assert [event for _, event in broken.quarantine()] == [b'{"n":3', b'{"n":"\xff"}']


def test_entries_that_were_brought_back_are_not_stored_twice(broken: Node) -> None:
    """As when `lake adopt` takes back a file of the quarantine."""
    with Lake() as lake:
        lake.execute("CREATE TEMP TABLE kept AS FROM lake.main.quarantine ORDER BY id LIMIT 1")
        entry_id = str(lake.value("SELECT id FROM kept"))
        mend_table(broken)
        quarantine("retry", entry_id)
        lake.execute("INSERT INTO lake.main.quarantine FROM kept")
    assert entry_id in {row["id"] for row in listed()}
    quarantine("retry", entry_id)
    assert broken.events() == ['{"n":1}']
    assert entry_id not in {row["id"] for row in listed()}


def test_show_and_drop(broken: Node) -> None:
    other = Dataset.objects.create(project=broken.dataset.project, name="other")
    broken.write(DELETED, "\x1b]0;gotcha\x07", dataset=other)
    other.delete()
    broken.seal()
    for entry, event in zip(listed(), broken.quarantine(), strict=True):
        shown = quarantine("show", entry["id"])[0]
        assert f"reason: {entry['reason']}\n" in shown and "\x1b" not in shown
        raw = subprocess.run(
            **broken.command("quarantine", "show", "--raw", entry["id"]), capture_output=True, timeout=60
        )
        assert raw.stdout == event[1]
    assert "\nevent: \\x1b]0;gotcha\\x07\n" in shown
    assert f"left {entry['id']}: dataset deleted" in quarantine("retry", entry["id"])[1]

    assert quarantine("drop", entry["id"]) == ("1 entries deleted\n", "")
    [kept] = [row for row in listed() if row["dataset"].startswith("deleted dataset")]
    assert kept["bytes"] == len(DELETED)
    assert quarantine("drop", "--all", "--dataset", "logs") == ("4 entries deleted\n", "")
    assert listed() == [kept]
    [advice] = [finding.advice for finding in examine() if finding.check == "lake"]
    assert "quarantine list" in advice
    assert quarantine("drop") == ("", "error: give the ids of entries, or --all")


def test_nothing_was_ever_sealed(node: Node) -> None:
    assert quarantine("list") == ("", "there is nothing in quarantine\n")
    assert quarantine("list", "--dataset", "logs") == ("", "there is nothing in quarantine of this dataset\n")
    assert quarantine("list", "--json") == ("", "")
    assert quarantine("retry", "--all") == ("0 events put back\n", "")
