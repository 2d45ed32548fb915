"""Events per minute: each event once, unsealed or sealed, whatever dies when."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from events.console.activity import WINDOW_MINUTES, received
from events.console.chart import HEIGHT, draw, scale_top
from events.lake.statistics import note_forgotten, note_received, sum_up
from events.models import AcceptedCount, Dataset, ReceivedCount
from tests.events.lake.conftest import Node
from tests.events.lake.test_seal import STEPS, numbered, write_files
from tests.factories import make_account, make_house


def total(node: Node) -> int:
    return sum(received(datasets(node.dataset.pk), timezone.now()).total())


def datasets(*ids: str) -> QuerySet[Dataset]:
    return Dataset.objects.filter(pk__in=ids)


@pytest.mark.quick
def test_unsealed_and_sealed_events_are_counted_once(node: Node) -> None:
    assert total(node) == 0
    node.write(*numbered(0, 7))
    assert total(node) == 7 and not ReceivedCount.objects.exists()
    node.seal()
    assert total(node) == 7 and ReceivedCount.objects.exists()
    node.write(*numbered(7, 5))
    assert total(node) == 12


@pytest.mark.parametrize("step", STEPS)
def test_count_stays_right_when_the_sealer_is_killed_at(step: str, node: Node) -> None:
    write_files(node, 3, 150)
    assert total(node) == 450
    killed = subprocess.run(
        [sys.executable, "-m", "tests.events.lake.killed_sealer", step], env=node.environment, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert total(node) == 450
    node.seal()
    assert node.files() == [] and total(node) == 450


def test_count_beside_a_sealer_is_never_below_what_was_stored_nor_above(node: Node) -> None:
    stored, done = [0], threading.Event()

    def write() -> None:
        while not done.wait(0.01):
            node.write(*numbered(0, 10))
            stored[0] += 10
            if stored[0] % 100 == 0:
                node.writer.close()

    command = node.command("seal", "--forever")
    command["env"] |= {"EVENTLANE_SEAL_INTERVAL_SECONDS": "0.05"}
    sealer = subprocess.Popen(**command)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        end, latest = time.monotonic() + 5, time.monotonic() + 60
        while time.monotonic() < end or (ReceivedCount.objects.count() <= 3 and time.monotonic() < latest):
            before = stored[0]
            counted = total(node)
            assert before <= counted <= stored[0] + 10  # ten may be on disk before they are noted as stored
    finally:
        done.set()
        writer.join()
        sealer.terminate()
        sealer.wait(30)
    assert total(node) == stored[0] > 500
    assert ReceivedCount.objects.count() > 3


def test_events_of_another_node_are_counted_when_they_are_sealed(node: Node, other_node: Node) -> None:
    other_node.write(*numbered(0, 7))
    assert total(node) == 0  # nobody else sees its journal
    other_node.manage("seal")
    other_node.writer.close()
    other_node.manage("seal")
    assert total(node) == 7


def test_each_dataset_has_its_own_count_and_unasked_ones_have_none(node: Node) -> None:
    second = Dataset.objects.create(project=node.dataset.project, name="second")
    third = Dataset.objects.create(project=node.dataset.project, name="third")
    for dataset, count in ((second, 3), (third, 4)):
        node.write(*numbered(0, count), dataset=dataset)
    node.seal()
    node.write(*numbered(0, 5), dataset=second)
    activity = received(datasets(node.dataset.pk, second.pk), timezone.now())
    assert {pk: sum(minutes) for pk, minutes in activity.by_dataset.items()} == {second.pk: 8}
    assert sum(activity.minutes_of(node.dataset)) == 0 and sum(activity.minutes_of(second)) == 8
    assert received(datasets(), timezone.now()).total() == [0] * WINDOW_MINUTES


@pytest.mark.django_db
def test_minutes_stand_where_they_belong() -> None:
    Dataset.objects.create(pk="dataset", project=make_house("own", "alice").project, name="logs")
    now = timezone.now().replace(second=30, microsecond=0)
    this_minute = int(now.timestamp()) // 60
    for age, events in ((0, 1), (1, 20), (59, 300), (60, 4000), (-1, 50_000)):
        note_received(Counter({("node-a-0", "key", "dataset", this_minute - age): events}))
    minutes = received(datasets("dataset"), now).by_dataset["dataset"]
    assert (minutes[-1], minutes[-2], minutes[0], sum(minutes)) == (1, 20, 300, 321)


@pytest.mark.django_db
def test_file_noted_twice_counts_once_and_old_counts_are_summed_up() -> None:
    Dataset.objects.create(pk="dataset", project=make_house("own", "alice").project, name="logs")
    now = timezone.now()
    this_minute = int(now.timestamp()) // 60
    old, older = this_minute // 60 * 60 - 120, this_minute // 60 * 60 - 119
    for _ in range(2):
        note_received(Counter({("a", "key", "dataset", minute): 5 for minute in (this_minute, old, older)}))
    note_received(Counter({("b", "key", "dataset", this_minute): 6, ("b", "key", "dataset", old): 7}))
    sum_up(now)
    assert sum(received(datasets("dataset"), now).total()) == 11 and not AcceptedCount.objects.exists()
    for _ in range(2):
        note_forgotten(["a"])
        sum_up(now)
    assert AcceptedCount.objects.get().events == 10
    assert [count.file_name for count in ReceivedCount.objects.filter(minute__lt=now - timedelta(hours=1))] == ["b"]


def test_journal_that_cannot_be_read_is_told(node: Node, settings: object, tmp_path: Path) -> None:
    node.write(*numbered(0, 7))
    node.seal()
    settings.EVENTLANE_JOURNAL = tmp_path / "a file"
    settings.EVENTLANE_JOURNAL.write_text("")
    activity = received(datasets(node.dataset.pk), timezone.now())
    assert not activity.complete and sum(activity.total()) == 7


def test_counting_asks_the_database_twice(node: Node, django_assert_num_queries: object) -> None:
    write_files(node, 5, 10)
    with django_assert_num_queries(2):  # for counts, and for which of the journal's datasets are meant
        assert total(node) == 50
    connection.close()


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (5, 6), (7, 10), (10, 10), (11, 20), (99, 100), (101, 200), (361_000, 400_000)],
)
def test_scale_ends_at_a_round_number_with_a_whole_half(most: int, top: int) -> None:
    assert scale_top(most) == top and top % 2 == 0


def test_bars_stand_on_the_ground_and_fit() -> None:
    chart = draw([0, 1, 4000, 0, 2000], 29_000_000)
    assert [bar.height for bar in chart.bars] == [0, 1.5, HEIGHT, 0, HEIGHT / 2]
    assert all(bar.y + bar.height == HEIGHT for bar in chart.bars)
    assert chart.summary == "6,001 events in the last 5 minutes, at most 4,000 per minute"
    assert chart.bars[1].title.endswith("1 event")


PAGES_WITHOUT_DUCKDB = """
import sys, django
django.setup()
from django.test import Client
from events.models import Dataset
from projects.models import Account
client = Client(HTTP_HOST="localhost")
client.force_login(Account.objects.get())
dataset = Dataset.objects.get()
own = f"events/dataset/{dataset.pk}"
for path in ("", "home/standing/", "home/pipelines/", "system/live/", f"{own}/send/", f"{own}/arrived/"):
    assert client.get(f"/console/{path}").status_code == 200, path
assert b">7</span> events in the last hour" in client.get("/console/home/standing/").content
print(sorted({"duckdb", "pyarrow"} & set(sys.modules)))
"""


def test_pages_that_are_asked_again_and_again_load_no_duckdb(node: Node) -> None:
    make_account(node.dataset.project.organization, "alice")
    node.write(*numbered(0, 7))
    done = subprocess.run(
        [sys.executable, "-c", PAGES_WITHOUT_DUCKDB], env=node.environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["[]"]), done.stderr
