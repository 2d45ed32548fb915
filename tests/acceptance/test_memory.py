"""What large bodies take of the web processes' memory, and that they give it back."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.alone

MB = 1_000_000
EVENT = b'{"level":"info","message":"%b"}' % (b"x" * 170)
EVENTS = b"[" + b",".join([EVENT] * (6 * MB // (len(EVENT) + 1))) + b"]"
TAKEN, REFUSED = {202, 503}, {400, 503}
TOO_MANY = b"[" + b",".join([b"[]"] * 2_000_000) + b"]"  # small as text, large as objects


def resident_mb(server) -> float:
    """What the web processes occupy together."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in server.pids_of("eventlane.web")]
    return sum(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) for status in statuses) / 1000


def test_forty_bodies_of_6_mb_at_once_are_bounded_and_their_memory_is_given_back(fresh_server):
    server = fresh_server()
    assert server.post("/v1/logs/memory", [{"n": 1}]).status == 202
    before = resident_mb(server)
    compressed = gzip.compress(EVENTS, 1)
    for body, encoding, statuses in ((EVENTS, "", TAKEN), (compressed, "gzip", TAKEN), (TOO_MANY, "", REFUSED)):
        answers = send_at_once(server, body, encoding)
        assert set(answers) <= statuses and answers.count(503) < 40
        server.wait_until(lambda: resident_mb(server) < before + 120, f"memory is back, {before:.0f} MB before", 20)


def send_at_once(server, body: bytes, encoding: str) -> list[int]:
    """Send the body forty times; return the statuses."""
    with ThreadPoolExecutor(40) as senders:
        answers = [senders.submit(server.post, "/v1/logs/memory", body, content_encoding=encoding) for _ in range(40)]
    return [answer.result().status for answer in answers]
