"""Saved queries in the console: listed with the other resources, and opened in Explore."""

import html
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client
from django.urls import reverse

from events.models import Dataset
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.saving import save_resource
from tests.console import count_queries, logged_in
from tests.factories import House, make_house
from tests.pipelines.resources.samples import query, task
from tests.platform_api import client_of

LIST = "/console/pipelines/resource/"


@pytest.fixture
def house(db: None) -> House:
    house = make_house("acme", "alice")
    Dataset.objects.create(project=house.project, name="logs")
    return house


@pytest.fixture
def alice(house: House) -> Client:
    return logged_in(house.admin)


def saved(house: House, **data: object) -> Resource:
    deploy(house.project, [task(), query(**data)])
    return Resource.objects.get(type="query")


def opened(row: Resource) -> str:
    return reverse("console-explore-saved", args=[row.pk])


def page(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_it_opens_in_explore_from_the_list_and_from_its_page(house: House, alice: Client) -> None:
    row = saved(house, q="level:error -service:web", **{"from": "6h", "to": "now"})
    link = f'href="{opened(row)}">Open in Explore</a>'
    assert link in page(alice, LIST)
    own = page(alice, f"{LIST}{row.pk}/change/")
    assert link in own and "level:error -service:web" in own and "leaves out:" not in own
    assert "While disabled, it can't be run." in own
    assert "Abort queued" not in own and "Started by" not in own

    dataset = Dataset.objects.get(project=house.project, name="logs")
    question = {"dataset": dataset.pk, "q": "level:error -service:web", "from": "6h"}
    question |= {"calculate": "count", "by": "service", "saved": row.pk}
    response = alice.get(opened(row))
    assert (response.status_code, response.url) == (302, f"/console/explore/?{urlencode(question)}")


def test_page_says_what_explore_leaves_out(house: House, alice: Client) -> None:
    filters = [{"path": "n", "op": "like", "value": "a_b"}]
    row = saved(house, datasets=["logs", "audit"], filters=filters, time="received", granularity="1m", limit=5)
    note = "Explore leaves out: filters, dataset audit."
    assert note in page(alice, f"{LIST}{row.pk}/change/")


def test_filters_are_added_to_the_search(house: House, alice: Client) -> None:
    filters = [{"path": "n", "op": "not_in", "value": [1, "a b"]}, {"path": "level", "op": "exists"}]
    row = saved(house, q="level:error OR x", filters=filters)
    asked = dict(parse_qsl(alice.get(opened(row)).url.partition("?")[2]))
    assert asked["q"] == '(level:error OR x) -(n:1 OR n:"a b") level:*'
    assert "leaves out" not in page(alice, f"{LIST}{row.pk}/change/")


def test_groups_are_asked_for_as_they_were_saved(house: House, alice: Client) -> None:
    worst = {"op": "max", "path": "duration", "alias": "worst"}
    order = [{"by": "worst", "order": "desc"}]
    row = saved(
        house, calculations=[{"op": "count"}, worst], group_by=["service", "http.status"], order_by=order, limit=5
    )
    asked = dict(parse_qsl(alice.get(opened(row)).url.partition("?")[2]))
    assert asked["calculate"] == "count, max(duration) as worst" and asked["by"] == "service, http.status"
    assert (asked["order"], asked["limit"]) == ("worst desc", "5")
    assert "leaves out:" not in page(alice, f"{LIST}{row.pk}/change/")


def test_groups_that_the_form_cannot_say_are_left_out(house: House, alice: Client) -> None:
    row = saved(house, group_by=["a,b"], limit=5)
    assert set(dict(parse_qsl(alice.get(opened(row)).url.partition("?")[2]))) == {"dataset", "q", "from", "saved"}
    assert "leaves out: calculations, group_by, limit." in page(alice, f"{LIST}{row.pk}/change/")


def test_query_whose_time_is_over_is_still_listed_and_opened(house: House, alice: Client) -> None:
    """`from: 1h` with a fixed `to` is valid when it is deployed, and an hour later no more."""
    row = saved(house)
    row.spec["data"]["to"] = "2026-01-01"
    row.save()
    assert f'href="{opened(row)}"' in page(alice, LIST)
    response = alice.get(opened(row), follow=True)
    assert response.redirect_chain and "From: must be before `to`" in html.unescape(response.content.decode())


def test_dataset_that_is_not_there(house: House, alice: Client) -> None:
    row = saved(house, datasets=["nowhere"])
    assert "There is no dataset nowhere in the project." in page(alice, opened(row))


def test_it_is_closed_to_others_and_leads_nowhere_from_other_kinds(house: House, alice: Client) -> None:
    row = saved(house)
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert charlie.get(opened(row)).status_code == 404
    assert alice.get(opened(Resource.objects.get(type="task"))).status_code == 404
    assert alice.get("/console/explore/saved/x/").status_code == 404


def test_list_costs_the_same_for_few_and_many(house: House, alice: Client) -> None:
    saved(house)
    few = count_queries(alice, LIST)
    deploy(house.project, [query(f"q{number}") for number in range(30)])
    assert count_queries(alice, LIST) == few


def test_home_page_shows_no_pipelines_where_only_queries_are_deployed(house: House, alice: Client) -> None:
    deploy(house.project, [query()])
    assert alice.get("/console/").context["automation"] is None


def test_list_and_page_say_who_made_it(house: House, alice: Client) -> None:
    deploy(house.project, [task()])
    row = save_resource(house.project, query("mine"), account=house.admin)
    listed = page(alice, LIST)
    assert "deployment" in listed and house.admin.email in listed
    assert "greet" not in page(alice, f"{LIST}?made_by__exact=person")
    assert f"<dt>Made by</dt><dd>{house.admin.email}</dd>" in page(alice, f"{LIST}{row.pk}/change/")
    shown = client_of(house.admin, project=house.project).get(f"/resources/id/{row.pk}").json()
    assert (shown["made_by"], shown["creator_id"]) == ("person", house.admin.pk)
