"""Loki's push API, as JSON and as protobuf within Snappy."""

import gzip
from collections.abc import Callable
from typing import Any

import pyarrow
import pytest

from events.ingest.dialects.loki_protobuf import Push, labels_of
from events.models import Dataset
from tests.events.ingest.conftest import Answer, Entrance

PUSH = "/loki/api/v1/push"
START = 1_795_000_000_123_456_789
LABELS = {"app": "shop", "severity": "warn", "namespace": "eu", "path": 'a"b\\c,d="e"'}
WRITTEN = r'{app="shop", severity="warn", namespace="eu", path="a\"b\\c,d=\"e\""}'


@pytest.fixture(autouse=True)
def logs(entrance: Entrance) -> Dataset:
    """The dataset that lines go to."""
    return Dataset.objects.create(project=entrance.house.project, name="logs")


def post_json(entrance: Entrance, *lines: tuple[int, str, dict[str, str]], **headers: str) -> Answer:
    values = [[str(time), text, metadata] if metadata else [str(time), text] for time, text, metadata in lines]
    body = {"streams": [{"stream": LABELS, "values": values}]}
    return entrance.post(PUSH, body, content_type="application/json; charset=utf-8", **headers)


def post_protobuf(entrance: Entrance, *lines: tuple[int, str, dict[str, str]], **headers: str) -> Answer:
    entries = [
        {
            "timestamp": {"seconds": time // 10**9, "nanos": time % 10**9},
            "line": text,
            "metadata": [{"name": name, "value": value} for name, value in metadata.items()],
        }
        for time, text, metadata in lines
    ]
    message = Push(streams=[{"labels": WRITTEN, "entries": entries}]).SerializeToString()
    body = pyarrow.Codec("snappy").compress(message, asbytes=True)
    return entrance.post(PUSH, body, content_type="application/x-protobuf", **headers)


both = pytest.mark.parametrize("post", [post_json, post_protobuf])


@both
def test_lines_become_events(entrance: Entrance, post: Callable[..., Answer]) -> None:
    answer = post(entrance, (START, "low stock", {"trace": "7"}), (START + 1, '{"a":1}', {}))
    assert (answer.status, answer.body) == (204, b"")
    shared = {"level": "warn", "service": "shop", "labels": LABELS}
    assert entrance.events() == [
        {"timestamp": "2026-11-18T11:06:40.123456789Z", "message": "low stock", **shared, "metadata": {"trace": "7"}},
        {"timestamp": "2026-11-18T11:06:40.123456790Z", "message": '{"a":1}', **shared},
    ]
    post(entrance, (START, "x", {}), x_scope_orgid="tenant")
    post(entrance, (START, "x", {}), x_namespace="own", x_scope_orgid="tenant", x_dataset="acme-logs")
    assert [batch.namespace for batch in entrance.batches()] == ["eu", "tenant", "own"]


@both
def test_line_that_is_too_large_is_refused_and_the_others_are_stored(
    entrance: Entrance, post: Callable[..., Answer]
) -> None:
    answer = post(entrance, (START, "x" * 40_000, {}), (START, "small", {}))
    assert (answer.status, answer.body) == (400, b"1 of 2 lines are not stored: larger than 32768 bytes\n")
    assert [event["message"] for event in entrance.events()] == ["small"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"streams":[{"values":[["1"]]}]}',
        b'{"streams":[{"values":[["soon","x"]]}]}',
        b'{"streams":[{"values":[["' + b"9" * 30 + b'","x"]]}]}',
    ],
)
def test_what_is_no_push_is_refused_whole(entrance: Entrance, body: bytes) -> None:
    assert entrance.post(PUSH, body, content_type="application/json").status == 400
    assert entrance.post(PUSH, body).status == 400
    assert entrance.events() == []


def test_small_block_of_snappy_that_claims_to_be_huge_is_refused(entrance: Entrance) -> None:
    answer = entrance.post(PUSH, b"\xff\xff\xff\xff\x0f" + b"x" * 100, content_type="application/x-protobuf")
    assert (answer.status, b"larger than" in answer.body) == (400, True)


def test_key_dataset_and_disk(entrance: Entrance, failing_journal: Callable[[], None]) -> None:
    assert post_json(entrance, (START, "x", {}), x_api_key="evl_wrong").status == 401
    nowhere = post_json(entrance, (START, "x", {}), x_dataset="nowhere")
    assert (nowhere.status, b"there is no dataset 'nowhere'" in nowhere.body) == (400, True)
    body = gzip.compress(b'{"streams":[]}')
    assert entrance.post(PUSH, body, content_type="application/json", content_encoding="gzip").status == 204
    failing_journal()
    assert post_json(entrance, (START, "x", {})).status == 503


@pytest.mark.parametrize("text", ["{a=1}", '{a="b}', "{a}", '{="x"}', '{a="b" c="d"}'])
def test_labels_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        labels_of(text)


def test_labels() -> None:
    read: dict[str, Any] = {
        '{a="b",c.d="é\\n"}': {"a": "b", "c.d": "é\n"},
        "{}": {},
        "": {},
        r'{a="\x41"}': {"a": r"\x41"},
    }
    assert {text: labels_of(text) for text in read} == read
