"""Runs a published client in a process of its own: against a server, and against four that refuse everything.

Each program is called with the addresses, and sends the events `FIRST`, `SECOND` and `LAST` to each of them. It
writes a line of JSON for each complaint of the client, [number of the address, text], and may write
[number of the address, null] when it is done with one.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.clients.refusals import Refuser, refusers
from tests.waiting import wait_until

FIRST, SECOND, LAST = b"cart-created", b"cart-paid", b"cart-sent"
TEXTS = [text.decode() for text in (FIRST, SECOND, LAST)]
MANY = 3  # requests after which a client counts as one that tries on and on
PATIENCE = 120.0  # seconds; on a quiet machine, the longest takes 12


@dataclass(frozen=True)
class Outcome:
    """What a client did.

    complaints   what it said about the server that works
    tries        status → how many requests held the first event, at most MANY
    """

    complaints: list[str]
    tries: dict[int, int]


def run_program(words: list[str], url: str, environment: dict[str, str], folder: Path) -> Outcome:
    """Run a client until it ends, or until it is done or has tried often enough everywhere."""
    with refusers() as servers, TemporaryDirectory() as scratch:
        output = Path(scratch, "output")
        with output.open("wb") as stream:
            addresses = [url, *(server.url for server in servers)]
            options = {"cwd": folder, "env": os.environ | environment, "stdout": stream, "stderr": subprocess.STDOUT}
            process = subprocess.Popen([*words, *addresses], **options)
        try:
            wait_until(lambda: process.poll() is not None or _has_seen_enough(output, servers), PATIENCE)
        finally:
            process.kill()
            process.wait()
        return _outcome(output, servers)


def _said(output: Path) -> list[Any]:
    """Return what was written so far, line by line; a line that isn't JSON counts for the server that works."""
    lines = [line for line in output.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) if line.startswith("[") else [0, line] for line in lines]


def _has_seen_enough(output: Path, servers: list[Refuser]) -> bool:
    done = {number for number, text in _said(output) if text is None}
    return 0 in done and all(
        number in done or server.tries(FIRST) >= MANY for number, server in enumerate(servers, start=1)
    )


def _outcome(output: Path, servers: list[Refuser]) -> Outcome:
    return Outcome(
        complaints=[text for number, text in _said(output) if number <= 0 and text is not None],
        tries=tries_of(servers),
    )


def tries_of(servers: list[Refuser]) -> dict[int, int]:
    """Return for each status how many requests held the first event, at most MANY."""
    return {server.status: min(server.tries(FIRST), MANY) for server in servers}
