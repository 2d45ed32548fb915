"""The exercises of `manage.py drill`. Each does to a scratch platform what its docstring says, and returns what it saw.

If it doesn't see what it should, it raises DidNotHappen.
"""

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from eventlane.embedded_postgres import installed_binaries
from eventlane.scratch import DidNotHappen, ScratchPlatform
from events.drill.sender import Sender, expect_balance, expect_exactly_once, expect_no_difference, send

SLOW_CONNECTIONS = 60
ANSWER_SECONDS = 1.0  # other requests must be answered within this time
QUICK_JOURNAL = {"EVENTLANE_JOURNAL_MAX_AGE_SECONDS": "0.5", "EVENTLANE_SEAL_INTERVAL_SECONDS": "0.2"}
SLOW_JOURNAL = {"EVENTLANE_JOURNAL_MAX_AGE_SECONDS": "3600"}
ALWAYS_SEALING = QUICK_JOURNAL | {"EVENTLANE_SEAL_REST": "0", "EVENTLANE_MAINTAIN_INTERVAL_SECONDS": "20"}
ROUNDS_OF_KILLS = 2


@dataclass(frozen=True)
class Exercise:
    """What is done, and the settings of its platform."""

    run: Callable[[ScratchPlatform], str]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What it does, in one line."""
        return (self.run.__doc__ or "").partition("\n")[0]


def power_cut(platform: ScratchPlatform) -> str:
    """Kill every process at once in the middle of a load, three times."""
    acknowledged: set[str] = set()
    for seconds in (0.5, 1.0, 1.5):
        with Sender(platform, "cut") as sender:
            time.sleep(seconds)
            platform.kill()
        acknowledged |= sender.acknowledged
        platform.start()
        expect_exactly_once(platform, "cut", acknowledged)
    platform.manage("seal")
    expect_balance(platform, expect_exactly_once(platform, "cut", acknowledged))
    return f"{len(acknowledged):,} acknowledged events, each found exactly once, and the ledger balances"


def kills(platform: ScratchPlatform) -> str:
    """Kill -9 web processes, sealers, PostgreSQL and everything, one after the other in the middle of a load."""
    acknowledged: set[str] = set()
    for _ in range(ROUNDS_OF_KILLS):
        with Sender(platform, "kills", threads=3, pause=0.05) as sender:
            for victim in ("eventlane.web", "seal --forever", "postgres -D", ""):
                enough = len(sender.acknowledged) + 1
                platform.wait_until(lambda: len(sender.acknowledged) >= enough, "events are accepted", 60)  # noqa: B023
                time.sleep(random.uniform(0, 1))  # so that each kill hits something else
                _kill_one(platform, victim)
                expect_no_difference(platform)
        acknowledged |= sender.acknowledged
        expect_balance(platform, expect_exactly_once(platform, "kills", acknowledged))
    return (
        f"{4 * ROUNDS_OF_KILLS} kills, {len(acknowledged):,} events acknowledged, each found exactly once,"
        " and the ledger balances after each kill"
    )


def moved_home(platform: ScratchPlatform) -> str:
    """Move the home to another folder and start from there."""
    sealed, unsealed = _sealed_and_unsealed(platform, "moved")
    platform.stop()
    elsewhere = platform.home.with_name(f"{platform.home.name}-elsewhere")
    platform.home.rename(elsewhere)
    platform.use(elsewhere)
    platform.start()
    platform.manage("maintain")
    expect_balance(platform, expect_exactly_once(platform, "moved", sealed | unsealed))
    return f"{len(sealed | unsealed)} events are still there after maintenance"


def older_dump(platform: ScratchPlatform) -> str:
    """Restore a dump of the database that is older than the lake, then run maintenance."""
    before = send(platform, "dump", 300)
    _wait_until_sealed(
        platform
    )  # what is dumped before that isn't in the dump, and later it isn't in the journal either
    dump = platform.home / "dump"
    _run("pg_dump", "-Fc", "-f", str(dump), platform.database_url)
    after = send(platform, "dump", 200)
    _wait_until_sealed(platform)
    files = _parquet_names(platform)
    _restore(platform, dump)
    platform.manage("maintain", check=False)
    if gone := files - _parquet_names(platform):
        raise DidNotHappen(f"maintenance deleted {len(gone)} files that the older catalog doesn't know")
    expect_exactly_once(platform, "dump", before)
    platform.manage("lake", "adopt", *_new_files(platform))
    expect_exactly_once(platform, "dump", before | after)
    platform.manage("ledger", "logs", "--settle")  # the older dump doesn't know that they were accepted
    platform.manage("ledger")
    return f"no file was deleted, and `lake adopt` brought {len(after)} events back"


def damaged_journal(platform: ScratchPlatform) -> str:
    """Flip a byte in the header of each journal file, and put a foreign file beside them."""
    names = send(platform, "header", 400)
    platform.kill()
    files = sorted((platform.home / "journal").glob("*.journal"))
    for file in files:
        _flip(file, 10)
    (platform.home / "journal" / "x-nothex.journal").write_bytes(b"not a journal")
    os.mkfifo(platform.home / "journal" / "fifo.journal")
    platform.start()
    platform.manage("seal")
    expect_balance(platform, expect_exactly_once(platform, "header", names))
    _expect_doctor_names(platform, "x-nothex.journal")
    return f"{len(names)} events of {len(files)} files, and doctor names the foreign file"


def damaged_lake(platform: ScratchPlatform) -> str:
    """Cut a sealed file to half its length, then put it back."""
    (first, _), (held, victim), (last, _) = [_sealed_file(platform, "lake") for _ in range(3)]
    good = first | last
    whole = victim.read_bytes()
    os.truncate(victim, len(whole) // 2)
    expect_exactly_once(platform, "lake", good)
    if victim.name not in str(_partial(platform)):
        raise DidNotHappen(f"the API's page doesn't say that it is partial for want of {victim.name}")
    _expect_doctor_names(platform, victim.name)
    maintained = platform.manage("maintain", check=False)
    if maintained.returncode == 0 or victim.name not in maintained.stdout or "snapshots: " not in maintained.stdout:
        raise DidNotHappen(f"maintenance doesn't name the file, or doesn't go on:\n{maintained.stdout}")
    victim.write_bytes(whole)
    platform.manage("maintain")
    expect_balance(platform, expect_exactly_once(platform, "lake", good | held))
    if partial := _partial(platform):
        raise DidNotHappen(f"the file is back, and the API's page still says partial: {partial}")
    return f"{len(good)} events of whole files were read meanwhile; the damaged one was named, and is whole again"


def slow_bodies(platform: ScratchPlatform) -> str:
    """Hold 60 requests open whose bodies never arrive."""
    head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    held = [
        f"POST /v1/logs/slow {head}x-api-key: {platform.keys['ingest']}\r\n\r\n[",
        f"POST /console/login/ {head}\r\n",
    ]
    with ExitStack() as stack:
        connections = [
            stack.enter_context(_held_open(platform, held[number % 2])) for number in range(SLOW_CONNECTIONS)
        ]
        longest = max(_seconds_of_an_answer(platform) for _ in range(20))
        if longest > ANSWER_SECONDS:
            raise DidNotHappen(f"others waited {longest:.1f} s for an answer")
        replies = {connection.recv(64).split(b" ")[1:2] == [b"408"] for connection in connections}
    if replies != {True}:
        raise DidNotHappen("a connection whose body never came did not end with 408")
    return f"others were answered within {longest * 1000:.0f} ms, and the slow ones got 408"


def hung_sealer(platform: ScratchPlatform) -> str:
    """Suspend the sealer, like a hang, without ending it."""
    [hung] = platform.pids_of("seal --forever") or [0]
    os.kill(hung, signal.SIGSTOP)
    names = send(platform, "hung", 200)
    platform.wait_until(lambda: hung not in platform.pids_of("seal --forever"), "the hung sealer is replaced", 60)
    _wait_until_sealed(platform)
    expect_balance(platform, expect_exactly_once(platform, "hung", names))
    return f"it was replaced, and {len(names)} events were sealed"


EXERCISES = {
    "power-cut": Exercise(power_cut, QUICK_JOURNAL),
    "kills": Exercise(kills, ALWAYS_SEALING),
    "moved-home": Exercise(moved_home),
    "older-dump": Exercise(older_dump, QUICK_JOURNAL),
    "damaged-journal": Exercise(damaged_journal, SLOW_JOURNAL),
    "hung-sealer": Exercise(hung_sealer, QUICK_JOURNAL | {"EVENTLANE_SEALER_HANG_SECONDS": "5"}),
    "damaged-lake": Exercise(damaged_lake, QUICK_JOURNAL),
    "slow-bodies": Exercise(slow_bodies, {"EVENTLANE_BODY_SECONDS": "5"}),
}


def _kill_one(platform: ScratchPlatform, word: str) -> None:
    """Kill a process with this word in its command line, or everything, which is then started again."""
    if not word:
        platform.kill()
        platform.start()
        return
    platform.wait_until(lambda: platform.pids_of(word), f"{word} runs")
    for pid in platform.pids_of(word)[-1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _sealed_and_unsealed(platform: ScratchPlatform, namespace: str) -> tuple[set[str], set[str]]:
    """Send events of which the first are sealed; return the names of both parts."""
    sealed = send(platform, namespace, 300)
    platform.wait_until(lambda: _parquet_files(platform), "the first events are sealed")
    _wait_until_sealed(platform)
    return sealed, send(platform, namespace, 200)


def _sealed_file(platform: ScratchPlatform, namespace: str) -> tuple[set[str], Path]:
    """Send events that are sealed into a separate file; return their names and the file."""
    before = _parquet_files(platform)
    names = send(platform, namespace, 300)
    _wait_until_sealed(platform)
    [file] = [path for path in _parquet_files(platform) - before if path.parent.name.startswith("events_")]
    return names, file


def _partial(platform: ScratchPlatform) -> object:
    """Return what `partial` says in a page of all events."""
    headers = {"Authorization": f"Bearer {platform.keys['read']}"}

    def get(path: str) -> Any:
        return urllib3.request("GET", f"{platform.url}/v0{path}", headers=headers, retries=False, timeout=60).json()

    [project] = get("/projects")["elements"]
    headers["X-Eventline-Project-Id"] = project["id"]
    dataset = get("/datasets/name/logs")
    return get(f"/datasets/id/{dataset['id']}/events?search=nothing-has-this").get("partial")


def _wait_until_sealed(platform: ScratchPlatform) -> None:
    """Wait until no journal file has events."""
    journal = platform.home / "journal"
    platform.wait_until(lambda: not list(journal.glob("*.journal")), "everything is sealed", 60)


def _parquet_files(platform: ScratchPlatform) -> set[Path]:
    return set((platform.home / "lake").rglob("*.parquet"))


def _new_files(platform: ScratchPlatform) -> list[str]:
    """Return the paths of files that the catalog doesn't know. `adopt --all` skips those of the last hour."""
    listed = json.loads(platform.manage("lake", "verify", "--json", check=False).stdout)
    return [row["path"] for row in listed if row["state"] in ("new", "unknown")]


def _parquet_names(platform: ScratchPlatform) -> set[str]:
    """Return the names of all Parquet files in the home, wherever they were moved."""
    return {path.name for path in platform.home.rglob("*.parquet")}


def _restore(platform: ScratchPlatform, dump: Path) -> None:
    """Replace the database with a dump, as in docs/operations.md, and start again."""
    server = platform.database_url.replace("/eventlane?", "/postgres?")
    for statement in ("DROP DATABASE eventlane WITH (FORCE)", "CREATE DATABASE eventlane"):
        _run("psql", server, "-c", statement)
    _run("pg_restore", "-d", platform.database_url, str(dump))
    platform.stop()
    platform.start()


def _run(program: str, *words: str) -> None:
    """Run a program of PostgreSQL's."""
    done = subprocess.run([installed_binaries() / program, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise DidNotHappen(f"{program} failed: {done.stderr.strip()}")


def _flip(file: Path, offset: int) -> None:
    """Change a byte of a file."""
    with file.open("r+b") as data:
        data.seek(offset)
        byte = data.read(1)
        data.seek(offset)
        data.write(bytes([byte[0] ^ 0xFF]))


def _expect_doctor_names(platform: ScratchPlatform, name: str) -> None:
    done = platform.manage("doctor", check=False)
    if name not in done.stdout:
        raise DidNotHappen(f"doctor doesn't name {name}:\n{done.stdout}")


@contextmanager
def _held_open(platform: ScratchPlatform, text: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=30) as connection:
        connection.sendall(text.encode())
        yield connection


def _seconds_of_an_answer(platform: ScratchPlatform) -> float:
    begin = time.monotonic()
    urllib3.request("GET", f"{platform.url}/v0/status", retries=False, timeout=10)
    return time.monotonic() - begin
