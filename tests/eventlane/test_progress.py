"""When a process that touches a file hangs, and when it only seems so."""

import os
import threading
from pathlib import Path

from eventlane.progress import Progress, ProgressWatch


def looks(watch: ProgressWatch, pid: int, begin: float, count: int) -> list[bool]:
    """Look every half a second from `begin`."""
    return [watch.hangs(pid, begin + number / 2) for number in range(count)]


def test_process_hangs_once_its_file_stands_still_and_then_twice_as_long_is_allowed(tmp_path: Path) -> None:
    watch = ProgressWatch(tmp_path / "progress", 5.0)
    assert looks(watch, 1, 100, 12) == [False] * 11 + [True]
    assert looks(watch, 2, 106, 22) == [False] * 21 + [True]
    watch.hangs(3, 117)
    watch.file.touch()
    assert looks(watch, 3, 118, 12) == [False] * 11 + [True]  # it had gone on: the setting holds again


def test_touched_file_is_progress_whatever_the_clock_shows(tmp_path: Path) -> None:
    watch = ProgressWatch(tmp_path / "progress", 1.0)
    watch.file.touch()
    for number, shown in enumerate([9e9, 5, 1e9, 4, 3e9, 2]):
        os.utime(watch.file, (shown, shown))
        assert not watch.hangs(1, 100 + number)


def test_supervisor_that_stood_still_itself_kills_nobody(tmp_path: Path) -> None:
    watch = ProgressWatch(tmp_path / "progress", 5.0)
    assert not watch.hangs(1, 100)
    assert not watch.hangs(1, 100_000)


def test_progress_needs_a_step_of_every_thread(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress", threads=2)
    progress.step()
    progress.step()
    assert not (tmp_path / "progress").exists()
    other = threading.Thread(target=progress.step)
    other.start()
    other.join()
    assert (tmp_path / "progress").exists()
