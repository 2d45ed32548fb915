"""The header Idempotency-Key: a request is stored once under it."""

import pytest

from events.models import Dataset
from projects.api_keys import issue_api_key
from tests.events.ingest.conftest import Entrance


def tokens(entrance: Entrance) -> list[bytes]:
    return [batch.token for batch in entrance.batches()]


@pytest.mark.quick
def test_same_key_makes_the_same_token_and_nothing_else_does(entrance: Entrance) -> None:
    Dataset.objects.create(project=entrance.house.project, name="other")
    _, other_key = issue_api_key(
        account=entrance.house.admin, name="other", rights=["ingest"], project=entrance.house.project
    )
    for path, key, name in [
        ("/v1/acme-logs/web", entrance.key, "a"),
        ("/v1/acme-logs/api", entrance.key, " a "),
        ("/v1/acme-logs/web", entrance.key, "b"),
        ("/v1/other/web", entrance.key, "a"),
        ("/v1/acme-logs/web", other_key, "a"),
        ("/v1/acme-logs/web", entrance.key, "~" * 255),
    ]:
        assert entrance.post(path, [{"n": 1}], x_api_key=key, idempotency_key=name).status == 202
    first, again, *others = tokens(entrance)
    assert first == again and len({first, *others}) == 5 and {len(token) for token in others} == {16}


def test_without_the_header_there_is_no_token(entrance: Entrance) -> None:
    entrance.post("/v1/acme-logs/web", [{}])
    assert tokens(entrance) == [b""]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * 256, "is longer than 255 characters"),
        ("größe", "may hold printable ASCII only"),
        ("a\x7f", "may hold printable ASCII only"),
    ],
)
def test_bad_key_is_refused(entrance: Entrance, name: str, reason: str) -> None:
    answer = entrance.post("/v1/acme-logs/web", [{}], idempotency_key=name)
    assert (answer.status, answer.json()) == (400, {"message": "Bad Request"})
    assert answer.headers["x-error-reason"] == f"the header Idempotency-Key {reason}"
    assert entrance.batches() == []


def test_second_reply_is_the_first_one(entrance: Entrance) -> None:
    """Also if some events were refused: the others are stored once."""
    answers = [entrance.post("/v1/acme-logs/web", b'[{"n":1},2]', idempotency_key="a") for _ in range(2)]
    assert answers[0].status == 400 and answers[0] == answers[1]
    assert len(set(tokens(entrance))) == 1


def test_other_protocols_take_the_header_too(entrance: Entrance) -> None:
    """Each batch of a request has a token of its own, and its copy has the same."""
    body = {"streams": [{"stream": {"namespace": name}, "values": [["1", "one"], ["2", "two"]]} for name in "ab"]}
    loki = {"content_type": "application/json", "x_dataset": "acme-logs"}
    for _ in range(2):
        answer = entrance.post("/loki/api/v1/push", body, idempotency_key="a", **loki)
        assert answer.status == 204, answer.body
    found = tokens(entrance)
    assert len(found) == 4 and len(set(found)) == 2 and b"" not in found
    answer = entrance.post("/loki/api/v1/push", body, idempotency_key="", **loki)
    assert answer.status == 400 and b"Idempotency-Key is empty" in answer.body


def test_event_is_known_by_its_own_id(entrance: Entrance) -> None:
    """In whatever request it comes again; those without an id are as always."""
    events = [{"id": "a", "n": 1}, {"id": 7, "n": 2}, {"id": None, "n": 3}, {"n": 4}, {"id": {}}, {"id": ""}]
    assert entrance.post("/v1/acme-logs/web", events, x_event_id_field="id").status == 202
    assert entrance.post("/v1/acme-logs/web", [{"id": "b"}, events[0]], x_event_id_field="/id").status == 202
    batches = entrance.batches()
    counts = {batch.token: 0 for batch in batches}
    for batch in batches:
        counts[batch.token] += batch.count
    assert sorted(counts.values()) == [1, 1, 2, 4] and counts[b""] == 4
    named = [batch for batch in batches if batch.token]
    assert [batch.first_id for batch in named] == sorted(batch.first_id for batch in named)
    assert all(int.from_bytes(batch.first_id[:6], "big") == batch.received_us // 1000 for batch in batches)


def test_id_within_an_event_and_the_name_of_the_request(entrance: Entrance) -> None:
    events = [{"meta": {"id": "a"}}, {"meta": 1}, {"meta.id": "a"}]
    for _ in range(2):
        headers = {"x_event_id_field": "meta.id", "idempotency_key": "a"}
        assert entrance.post("/v1/acme-logs/web", events, **headers).status == 202
    found = tokens(entrance)
    assert len(found) == 4 and len(set(found)) == 2 and b"" not in found
    answer = entrance.post("/v1/acme-logs/web", events, x_event_id_field="")
    assert (answer.status, answer.headers["x-error-reason"]) == (400, "the header x-event-id-field is empty")
