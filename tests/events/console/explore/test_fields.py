"""The fields of events beside what Explore shows, and the links that lead into Explore."""

from datetime import timedelta
from typing import Any

from django.test import Client

from events.console.explore.question import explore_address
from events.models import Namespace
from tests.console import logged_in
from tests.events.console.explore.test_page import PATH, ask, messages, opened, text_of
from tests.events.lake.conftest import Node
from tests.factories import make_house


def fields(client: Client, node: Node, **parameters: str) -> dict[str, Any]:
    response = client.get(ask(client, node, **parameters).context["fields_address"])
    assert response.status_code == 200
    return {row.path: row for row in response.context["rows"]}


def test_field_leads_to_events_with_a_value_without_it_and_to_groups(node: Node, alice: Client) -> None:
    node.write('{"user":{"plan":"pro"},"message":"a"}', '{"user":{"plan":"free x"},"message":"b"}')
    node.seal()
    node.write('{"user":{"plan":"free x"},"message":"c"}', '{"message":"d","level":"error"}')
    found = fields(alice, node, q="-level:error")
    assert "level" not in found
    plan = found["user.plan"]
    assert (plan.types, plan.share, plan.distinct) == ("text", "100 %", "2")
    assert [(value.text, value.count, value.percent) for value in plan.values] == [
        ("free x", "2", 66.7),
        ("pro", "1", 33.3),
    ]
    assert messages(alice.get(PATH + plan.values[0].with_address)) == ["c", "b"]
    assert messages(alice.get(PATH + plan.values[0].without_address)) == ["a"]
    assert messages(alice.get(PATH + plan.exists_address)) == ["c", "b", "a"]
    groups = alice.get(PATH + plan.group_address).context["groups"]
    assert [row.groups[0].text for row in groups] == ["free x", "pro"]


def test_fields_of_others_and_of_a_wrong_question(node: Node, alice: Client) -> None:
    node.write('{"<i>":1}')
    address = ask(alice, node).context["fields_address"]
    assert "&lt;i&gt;" in alice.get(address).content.decode()
    assert logged_in(make_house("umbrella", "charlie").admin).get(address).status_code == 404
    assert "Invalid search" in text_of(alice.get(f"{address}&q=%28"))


def test_event_leads_to_its_surroundings_its_trace_and_its_request(node: Node, alice: Client) -> None:
    node.write('{"message":"long before"}', age=timedelta(minutes=9))
    node.write('{"message":"just before","traceId":"t1"}', age=timedelta(seconds=30))
    node.write('{"message":"it","traceId":"t1","requestId":"r 1"}')
    node.write('{"message":"elsewhere"}', namespace="db")
    [line] = ask(alice, node, q="message:it").context["lines"]
    addresses = dict(opened(alice, line).context)
    assert messages(alice.get(addresses["Events around it"])) == ["it", "just before"]
    assert messages(alice.get(addresses["Same trace"])) == ["it", "just before"]
    assert messages(alice.get(addresses["Same request"])) == ["it"]


def test_console_leads_into_explore(node: Node, alice: Client) -> None:
    node.write('{"message":"from web"}')
    dataset = node.dataset
    for page in ("/console/", "/console/events/dataset/"):
        assert f'href="{explore_address(dataset.pk)}"' in text_of(alice.get(page))
    button = alice.get(f"/console/events/dataset/{dataset.pk}/explore/")
    assert (button.status_code, button["Location"]) == (302, explore_address(dataset.pk))
    Namespace.objects.get_or_create(dataset=dataset, name="web")
    of_namespace = explore_address(dataset.pk, q="namespace:web")
    assert f'href="{of_namespace}"' in text_of(alice.get("/console/events/namespace/"))
    assert messages(alice.get(of_namespace)) == ["from web"]
