"""The door with Django behind it, called in this process as granian would, with a journal of the test's own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventlane.asgi import application
from events.ingest import storage
from events.journal import Batch, JournalWriter, open_files
from projects.api_keys import issue_api_key
from projects.directory import Directory
from tests.factories import House, make_house


@dataclass(frozen=True)
class Answer:
    """A reply. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Entrance:
    """Sends requests of the house's key, and says what was stored."""

    house: House
    key: str
    journal: Path

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request with the headers given: `x_api_key="…"` becomes x-api-key."""
        named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        named.setdefault(b"content-length", str(len(body)).encode())
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 4711),
            "headers": [(b"host", b"localhost"), *named.items()],
        }
        return asyncio.run(_call(scope, body))

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """POST bytes as they are and anything else as JSON, with the key unless another authorization is given."""
        if not {"x_api_key", "authorization"} & headers.keys():
            headers["x_api_key"] = self.key
        return self.send("POST", path, body if isinstance(body, bytes) else msgspec.json.encode(body), **headers)

    def batches(self) -> list[Batch]:
        """Return what is in the journal, in order."""
        found = []
        for file in open_files(self.journal):
            with file:
                found += file.read().batches
        return found

    def events(self) -> list[Any]:
        """Return the events in the journal, in order."""
        return [msgspec.json.decode(text) for batch in self.batches() for text in batch.texts()]


async def _call(scope: dict[str, Any], body: bytes) -> Answer:
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return coming.pop() if coming else await asyncio.get_running_loop().create_future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(message["body"] for message in sent[1:]))


@pytest.fixture
def entrance(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entrance:
    """An organization with the dataset acme-logs, whose key may ingest."""
    house = make_house("acme", "alice")
    _, secret = issue_api_key(account=house.admin, name="sender", rights=["ingest"], project=house.project)
    writer = JournalWriter(tmp_path, "test", 1 << 30, 3600.0)
    monkeypatch.setattr(storage, "journal", writer)
    monkeypatch.setattr(Directory, "_is_away", lambda directory: False)  # its row of this test's database is made anew
    return Entrance(house, secret, tmp_path)


@pytest.fixture
def failing_journal(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the disk refuse everything from the call on: the journal's folder is a file."""

    def fail() -> None:
        blocked = entrance.journal / "blocked"
        blocked.write_text("")
        monkeypatch.setattr(storage, "journal", JournalWriter(blocked, "test", 1 << 30, 3600.0))

    return fail
