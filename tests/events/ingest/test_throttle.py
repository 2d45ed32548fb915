"""Requests that aren't taken now: beyond a rate, or while there is no room for their events."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command

from eventlane.free_space import free_bytes
from eventlane.shared_memory import shared_memory
from events.ingest import storage, throttle
from events.ingest.meters import PLACES, Meters
from events.ingest.storage import FreeSpace, Unsealed
from events.models import Dataset, QuarantinedRequest
from projects.api_keys import rotate_api_key
from projects.directory import find_key
from projects.models import ApiKey
from projects.rates import BYTES, REQUESTS, Rate, rates_of
from tests.events.ingest.conftest import Entrance
from tests.events.ingest.test_other_dialects import REQUESTS as OTHER_DIALECTS
from tests.factories import make_house

MIB = 1 << 20
NOW = 1000.0
DIALECTS = OTHER_DIALECTS | {
    "/v1/traces": b'{"resourceSpans":[]}',
    "/_bulk": b'{"create":{"_index":"acme-logs"}}\n{}',
    "/loki/api/v1/push": b"{}",
}


@pytest.fixture
def meters(monkeypatch: pytest.MonkeyPatch) -> Meters:
    """Meters that allow one second's worth at once, in which time stands still."""
    made = Meters(1.0, shared_memory())
    monkeypatch.setattr(throttle, "meters", made)
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: NOW))
    return made


def used(meters: Meters) -> float:
    """Return until when the last sender in use has paid, from now on."""
    return max(meters._times) - NOW


@pytest.fixture
def slow(entrance: Entrance, meters: Meters) -> Entrance:
    """An entrance whose key may send one request a second, and has sent one."""
    ApiKey.objects.filter(name="sender").update(requests_per_second=1)
    assert entrance.post("/v1/acme-logs/web", [{"n": 1}]).status == 202
    return entrance


def test_key_beyond_its_requests_is_told_when_to_come_back(slow: Entrance) -> None:
    answer = slow.post("/v1/acme-logs/web", [{"n": 2}])
    assert (answer.status, answer.body) == (429, b'{"message": "Too Many Requests"}')
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit-policy"] == '"key-requests";q=1;w=1'
    assert answer.headers["ratelimit"] == f'"key-requests";r=0;t={answer.headers["retry-after"]}'
    assert answer.headers["x-error-reason"] == "more than the 1 requests a second that this key may send"
    assert "connection" not in answer.headers  # it stays open: the sender comes back
    assert slow.post("/v1/acme-logs/web", [{}], x_api_key="evl_wrong").status == 401
    assert slow.events() == [{"n": 1}]


def test_refusals_of_dialects_are_worded_by_each(slow: Entrance) -> None:
    Dataset.objects.create(project=slow.house.project, name="logs")
    found: dict[str, Any] = {}
    for path, body in DIALECTS.items():
        answer = slow.post(path.replace("KEY", slow.key), body.replace(b"KEY", slow.key.encode()))
        assert (path, answer.status, "ratelimit" in answer.headers) == (path, 429, True)
        found[path] = answer
    assert found["/_bulk"].body == b"more than the 1 requests a second that this key may send"
    assert found["/v1/traces"].json()["code"] == 8
    assert found["/services/collector"].json() == {"text": "Server is busy", "code": 9}
    assert found["/v1/ingest/acme-logs"].headers["x-ratelimit-remaining"] == "0"
    assert found["/loki/api/v1/push"].body == b"more than the 1 requests a second that this key may send\n"
    assert slow.events() == [{"n": 1}]


def test_bytes_of_a_body_count_with_and_without_a_length(entrance: Entrance, meters: Meters) -> None:
    ApiKey.objects.filter(name="sender").update(bytes_per_second=1)
    for headers in ({}, {"transfer_encoding": "chunked"}):
        meters._times[:] = memoryview(bytes(meters._times.nbytes)).cast("d")
        assert entrance.post("/v1/acme-logs/web", [{"pad": "x" * 1000}], **headers).status == 202
        answer = entrance.post("/v1/acme-logs/web", [{}], **headers)
        assert answer.status == 429
        assert answer.headers["ratelimit-policy"] == '"key-bytes";q=1;qu="content-bytes";w=1'
        assert answer.headers["retry-after"] == str(len(b'[{"pad":""}]') + 1000 - 1)


@pytest.mark.parametrize("path", ["/v1/acme-logs/web", "/services/collector"])
def test_length_beyond_the_limit_costs_no_bytes(entrance: Entrance, meters: Meters, path: str) -> None:
    ApiKey.objects.filter(name="sender").update(bytes_per_second=1)
    answer = entrance.post(path, b"[{}]", content_length=str(10**16))
    assert b"larger than" in answer.body + answer.headers.get("x-error-reason", "").encode()
    assert entrance.post("/v1/acme-logs/web", [{}]).status == 202


def test_array_on_a_path_of_two_protocols_counts_once(entrance: Entrance, meters: Meters) -> None:
    Dataset.objects.create(project=entrance.house.project, name="logs")
    ApiKey.objects.filter(name="sender").update(requests_per_second=1)
    assert entrance.post("/v1/logs", [{"n": 1}], x_namespace="web").status == 202
    assert used(meters) == 1


@pytest.mark.parametrize("quarantine_after", [None, 9])
def test_requests_with_a_wrong_path_count_too(entrance: Entrance, meters: Meters, quarantine_after: int | None) -> None:
    paths = ("/v1/nowhere/web", "/v1/acme-logs", "/v9/acme-logs/web", "/v1/acme-logs/web/a/b")
    limits = {"requests_per_second": len(paths), "bytes_per_second": 100}
    ApiKey.objects.filter(name="sender").update(quarantine_after=quarantine_after, **limits)
    for path in paths:
        assert entrance.post(path, [{}]).status == 400
    assert max(meters._times) == NOW + 1
    for path in (paths[0], "/v1/acme-logs/web"):
        answer = entrance.post(path, [{}])
        assert (answer.status, answer.headers["ratelimit-policy"]) == (429, '"key-requests";q=4;w=1')


def test_limits_are_the_keys_own_or_those_of_the_settings(db: None, settings: Any) -> None:
    acme = make_house("acme", "alice")
    key = acme.api_key
    assert rates_of(key) == ()
    settings.EVENTLANE_KEY_REQUESTS_PER_SECOND, settings.EVENTLANE_PROJECT_BYTES_PER_SECOND = 7, 9
    of_project = Rate("project-bytes", acme.project.pk, BYTES, 9)
    assert rates_of(key) == (Rate("key-requests", key.pk, REQUESTS, 7), of_project)
    key.requests_per_second = 0
    assert rates_of(key) == (of_project,)


def test_limits_are_given_with_the_key_and_kept_by_its_successor(
    entrance: Entrance, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["shop", "--rights", "ingest", "--project", "acme-project", "--account", "alice@example.com"]
    call_command("create_api_key", *words, "--requests-per-second", "5", "--bytes-per-second", "6")
    known = find_key(capsys.readouterr().out.strip())
    assert known is not None and [rate.per_second for rate in known.rates] == [5, 6]
    key = ApiKey.objects.get(name="shop")
    successor, _ = rotate_api_key(api_key=key, now=key.creation_time)
    assert (successor.requests_per_second, successor.bytes_per_second) == (5, 6)


def test_sender_has_a_burst_then_its_rate_and_a_large_body_is_paid_off() -> None:
    rates = Rate("key-requests", "k", REQUESTS, 4), Rate("key-bytes", "k", BYTES, 512)
    meters = Meters(2.0, shared_memory())
    for number in range(8):
        assert meters.worst(rates, 100.0)[0] < 0, number
        meters.count(rates, 1, 1, 100.0)
    assert meters.worst(rates, 100.0) == (0.0, rates[0])
    assert meters.worst(rates, 100.125)[0] < 0
    assert meters.worst((Rate("key-requests", "other", REQUESTS, 10),), 100.0)[0] < 0
    meters.count(rates, 0, 100_000, 100.125)
    waiting, rate = meters.worst(rates, 101.0)
    assert (waiting, rate) == (192.4375, rates[1])


def test_processes_count_together() -> None:
    memory, rates = shared_memory(), (Rate("key-requests", "k", REQUESTS, 1),)
    one, other = Meters(2.0, memory), Meters(2.0, memory)
    for meters in (one, other):
        assert meters.worst(rates, 100.0)[0] < 0
        meters.count(rates, 1, 1, 100.0)
    assert {meters.worst(rates, 100.0)[0] for meters in (one, other)} == {0.0}


def test_new_sender_takes_the_place_of_the_one_that_owes_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.ingest.meters.BUCKETS", 1)
    monkeypatch.setattr("events.ingest.meters._named", lambda sender, policy: (sender.encode().ljust(16), 0))
    meters = Meters(1.0, shared_memory())
    rates = [Rate("key-requests", str(number), REQUESTS, 1) for number in range(PLACES + 1)]
    for number, rate in enumerate(rates[:PLACES]):
        meters.count((rate,), 20 - number, 0, 100.0)
    meters.count((rates[PLACES],), 100, 0, 100.0)
    owed = [meters.worst((rate,), 100.0)[0] for rate in rates[: PLACES - 1]]
    assert owed == [19.0 - number for number in range(PLACES - 1)]
    assert meters.worst((rates[PLACES],), 100.0)[0] == 99.0


def test_nothing_is_taken_from_a_disk_that_is_nearly_full(entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    [_, reason], unsealed = storage.stocks
    full = FreeSpace([entrance.journal], free_bytes(entrance.journal) + (1 << 40))
    monkeypatch.setattr(storage, "stocks", ((full, reason), unsealed))
    answer = entrance.post("/v1/acme-logs/web", [{}])
    assert (answer.status, answer.body) == (503, b'{"message": "Service Unavailable"}')
    assert (answer.headers["retry-after"], answer.headers["x-error-reason"]) == ("5", reason)
    for path, body in DIALECTS.items():
        answer = entrance.post(path.replace("KEY", entrance.key), body.replace(b"KEY", entrance.key.encode()))
        assert (path, answer.status, answer.headers["retry-after"]) == (path, 503, "5")
    assert entrance.batches() == []


def test_no_body_with_a_wrong_path_goes_into_quarantine_without_room(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ApiKey.objects.filter(name="sender").update(quarantine_after=1)
    [_, reason], unsealed = storage.stocks
    full = FreeSpace([entrance.journal], free_bytes(entrance.journal) + (1 << 40))
    monkeypatch.setattr(storage, "stocks", ((full, reason), unsealed))
    answer = entrance.post("/v1/nowhere/web", [{}])
    assert (answer.status, answer.headers["x-error-reason"]) == (503, reason)
    assert not QuarantinedRequest.objects.exists()


def test_nothing_is_taken_while_too_much_waits_to_be_sealed(
    entrance: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, [_, reason] = storage.stocks
    assert entrance.post("/v1/acme-logs/web", [{"pad": "x" * 1000}] * 1100).status == 202
    for most, status in ((MIB, 503), (2 * MIB, 202), (0, 202)):
        monkeypatch.setattr(storage, "stocks", (free, (Unsealed(entrance.journal, most), reason)))
        assert entrance.post("/v1/acme-logs/web", [{}]).status == status, most
    shortage = Unsealed(entrance.journal, MIB).shortage()
    assert shortage == f"{entrance.journal} holds 1 MiB unsealed, more than EVENTLANE_MAX_BACKLOG_MB=1"
