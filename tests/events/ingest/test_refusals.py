"""Refused requests are counted by key, dataset, reason and hour, with an example that holds no key."""

import gzip
import json

import pytest
from django.utils import timezone

from events.ingest import refusals
from events.ingest.refusals import MOST_ROWS, OTHER, Kind, Refusals
from events.models import RefusedCount
from tests.events.ingest.conftest import Entrance


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    """Return what counts refusals in this test; the directory's thread doesn't know it."""
    noted = Refusals(MOST_ROWS)
    monkeypatch.setattr(refusals, "refusals", noted)
    return noted


def counted(noted: Refusals) -> dict[str, tuple[int, int, str, bool, str]]:
    """Return status, requests, dataset, whether the key is known, and the example, by reason."""
    noted.write()
    rows = RefusedCount.objects.order_by("pk")
    return {row.reason: (row.status, row.requests, row.dataset, bool(row.key_id), row.example) for row in rows}


def test_each_refusal_is_counted_with_its_reason_and_the_newest_example(entrance: Entrance, noted: Refusals) -> None:
    for number in range(3):
        assert entrance.post("/v1/acme-logs/web", b'{"n": %d' % number).status == 400
    assert entrance.post("/v1/acme-logs/web", [{"a": 1}, 5, {"b": 2}]).status == 400
    assert entrance.post("/v1/nothing/web", [{}]).status == 400
    assert entrance.post("/v1/acme-logs/web", [{}], x_api_key="unknown").status == 401
    assert entrance.post("/v1/acme-logs/web", [{}]).status == 202
    found = counted(noted)
    [whole] = [reason for reason in found if found[reason][1] == 3]
    assert found.pop(whole) == (400, 3, "acme-logs", True, '{"n": 2')
    [some] = [reason for reason in found if found[reason][4] == "5"]
    assert found.pop(some) == (400, 1, "acme-logs", True, "5")
    assert found.pop("the API key is missing, unknown, or may not ingest") == (401, 1, "", False, "")
    [(path, row)] = found.items()
    assert "nothing" in path and row[:4] == (400, 1, "nothing", True)
    entrance.post("/v1/acme-logs/web", b'{"n": 9')
    assert counted(noted)[whole] == (400, 4, "acme-logs", True, '{"n": 9')


def test_other_protocols_are_counted_too(entrance: Entrance, noted: Refusals) -> None:
    assert entrance.post("/loki/api/v1/push", b"{", content_type="application/json").status == 400
    bulk = b'{"index": {"_index": "acme-logs"}}\n5\n'
    assert entrance.post("/_bulk", bulk, content_type="application/x-ndjson").json()["errors"]
    rows = counted(noted)
    assert sorted((row[0], row[3], row[4]) for row in rows.values()) == [(400, True, "5"), (400, True, "{")]


def test_examples_are_short_and_hold_no_key(entrance: Entrance, noted: Refusals) -> None:
    body = json.dumps({"key": entrance.key, "x": "y" * 5000})[:-1].encode()
    entrance.post("/v1/acme-logs/web", body)
    [example] = [row[4] for row in counted(noted).values()]
    assert len(example) == 1024 and example.startswith('{"key": "***", "x": "yyy') and entrance.key not in example
    entrance.post("/v1/acme-logs/web", b'{"\0": \xff')
    entrance.post("/v1/acme-logs/web", gzip.compress(body), content_encoding="gzip")
    assert all("\0" not in row[4] and entrance.key not in row[4] for row in counted(noted).values())


def test_no_part_of_a_key_is_in_an_example_wherever_it_stands() -> None:
    secret = "evl_" + "".join(chr(97 + n % 26) for n in range(40))
    bodies = [secret + "-" * gap + secret + "-" * 9 for gap in range(900, 1100)]
    bodies += ["-" * before + secret * 500 for before in range(60)]
    bodies += ["-" * before + secret for before in range(900, 1100)]
    bodies.append("x" + secret[:30])  # cut by whoever sent it
    for body in bodies:
        example = refusals._example(body.encode(), secret)
        assert secret[:5] not in example and len(example) <= 1024, body
    assert refusals._example(b'{"a": tru e', secret) == '{"a": tru e'


def test_rows_of_an_hour_are_bounded() -> None:
    few, hour = Refusals(3), timezone.now()
    for number in range(10):
        few.note(Kind(hour, "key", None, "logs", 400, f"reason {chr(97 + number)}"), "")
    assert dict(few._counts)[Kind(hour, "key", None, "", 400, OTHER)] == 7 and len(few._counts) == 4
