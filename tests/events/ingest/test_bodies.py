"""Bodies of the Events API that aren't arrays, and the reply that some senders need."""

import gzip
import json

import pytest
from django.core.management import call_command

from projects.models import ApiKey
from tests.events.ingest.conftest import Entrance

LINES = b"".join(b'{"n":%d}\n' % n for n in range(20_000))  # too long to be split in the event loop


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"n":1}', [{"n": 1}]),
        (b'{"n":1}\n{"n":2}\n', [{"n": 1}, {"n": 2}]),
        (b'{"n":1}{"n":2}', [{"n": 1}, {"n": 2}]),
        (b'{"logs":[{"n":1},{"n":2}]}', [{"n": 1}, {"n": 2}]),
        (LINES, [{"n": n} for n in range(20_000)]),
    ],
)
def test_objects_are_accepted_like_an_array(entrance: Entrance, body: bytes, events: list[object]) -> None:
    for sent, headers in ((body, {}), (gzip.compress(body), {"content_encoding": "gzip"})):
        answer = entrance.post("/v1/acme-logs/web", sent, content_type="application/x-ndjson", **headers)
        assert (answer.status, answer.body) == (202, b'{"message": "Request Accepted"}')
    assert entrance.events() == events * 2


def test_damaged_line_is_listed_and_the_others_are_stored(entrance: Entrance) -> None:
    answer = entrance.post("/v1/acme-logs/web", b'{"n":1}\n{"n":\n{"n":3}')
    reply = answer.json()
    assert (answer.status, reply["message"], reply["invalid"]) == (400, "Bad Request", ['{"n":'])
    assert reply["errors"][0]["index"] == 1
    assert entrance.events() == [{"n": 1}, {"n": 3}]


def test_key_may_ask_for_200(entrance: Entrance, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["winston", "--rights", "ingest", "--project", "acme-project", "--account", "alice@example.com"]
    call_command("create_api_key", *words, "--answer-200")
    key = capsys.readouterr().out.strip()
    answer = entrance.post("/v1/acme-logs/web", {"n": 1}, x_api_key=key)
    assert (answer.status, answer.body) == (200, b'{"message": "Request Accepted"}')
    assert entrance.post("/v1/acme-logs/web", b'[{"n":}]', x_api_key=key).status == 400
    assert [json.dumps(event) for event in entrance.events()] == ['{"n": 1}']
    assert ApiKey.objects.get(name="winston").answer_200
