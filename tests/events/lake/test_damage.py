"""Damaged files of the lake: all others stay readable, and what can't be read is named."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.utils import timezone

from events.lake.connection import Lake, event_table_name
from events.lake.damaged_files import known_damage
from events.lake.follow import EventFollower
from events.lake.maintain import maintain
from events.lake.query import EventQuery, EventReader
from events.models import DamagedFile, Dataset
from projects.models import Account
from tests.console import logged_in
from tests.events.api.conftest import client  # noqa: F401  (fixture)
from tests.events.lake.conftest import Node
from tests.events.lake.test_files import fill
from tests.events.lake.test_files import paths as lake_files
from tests.factories import make_account
from tests.platform_api import ApiClient

pytestmark = pytest.mark.drill

Damage = Callable[[Path], None]


def flip(file: Path, offset: int, count: int = 1) -> None:
    """Change bytes of a file; its size stays."""
    data = bytearray(file.read_bytes())
    data[offset : offset + count] = bytes(byte ^ 0xFF for byte in data[offset : offset + count])
    file.write_bytes(data)


def replace_by_folder(file: Path) -> None:
    """Make it unreadable, also for root."""
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Damage] = {
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "footer": lambda file: flip(file, file.stat().st_size - 6),
    "page": lambda file: flip(file, 4, file.stat().st_size // 3),
    "missing": lambda file: file.unlink(),
    "unreadable": replace_by_folder,
}


class DamagedLake:
    """Three files of 150 events each, and 20 more in the journal; the second file is damaged and can be mended."""

    def __init__(self, node: Node, damage: Damage) -> None:
        self.node = node
        self.paths = [fill(node, start) for start in (0, 150, 300)]
        node.write(*[json.dumps({"n": n}) for n in range(450, 460)], namespace="late")
        node.seal()  # so few that they lie in PostgreSQL
        node.write(*[json.dumps({"n": n}) for n in range(460, 470)])
        self.damaged = self.paths[1]
        self.file = node.lake_path / self.damaged
        self.copy = self.file.read_bytes()
        self.good = [*range(150), *range(300, 470)]
        damage(self.file)

    def mend(self) -> None:
        shutil.rmtree(self.file) if self.file.is_dir() else self.file.unlink(missing_ok=True)
        self.file.write_bytes(self.copy)


@pytest.fixture(params=DAMAGES.values(), ids=DAMAGES)
def lake(node: Node, request: pytest.FixtureRequest) -> DamagedLake:
    return DamagedLake(node, request.param)


@pytest.fixture
def truncated(node: Node) -> DamagedLake:
    return DamagedLake(node, DAMAGES["truncated"])


def get(client: ApiClient, node: Node, **query: Any) -> dict[str, Any]:  # noqa: F811
    response = client.get(f"/datasets/id/{node.dataset.id}/events?{urlencode(query)}")
    assert response.status_code == 200, response.content
    return response.json()


def walk(client: ApiClient, node: Node, **query: Any) -> Iterator[dict[str, Any]]:  # noqa: F811
    """Yield page after page."""
    found = get(client, node, **query)
    yield found
    while "next" in found:
        found = get(client, node, **{**query, **found["next"]})
        yield found


def numbers(found: dict[str, Any]) -> list[int]:
    return [element["event"]["n"] for element in found["elements"]]


def read(node: Node) -> tuple[list[int], list[str]]:
    """Return what a reader finds, and the files that it skipped."""
    with EventReader(EventQuery(node.dataset, limit=None)) as reader:
        return [json.loads(row.event)["n"] for row in reader.read()], [file.path for file in reader.left_out]


def test_all_that_can_be_read_is_shown_and_the_damaged_file_named(lake: DamagedLake, client: ApiClient) -> None:  # noqa: F811
    assert read(lake.node) == (lake.good, [lake.damaged])
    for order, expected in (("asc", lake.good), ("desc", lake.good[::-1])):
        pages = list(walk(client, lake.node, order=order, size=90))
        assert [number for page in pages for number in numbers(page)] == expected
        partial = [page["partial"] for page in pages if "partial" in page]
        assert partial and all(one == {"files": [lake.damaged]} for one in partial)

    lake.mend()
    assert read(lake.node) == ([*range(470)], [])
    pages = list(walk(client, lake.node, size=100))
    assert [number for page in pages for number in numbers(page)] == [*range(470)]
    assert not any("partial" in page for page in pages)
    assert known_damage() == []


def test_page_that_does_not_need_the_damaged_file_is_whole(truncated: DamagedLake, client: ApiClient) -> None:  # noqa: F811
    newest = get(client, truncated.node, order="desc", size=100)["elements"]
    found = get(client, truncated.node, **{"from": newest[-1]["received_time"], "size": 100})
    assert (numbers(found)[0], "partial" in found) == (300, False)


def test_event_of_a_damaged_file_is_not_said_to_be_unknown(truncated: DamagedLake, client: ApiClient) -> None:  # noqa: F811
    node = truncated.node
    truncated.mend()
    pages = walk(client, node, size=100)
    events = {event["event"]["n"]: event["id"] for page in pages for event in page["elements"]}
    os.truncate(truncated.file, 100)
    refused = client.get(f"/datasets/id/{node.dataset.id}/events/id/{events[200]}")
    assert (refused.status_code, refused.json()["code"]) == (503, "damaged_files")
    assert refused.json()["data"] == {"files": [truncated.damaged]}
    assert client.get(f"/datasets/id/{node.dataset.id}/events/id/{events[20]}").json()["event"] == {"n": 20}


def test_several_damaged_files_and_deletions_that_are_inlined(truncated: DamagedLake) -> None:
    """What was deleted stays deleted, in files and inlined."""
    node = truncated.node
    truncated.mend()
    with Lake() as lake:
        table = event_table_name(node.dataset.table_name)
        lake.execute(f"DELETE FROM {table} WHERE json_extract(event, '$.n')::INT IN (301, 302, 455)")
    for path in truncated.paths[:2]:
        os.truncate(node.lake_path / path, 50)
    left = [number for number in range(300, 470) if number not in (301, 302, 455)]
    assert read(node) == (left, sorted(truncated.paths[:2]))


def test_tail_and_console_tell_what_is_missing(truncated: DamagedLake) -> None:
    done = truncated.node.manage("tail", "logs", "--json", "--from", "1h")
    assert [json.loads(line)["event"]["n"] for line in done.stdout.splitlines()] == truncated.good
    assert f"partial: the 150 events of {truncated.damaged} are missing, it can't be read (" in done.stderr

    alice = logged_in(make_account(truncated.node.dataset.project.organization, "alice", role=Account.Role.ADMIN))
    told = "150 events of logs can’t be read"
    pages = ["/console/system/", f"/console/events/dataset/{truncated.node.dataset.pk}/change/"]
    for page in pages:
        text = alice.get(page).content.decode()
        assert (told in text, Path(truncated.damaged).name in text) == (True, True), page
    assert f'<a class="text-link text-important" href="{pages[0]}#problems">{told}</a>' in alice.get("/console/").text
    truncated.mend()
    assert [page for page in ["/console/", *pages] if told in alice.get(page).content.decode()] == []


def test_follower_goes_on_while_a_file_is_damaged_and_when_it_is_whole_again(truncated: DamagedLake) -> None:
    node = truncated.node

    def news() -> list[int]:
        return [json.loads(row.event)["n"] for row in follower.news()]

    with EventFollower(EventQuery(node.dataset, limit=None)) as follower:
        assert [json.loads(row.event)["n"] for row in follower.history()] == truncated.good
        assert [file.path for file in follower.left_out] == [truncated.damaged]
        node.write('{"n": 1000}')
        assert news() == [1000]
        node.seal()
        assert news() == []
        node.write(*[json.dumps({"n": number}) for number in range(1001, 1151)])
        node.seal()
        assert news() == [*range(1001, 1151)]
        truncated.mend()
        node.write('{"n": 2000}')
        assert news() == [2000]
        node.seal()
        assert news() == []


def test_error_of_the_catalog_is_not_blamed_on_a_file(truncated: DamagedLake, client: ApiClient) -> None:  # noqa: F811
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{truncated.node.schema}".ducklake_data_file RENAME TO away')
    try:
        found = client.get(f"/datasets/id/{truncated.node.dataset.id}/events")
        assert (found.status_code, found.json()["code"]) == (503, "lake_unavailable")
        assert not DamagedFile.objects.exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{truncated.node.schema}".away RENAME TO ducklake_data_file')


def test_maintenance_goes_on_around_a_damaged_file_and_names_it(truncated: DamagedLake) -> None:
    node = truncated.node
    other = Dataset.objects.create(project=node.dataset.project, name="other")
    for start in (0, 150):
        node.write(*[json.dumps({"n": n}) for n in range(start, start + 150)], dataset=other)
        node.seal()
    done = node.manage("maintain", check=False)
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert (done.returncode, truncated.damaged in said["damaged files"]) == (1, True)
    merged, created = map(int, re.findall("[0-9]+", said["merge"]))
    # Both of the other dataset; and of this one those on one side of the damaged one's size or both: that is chance.
    assert merged >= 2 and created >= 1, said
    assert said["snapshots"].endswith("expired")
    assert read(node) == (truncated.good, [truncated.damaged])

    truncated.mend()
    done = node.manage("maintain")
    assert "damaged files: 0 files are missing or damaged" in done.stdout
    assert sorted(json.loads(event)["n"] for event in node.events()) == [*range(470)]


def test_retention_goes_on_around_a_damaged_file(node: Node) -> None:
    paths = []
    for start, days in ((0, 50), (150, 45), (300, 40), (450, 1)):
        node.write(*[json.dumps({"n": n}) for n in range(start, start + 150)], age=timedelta(days=days))
        node.seal()
        paths.append((lake_files(node) - set(paths)).pop())
    os.truncate(node.lake_path / paths[1], 100)
    with Lake() as lake:
        steps = {step.name: step for step in maintain(lake, timezone.now())}
    assert (steps["retention"].result, steps["retention"].failed) == ("300 events deleted", False)
    assert read(node) == ([*range(450, 600)], [paths[1]])
