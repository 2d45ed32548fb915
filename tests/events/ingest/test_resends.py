"""What is refused again and again goes into quarantine, if its key says so, and lets what is behind it through."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.doctor.lake import requests_in_quarantine
from events.ingest.parse import Limits
from events.ingest.resends import Resends, resends
from events.ingest.retry import StillRefused, retry
from events.models import Dataset, QuarantinedRequest
from projects.api_keys import rotate_api_key
from projects.directory import KnownKey, directory
from projects.models import ApiKey
from tests.events.ingest.conftest import Entrance
from tests.events.ingest.test_other_dialects import REQUESTS

LARGE = {"pad": "x" * 40_000}


@pytest.fixture
def patient(entrance: Entrance) -> Entrance:
    """An entrance whose key lets the same be refused three times."""
    ApiKey.objects.filter(name="sender").update(quarantine_after=3)
    resends._times.clear()
    return entrance


def statuses(entrance: Entrance, *bodies: Any, path: str = "/v1/acme-logs/web", **headers: str) -> list[int]:
    return [entrance.post(path, body, **headers).status for body in bodies]


def larger_events(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("events.ingest.views", "events.ingest.storage"):
        monkeypatch.setattr(f"{place}.limits", Limits(50_000, 100, 1000, 1000))


def test_third_time_is_accepted_and_only_what_was_refused_is_kept(
    patient: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [{"n": 1}, LARGE, {"n": 2}]
    assert statuses(patient, batch, batch, batch) == [400, 400, 202]
    [row] = QuarantinedRequest.objects.all()
    assert (json.loads(bytes(row.body)), row.events, row.reason) == ([LARGE], 1, "larger than 32768 bytes")
    assert (row.project, row.api_key) == (patient.house.project, ApiKey.objects.get(name="sender"))
    assert statuses(patient, batch) == [400]  # from the beginning
    with pytest.raises(StillRefused, match="larger than 32768 bytes"):
        retry(row)
    larger_events(monkeypatch)
    assert retry(row) == 1 and not QuarantinedRequest.objects.exists()
    last = patient.batches()[-1]
    assert (patient.events()[-1], last.dataset_id, last.namespace) == (LARGE, patient.house.dataset.pk, "web")


def test_batch_that_grows_and_comes_compressed_is_the_same(patient: Entrance) -> None:
    batches = [[{"n": n} for n in range(count)] + [LARGE, {"n": count}] * count for count in (1, 2, 3)]
    bodies = [gzip.compress(json.dumps(batch).encode()) for batch in batches]
    assert statuses(patient, *bodies, content_encoding="gzip") == [400, 400, 202]
    assert QuarantinedRequest.objects.get().events == 3


def test_others_that_are_accepted_in_between_change_nothing(patient: Entrance) -> None:
    assert statuses(patient, [LARGE], [{}], [7], [LARGE], [{}], [8], [LARGE]) == [400, 202, 400, 400, 202, 400, 202]


def test_whatever_is_sent_to_a_dataset_that_is_not_there(patient: Entrance) -> None:
    path = "/v1/nowhere/web"
    bodies = [gzip.compress(b'[{"n":%d}]' % n) for n in range(3)]
    assert statuses(patient, *bodies, path=path, content_encoding="gzip") == [400, 400, 202]
    row = QuarantinedRequest.objects.get()
    assert (bytes(row.body), row.path, row.events) == (bodies[2], path, None)
    assert row.headers == {"content-encoding": "gzip"}
    Dataset.objects.create(project=patient.house.project, name="nowhere")
    directory.forget_missing()  # a check of the directory would do it in a moment
    assert retry(row) == 1
    assert patient.events() == [{"n": 2}]
    row.save(force_insert=True)  # as if the process had been killed before the request was taken out
    assert retry(row) == 1
    assert len({batch.token for batch in patient.batches()}) == 1  # copies, of which one counts


def test_body_that_is_no_array_is_known_by_its_beginning(patient: Entrance) -> None:
    bodies = [b'[{"n":1}, {"x' + b"y" * 2000 * n for n in (1, 2, 3)]
    assert statuses(patient, *bodies) == [400, 400, 202]
    assert bytes(QuarantinedRequest.objects.get().body) == bodies[2]
    assert statuses(patient, b"other", b"other", b"nothing") == [400, 400, 400]


def test_without_the_switch_or_without_room_everything_is_refused(patient: Entrance, settings: Any) -> None:
    settings.EVENTLANE_MAX_QUARANTINE_MB = 0
    assert statuses(patient, [LARGE], [LARGE], [LARGE], [LARGE]) == [400] * 4
    settings.EVENTLANE_MAX_QUARANTINE_MB = 1
    assert statuses(patient, [LARGE]) == [202]
    ApiKey.objects.filter(name="sender").update(quarantine_after=None)
    directory._generation += 1  # what a change of a key does within a moment
    assert statuses(patient, *[[LARGE]] * 5) == [400] * 5
    assert QuarantinedRequest.objects.count() == 1


def test_nothing_is_accepted_that_the_database_did_not_take(patient: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(patient, [LARGE], [LARGE]) == [400, 400]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_quarantinedrequest RENAME TO away")
    try:
        assert statuses(patient, [LARGE]) == [400]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO events_quarantinedrequest")
    assert statuses(patient, [LARGE]) == [202]


def test_every_protocol_gets_its_own_success(patient: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    Dataset.objects.create(project=patient.house.project, name="logs")
    large = json.dumps(LARGE).encode()
    requests = {**REQUESTS, "/_bulk": b'{"create":{"_index":"acme-logs"}}\n{}'}
    for path, body in requests.items():
        good = patient.post(path.replace("KEY", patient.key), body.replace(b"KEY", patient.key.encode()))
        bad = body.replace(b"{}", large).replace(b"KEY", patient.key.encode())
        answers = [patient.post(path.replace("KEY", patient.key), bad) for _ in range(3)]
        assert (path, answers[2].status) == (path, good.status)
        assert b"larger than" in answers[1].body and b"larger than" not in answers[2].body, path
    rows = list(QuarantinedRequest.objects.all())
    assert len(rows) == len(requests) and not any(patient.key in str(vars(row)) for row in rows)
    larger_events(monkeypatch)
    stored = len(patient.events())
    assert sum(map(retry, rows)) == len(requests)
    assert len(patient.events()) == stored + len(requests)


def test_body_of_another_protocol_that_is_refused_as_a_whole(patient: Entrance) -> None:
    requests = {
        **dict.fromkeys(REQUESTS, b"nonsense"),
        "/_bulk": b"x\n{}",
        "/loki/api/v1/push": b"x",
        "/otlp/v1/logs": b"x",
    }
    for path, body in requests.items():
        answers = [patient.post(path.replace("KEY", patient.key), body) for _ in range(3)]
        assert (path, answers[0].status in (400, 401)) == (path, True)
        has_key = path != "/batch/"  # the key would have been in the body
        assert (path, answers[2].status < 300) == (path, has_key)
    for row in QuarantinedRequest.objects.all():
        assert row.events is None and b"KEY" not in bytes(row.body) and patient.key not in row.path
        with pytest.raises(StillRefused):
            retry(row)
    assert patient.events() == []


def test_body_with_the_key_in_it_is_never_kept(patient: Entrance) -> None:
    body = {"api_key": patient.key, "batch": "nonsense"}
    assert statuses(patient, *[body] * 4, path="/batch/") == [400] * 4


def test_command_lists_shows_retries_and_drops(patient: Entrance, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(3):
        statuses(patient, *[b'[{"n":%d}' % n] * 3)
        statuses(patient, [{}], path="/v1/nowhere/web")
    kept = {row.events is None: row for row in QuarantinedRequest.objects.all()}
    assert len(QuarantinedRequest.objects.all()) == 4 and kept
    row = QuarantinedRequest.objects.get(path="/v1/nowhere/web")

    def run(*words: str) -> str:
        out = StringIO()
        call_command("quarantine", *words, stdout=out, stderr=StringIO())
        return out.getvalue()

    [(_, warning, *_)] = requests_in_quarantine()
    assert warning.startswith("4 requests in quarantine, the latest because: ")
    assert f"{row.pk}" in run("show", row.pk) and "body: [{}]" in run("show", row.pk)
    with pytest.raises(CommandError, match="1 requests stay in quarantine"):
        run("retry", row.pk)
    Dataset.objects.create(project=patient.house.project, name="nowhere")
    directory.forget_missing()
    assert run("retry", row.pk) == "1 events of 1 requests stored\n"
    others = list(QuarantinedRequest.objects.values_list("pk", flat=True))
    assert run("drop", *others) == "3 requests deleted\n"
    with pytest.raises(CommandError, match="not in quarantine"):
        run("drop", others[0])


@pytest.mark.parametrize("action", ["drop", "retry"])
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--all", "ID"], "give the ids of entries, or --all"),
        ([], "give the ids of entries, or --all"),
        (["--dataset", "acme-logs", "ID"], "--dataset requires --all"),
        (["--all", "--project", "other"], "--project says whose --dataset is meant"),
    ],
)
def test_command_touches_nothing_unless_it_is_clear_what_is_meant(
    patient: Entrance, action: str, words: list[str], problem: str
) -> None:
    statuses(patient, *[[LARGE]] * 3)
    row = QuarantinedRequest.objects.get()
    with pytest.raises(CommandError, match=problem):
        call_command("quarantine", action, *[row.pk if word == "ID" else word for word in words])
    assert QuarantinedRequest.objects.exists()


def test_command_has_one_body_in_memory(patient: Entrance) -> None:
    statuses(patient, *[b'[{"n":1}'] * 3, *[[LARGE]] * 3)
    ids = list(QuarantinedRequest.objects.values_list("pk", flat=True))
    for action, bodies in (("retry", 2), ("drop", 0)):
        with CaptureQueriesContext(connection) as queries, suppress(CommandError):
            call_command("quarantine", action, *ids, stdout=StringIO(), stderr=StringIO())
        reading = [query["sql"] for query in queries if '"body"' in query["sql"]]
        assert len(reading) == bodies and all("FOR UPDATE" in sql for sql in reading)


def test_retry_that_the_disk_refuses_leaves_all_in_quarantine(
    patient: Entrance, failing_journal: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses(patient, *[[LARGE]] * 3, *[[LARGE]] * 3)
    larger_events(monkeypatch)
    failing_journal()
    rows, err = list(QuarantinedRequest.objects.all()), StringIO()
    with pytest.raises(CommandError, match="2 requests stay in quarantine"):
        call_command("quarantine", "retry", *[row.pk for row in rows], stdout=StringIO(), stderr=err)
    assert all(f"left {row.pk}: the events could not be written" in err.getvalue() for row in rows)
    assert QuarantinedRequest.objects.count() == 2


def test_what_splunk_says_in_the_query_is_kept_and_nothing_else_of_it(
    patient: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    Dataset.objects.create(project=patient.house.project, name="logs")
    about = {"host": "h", "source": "/var/a b&c", "sourcetype": "größe", "index": "i"}
    path = "/services/collector/raw?" + urlencode({"token": patient.key, **about})
    with monkeypatch.context() as strict:
        strict.setattr("events.ingest.storage.limits", Limits(50_000, 100, 1, 1000))
        assert statuses(patient, *[b"one\ntwo"] * 3, path=path) == [400, 400, 200]
    row = QuarantinedRequest.objects.get()
    assert row.path.startswith("/services/collector/raw?host=h&") and patient.key not in row.path
    assert retry(row) == 2
    assert patient.events() == [{"message": "one", **about}, {"message": "two", **about}]


def test_event_with_an_id_of_its_own_is_stored_once_also_by_a_retry(
    patient: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    Dataset.objects.create(project=patient.house.project, name="later")
    large = LARGE | {"id": "a"}
    assert statuses(patient, *[[large]] * 3, x_event_id_field="id") == [400, 400, 202]
    assert statuses(patient, *[[large]] * 3, path="/v1/later", x_event_id_field="id") == [400, 400, 202]
    larger_events(monkeypatch)
    Dataset.objects.update(default_namespace="web")
    directory._generation += 1
    for path in ("/v1/acme-logs/web", "/v1/later"):
        assert statuses(patient, [large], path=path, x_event_id_field="id") == [202]
        assert retry(QuarantinedRequest.objects.get(path=path)) == 1
        [first, again] = patient.batches()[-2:]
        assert first.token == again.token != b""


def test_successor_of_a_key_is_as_patient(patient: Entrance) -> None:
    key = ApiKey.objects.get(name="sender")
    assert rotate_api_key(api_key=key, now=key.creation_time)[0].quarantine_after == 3


def test_memory_of_refusals_is_bounded(entrance: Entrance) -> None:
    counted = Resends(10)
    key = KnownKey("k", "p", False, ("ingest",), float("inf"), quarantine_after=2)
    request: Any = type("Request", (), {"path": b"/v1/logs"})
    for number in range(100):
        assert not counted.is_enough(request, key, "not a JSON object", b"%d" % number)
    assert len(counted._times) == 10
    assert counted.is_enough(request, key, "not a JSON object", b"99")
