"""Free space on a disk, and the limit below which nothing is accepted."""

import os
import time
from pathlib import Path

import pytest

from eventlane import free_space
from eventlane.free_space import FreeSpace, free_bytes
from tests.waiting import wait_until

MORE_THAN_ANY_DISK = 1 << 62


def test_shortage_names_folder_and_setting(tmp_path: Path) -> None:
    least = free_bytes(tmp_path) + (1 << 40)
    shortage = FreeSpace([tmp_path], least).shortage()
    assert shortage.startswith(f"{tmp_path} has ")
    assert shortage.endswith(f" MiB free, less than EVENTLANE_MIN_FREE_MB={least >> 20}")
    assert FreeSpace([tmp_path], 1).shortage() == ""
    assert FreeSpace([tmp_path], 0).shortage() == ""


def test_folder_that_is_not_there_yet_is_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    assert FreeSpace([tmp_path / "home" / "journal"], MORE_THAN_ANY_DISK).shortage()


def test_disks_are_looked_at_once_a_second_and_room_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_space, "LOOK_SECONDS", 0.05)
    looks, statvfs = [], os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: (looks.append(path), statvfs(path))[1])
    space = FreeSpace([tmp_path], MORE_THAN_ANY_DISK)
    end = time.monotonic() + 0.2
    asked = 0
    while time.monotonic() < end:
        asked += bool(space.shortage())
    assert asked > 50 and 2 <= len(looks) <= 5
    space._least_bytes = 1
    wait_until(lambda: not space.shortage())
