"""Catalog and folder compared: what verify says, what maintenance sets aside, adopt takes back and forget gives up."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events.doctor.finding import OK, PROBLEM, WARNING
from events.doctor.lake import check_lake_files
from events.lake.connection import Lake
from events.lake.files import set_aside_files, verify
from events.lake.maintain import maintain
from tests.events.lake.conftest import Node

LATER = timedelta(days=2)  # when no transaction of now can still be under way


def fill(node: Node, start: int, count: int = 150) -> str:
    """Seal events into a file of their own; return its path in the lake."""
    before = paths(node)
    node.write(*[json.dumps({"n": number}) for number in range(start, start + count)])
    node.seal()
    [new] = paths(node) - before
    return new


def paths(node: Node) -> set[str]:
    return {str(path.relative_to(node.lake_path)) for path in (node.lake_path / "main").rglob("*.parquet")}


def numbers(node: Node) -> list[int]:
    return [json.loads(event)["n"] for event in node.events()]


def lose_row(node: Node, path: str) -> None:
    """Have the catalog forget a file, as an older dump would."""
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{node.schema}".ducklake_data_file WHERE path = %s', [Path(path).name])


def run(days: timedelta = LATER) -> dict[str, str]:
    with Lake() as lake:
        return {step.name: step.result for step in maintain(lake, timezone.now() + days)}


def faults(node: Node) -> list[tuple[str, str]]:
    return [(fault.state, fault.path) for fault in verify(node.lake_path)]


@pytest.fixture
def lines(node: Node) -> Iterator[Any]:
    """Return what runs `manage.py lake …` and gives its lines and exit status."""

    def manage(*words: str) -> tuple[list[str], int]:
        done = node.manage("lake", *words, check=False)
        return (done.stdout + done.stderr).splitlines(), done.returncode

    return manage


def test_verify_names_what_is_missing_damaged_and_unknown(node: Node, lines: Any) -> None:
    missing, short, broken, lost, well = (fill(node, start) for start in range(0, 750, 150))
    assert lines("verify") == (["5 files in the catalog: 0 missing, 0 damaged; 0 files unknown to it, 0 set aside"], 0)
    (node.lake_path / missing).unlink()
    with (node.lake_path / short).open("r+b") as file:
        file.truncate(100)
    with (node.lake_path / broken).open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"\0\0\0\0\0\0\0\0\0\0")
    lose_row(node, lost)

    assert set(faults(node)) == {("missing", missing), ("damaged", short), ("damaged", broken), ("new", lost)}
    said, status = lines("verify")
    assert status == 1
    assert f"missing  {missing}  (dataset logs of main: 150 rows, not in the folder)" in said
    assert said[-1] == "4 files in the catalog: 1 missing, 2 damaged; 1 files unknown to it, 0 set aside"
    rows = json.loads("\n".join(lines("verify", "--json")[0]))
    assert {row["path"] for row in rows if row["state"] == "damaged"} == {short, broken}
    assert well not in {row["path"] for row in rows}


def test_unknown_file_is_set_aside_and_not_deleted(node: Node, settings: Any) -> None:
    kept, lost = fill(node, 0), fill(node, 150)
    lose_row(node, lost)
    assert run(timedelta())["unknown files"] == "0 files set aside"  # a sealer may be about to commit it
    assert run()["unknown files"] == "1 files set aside"
    [aside] = set_aside_files(node.lake_path)
    assert aside.path == f"orphans/{timezone.now():%Y-%m-%d}/{lost}"
    assert numbers(node) == list(range(150)) and kept in paths(node)
    assert run(timedelta(days=30))["orphans"] == "0 days removed"
    assert run(timedelta(days=32))["orphans"] == "1 days removed"
    assert set_aside_files(node.lake_path) == []


@pytest.mark.parametrize("limit", ["EVENTLANE_ORPHAN_MAX_FILES", "EVENTLANE_ORPHAN_MAX_MB"])
def test_many_or_large_unknown_files_are_left_alone(node: Node, settings: Any, limit: str) -> None:
    lost = [fill(node, 0), fill(node, 150)]
    for path in lost:
        lose_row(node, path)
    setattr(settings, limit, 1 if limit.endswith("FILES") else 0)
    assert run()["unknown files"].startswith("2 files (0.0 MiB) left alone")
    assert paths(node) == set(lost)


def test_adopt_all_says_that_it_leaves_new_files_alone(node: Node, lines: Any) -> None:
    lost = fill(node, 0)
    lose_row(node, lost)
    said, status = lines("adopt", "--all")
    assert (said[0], status) == ("no files to adopt", 0) and said[1].startswith("1 unknown files of the last hour")
    assert lines("adopt", lost)[1] == 0
    assert numbers(node) == list(range(150))


def test_older_dump_beside_a_newer_lake_loses_nothing(node: Node, settings: Any, lines: Any, tmp_path: Path) -> None:
    """What a restore of yesterday's dump comes to: its catalog doesn't know today's files."""
    fill(node, 0)
    with Lake() as lake:
        lake.execute("CALL ducklake_flush_inlined_data('lake')")
    tables = dump(node)
    later = [fill(node, start) for start in range(150, 750, 150)]
    restore(node, tables)
    assert numbers(node) == list(range(150))
    settings.EVENTLANE_ORPHAN_MAX_FILES = 3
    assert run()["unknown files"].startswith("4 files")
    settings.EVENTLANE_ORPHAN_MAX_FILES = 10
    assert run()["unknown files"].startswith("4 files set aside")
    said, status = lines("adopt", "--all")
    assert status == 0, said
    assert sum("150 rows added to dataset logs of main" in line for line in said) == 4
    assert sorted(numbers(node)) == list(range(750))
    assert paths(node).isdisjoint(later)
    assert lines("adopt", "--all") == (["no files to adopt"], 0)
    assert lines("verify")[1] == 0


def dump(node: Node) -> list[str]:
    """Keep every row of the catalog; return the names of its tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [node.schema])
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f'CREATE TABLE "{node.schema}"."kept_{name}" AS TABLE "{node.schema}"."{name}"')
    return names


def restore(node: Node, names: list[str]) -> None:
    """Bring the rows back."""
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f'TRUNCATE "{node.schema}"."{name}"')
            cursor.execute(f'INSERT INTO "{node.schema}"."{name}" TABLE "{node.schema}"."kept_{name}"')
            cursor.execute(f'DROP TABLE "{node.schema}"."kept_{name}"')


def test_adopting_adds_each_event_once(node: Node, lines: Any) -> None:
    """A file of which some events are in the table already, and one that was adopted before its file was moved."""
    known, lost = fill(node, 0), fill(node, 150)
    lose_row(node, lost)
    copy = f"main/{node.dataset.table_name}/ducklake-00000000-0000-7000-8000-000000000000.parquet"
    shutil.copy(node.lake_path / known, node.lake_path / copy)
    said, status = lines("adopt", lost, copy)
    assert status == 0, said
    assert said == [
        f"{lost}: 150 rows added to dataset logs of main",
        f"{copy}: 0 rows added to dataset logs of main, 150 were already there",
    ]
    assert numbers(node) == list(range(300))
    assert "is not an unknown file" in lines("adopt", known)[0][0]


def test_what_can_not_be_adopted_is_left_with_its_reason(node: Node, lines: Any) -> None:
    lost = fill(node, 0)
    lose_row(node, lost)
    stray = "main/events_0123456789abcdef/ducklake-00000000-0000-7000-8000-000000000001.parquet"
    for path, source in ((stray, lost), (lost.replace("ducklake-", "garbage-"), None)):
        (node.lake_path / path).parent.mkdir(exist_ok=True)
        (node.lake_path / path).write_bytes((node.lake_path / source).read_bytes() if source else b"nothing")
    said, status = lines("adopt", "--all")
    assert status == 1
    assert any(f"left {stray}: there is no dataset whose table is events_0123456789abcdef" in line for line in said)
    assert (node.lake_path / stray).exists()


def test_adopting_waits_for_journal_files_that_may_hold_the_same_events(node: Node, lines: Any) -> None:
    node.write('{"n": 1}')
    node.writer.close()
    [journal] = node.journal.glob("*.journal")
    copy = journal.read_bytes()
    node.write(*[json.dumps({"n": number}) for number in range(2, 200)])
    node.seal()
    [lost] = paths(node)
    lose_row(node, lost)
    journal.write_bytes(copy)  # as a backup of the journal brings it back
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{node.schema}".ducklake_inlined_data_2_1')
    said, status = lines("adopt", lost)
    assert status == 1 and "1 older journal files are not sealed yet" in said[0], said
    node.seal()
    assert lines("adopt", lost)[1] == 0
    assert sorted(numbers(node)) == list(range(1, 200))


def test_lost_file_is_given_up(node: Node, lines: Any) -> None:
    missing, broken, kept = (fill(node, start) for start in range(0, 450, 150))
    (node.lake_path / missing).unlink()
    (node.lake_path / broken).write_bytes(b"broken")
    assert "is neither missing nor damaged" in lines("forget", kept)[0][0]
    said, status = lines("forget", missing, broken)
    assert status == 0, said
    assert said == [f"{path}: gave up 150 rows of dataset logs of main" for path in (missing, broken)]
    assert numbers(node) == list(range(300, 450))
    assert faults(node) == []
    [aside] = set_aside_files(node.lake_path)
    assert aside.path.endswith(broken)
    results = run()
    assert results["merge"].startswith("0 files")
    fill(node, 450)
    assert numbers(node) == list(range(300, 600))


def test_lost_deletions_are_given_up(node: Node, lines: Any) -> None:
    node.write(*[json.dumps({"n": number}) for number in range(150)], age=timedelta(days=31))
    node.write(*[json.dumps({"n": number}) for number in range(150, 1150)])
    node.seal()
    run(timedelta())
    deletions = [path for path in paths(node) if path.endswith("-delete.parquet")]
    assert deletions and numbers(node)[0] == 150
    for path in deletions:
        (node.lake_path / path).unlink()
        assert lines("forget", path)[1] == 0
    assert numbers(node) == list(range(1150))


def test_doctor_tells_what_catalog_and_folder_disagree_about(node: Node, settings: Any) -> None:
    missing, known = fill(node, 0), fill(node, 150)
    assert [state for state, *_ in check_lake_files(None)] == [OK]
    (node.lake_path / missing).unlink()
    old = node.lake_path / "main" / node.dataset.table_name / "ducklake-00000000-0000-7000-8000-000000000000.parquet"
    shutil.copy(node.lake_path / known, old)
    os.utime(old, (0, 0))
    settings.EVENTLANE_ORPHAN_MAX_FILES = 0
    findings = list(check_lake_files(None))
    assert [(state, message) for state, message, _ in findings] == [
        (PROBLEM, f"1 files are missing or damaged: {missing} (not in the folder)"),
        (
            WARNING,
            "1 files are unknown to the catalog: too many or too large for maintenance to touch them",
        ),
    ]
    settings.EVENTLANE_ORPHAN_MAX_FILES = 1
    run(timedelta())
    assert [message for _, message, _ in check_lake_files(None)][1:] == ["1 unknown files are set aside, for 30 days"]


def test_doctor_tells_lost_rows_of_the_catalog_from_what_a_killed_sealer_left(node: Node) -> None:
    lost, known = fill(node, 0), fill(node, 150)
    lose_row(node, lost)
    folder = node.lake_path / "main" / node.dataset.table_name
    shutil.copy(node.lake_path / known, folder / "ducklake-00000000-0000-7000-8000-000000000000.parquet")
    (node.lake_path / lost).rename(folder / "ducklake-00000000-0001-7000-8000-000000000000.parquet")
    problem, warning = check_lake_files(None)
    assert problem[0] == PROBLEM
    assert problem[1].startswith("1 files have events that the catalog has lost: main/")
    assert "ducklake-00000000-0001-7000-8000-000000000000.parquet (150 events)" in problem[1]
    assert warning[:2] == (WARNING, "1 files are unknown to the catalog")
