"""A trigger made of a question: it can be deployed, and finds what Explore found."""

import json

import pytest
from django.test import Client

from events.console.explore.question import Question
from events.console.explore.trigger import make_trigger, read_filters
from pipelines.resources.filters import compile_filters, filter_problems
from pipelines.resources.yaml_text import read_yaml
from tests.events.console.explore.test_page import PATH, text_of
from tests.events.lake.conftest import Node


@pytest.mark.parametrize(
    ("q", "finds", "leaves"),
    [
        ("level:error", '{"level":"ERR"}', '{"level":"info"}'),
        ("service:web", '{"service":"web"}', '{"service":"webs"}'),
        ("-service:web", '{"service":"api"}', '{"service":"web"}'),
        ("http.status:500", '{"http":{"status":500}}', '{"http":{"status":404}}'),
        ("ok:true", '{"ok":true}', '{"ok":false}'),
        ("message:*reset.*", '{"message":"a reset. b"}', '{"message":"a resets b"}'),
        ("message:pre*", '{"message":"prefix"}', '{"message":"a prefix"}'),
        ("message:/^a+$/", '{"message":"aaa"}', '{"message":"b"}'),
        ("-message:*x*", '{"message":"a"}', '{"message":"x"}'),
        ("service:(api OR web)", '{"service":"web"}', '{"service":"we"}'),
        ("-level:(error OR debug)", '{"level":"info"}', '{"level":"dbg"}'),
        ('"odd key":"a b"', '{"odd key":"a b"}', '{"odd key":"a"}'),
        ("trace_id:*", '{"trace_id":"t"}', '{"trace_id":null}'),
        ("level:error user.plan:free", '{"level":"error","user":{"plan":"free"}}', '{"level":"error"}'),
    ],
)
def test_trigger_finds_what_the_question_finds(q: str, finds: str, leaves: str) -> None:
    filters, left_out = read_filters(q)
    assert not left_out and not any(filter_problems(one, "") for one in filters)
    matches = compile_filters(filters)
    assert matches(json.loads(finds)) and not matches(json.loads(leaves))


@pytest.mark.parametrize(
    ("q", "reason"),
    [
        ("timeout", "the whole event"), ("-timeout", "the whole event"), ("/re/", "the whole event"),
        ("http.status>=500", "larger"), ("-trace_id:*", "need something"), ("namespace:shop", "not the namespace"),
        ("received_time:2026-01-05", "not the received time"), ("level:error OR service:web", "a trigger of each"),
        ("status:(500 OR 503)", "only if they are texts"), ("-(a:b c:d)", "not all of several"),
    ],
)  # fmt: skip
def test_condition_that_no_trigger_can_say_is_left_out_with_the_reason(q: str, reason: str) -> None:
    filters, [left_out] = read_filters(q)
    assert left_out.term == q and reason in left_out.reason and not filters


def test_page_shows_the_yaml_and_what_it_does_without(node: Node, alice: Client) -> None:
    node.write('{"level":"error"}')
    address = f"trigger/?dataset={node.dataset.pk}&from=1h&q=level:error+%3Cb%3E"
    response = alice.get(PATH + address)
    trigger = response.context["trigger"]
    assert [one.term for one in trigger.left_out] == ["<b>"] and "<b>" not in response.content.decode()
    [spec] = read_yaml(trigger.yaml)
    filters, _ = read_filters("level:error")
    data = {"connector": "dataset", "event": node.dataset.name, "filters": filters, "pipelines": ["my-pipeline"]}
    assert spec == {"type": "trigger", "version": 1, "name": f"on-{node.dataset.name}-level-error-b", "data": data}
    assert "connector: dataset" in text_of(response)
    everything = make_trigger(node.dataset, Question(node.dataset.pk, "timeout"))
    assert "filters:" not in everything.yaml and any("every event" in note for note in everything.notes)
    wrong = alice.get(f"{PATH}trigger/?dataset={node.dataset.pk}&from=1h&q=a+%29")
    assert wrong.status_code == 302 and "at character" in text_of(alice.get(wrong["Location"]))
    assert "Make a trigger" in text_of(alice.get(f"{PATH}?dataset={node.dataset.pk}&from=1h&q=a"))
    assert alice.get(f"{PATH}trigger/?dataset={'0' * 27}&q=a").status_code == 404
