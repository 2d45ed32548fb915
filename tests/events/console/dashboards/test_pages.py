"""Dashboards in the console: their list, and the page that says where each panel stands and what it loads."""

import html
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from tests.console import count_queries, logged_in
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import dashboard, query, task

LIST = "/console/dashboards/"
COUNT = {"datasets": ["acme-logs"], "calculations": [{"op": "count"}]}
WIDGETS = (
    {"type": "statistic", "query": COUNT, "height": 1},
    {"title": "By service", "type": "bar", "query": COUNT | {"group_by": ["service"]}, "width": 2},
    {"type": "table", "query": "errors"},
)


@pytest.fixture
def shop(house: House) -> str:
    deploy(house.project, [dashboard("shop", *WIDGETS, refresh="45s"), query("errors")])
    return f"{LIST}{Resource.objects.get(type='dashboard').pk}/"


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_list_names_them_and_says_how_to_make_the_first(house: House, alice: Client, shop: str) -> None:
    assert f'href="{shop}">shop</a>' in page(alice, LIST)
    deploy(house.project, [task()])
    assert "There is no dashboard yet" in page(alice, LIST)


def test_list_costs_the_same_for_few_and_many(house: House, alice: Client, shop: str) -> None:
    few = count_queries(alice, LIST)
    deploy(house.project, [dashboard(f"d{number}") for number in range(30)])
    assert count_queries(alice, LIST) == few


def test_page_has_a_panel_for_each_widget_in_the_time_frame(alice: Client, shop: str) -> None:
    response = alice.get(shop, {"from": "2d", "to": "1d"})
    panels = response.context["panels"]
    assert [(one.title, one.width, one.height) for one in panels] == [
        ("count", 1, 1), ("By service", 2, 2), ("errors", 1, 2),
    ]  # fmt: skip
    assert [urlsplit(one.address).path for one in panels] == [f"{shop}panels/{place}/" for place in range(3)]
    assert all(parse_qs(urlsplit(one.address).query) == {"from": ["2d"], "to": ["1d"]} for one in panels)
    text = html.unescape(response.content.decode())
    assert 'class="ev-widget ev-kind-bar ev-width-2 ev-height-2' in text and 'data-refresh="45"' in text
    assert " style=" not in text.partition('id="content"')[2]


def test_time_frame_is_that_of_the_dashboard_until_another_is_chosen(alice: Client, shop: str) -> None:
    assert alice.get(shop).context["frame"].members == {"from": "1h", "to": "now"}
    response = alice.get(shop, {"last": "6h", "from": "x", "to": "y", "refresh": "off"})
    assert (response.status_code, response.url) == (302, f"{shop}?from=6h&to=now&refresh=off")
    assert 'data-refresh="0"' in page(alice, response.url)


@pytest.mark.parametrize(("asked", "seconds"), [("1s", 5), ("2m", 120), ("99d", 86_400), ("soon", 0)])
def test_panels_ask_anew_neither_all_the_time_nor_after_a_month(
    alice: Client, shop: str, asked: str, seconds: int
) -> None:
    assert f'data-refresh="{seconds}"' in page(alice, f"{shop}?refresh={asked}")


def test_time_frame_that_is_none_is_told_once(alice: Client, shop: str) -> None:
    text = page(alice, f"{shop}?from=soon")
    assert text.count("From: a time is 2026-11-27T10:00:00Z") == 1 and "data-panel=" not in text


def test_it_is_opened_from_its_page_among_the_resources(alice: Client, shop: str) -> None:
    row = Resource.objects.get(type="dashboard")
    text = page(alice, reverse("admin:pipelines_resource_change", args=[row.pk]))
    assert f'href="{shop}">Open the dashboard</a>' in text and "Disable" not in text


def test_it_is_closed_to_others(alice: Client, house: House, shop: str) -> None:
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    other = Resource.objects.get(type="query").pk
    for client, path in [
        (charlie, shop),
        (charlie, f"{shop}panels/0/"),
        (alice, f"{LIST}{other}/"),
        (alice, f"{LIST}x/"),
    ]:
        assert client.get(path).status_code == 404
    assert "shop" not in page(charlie, LIST)
    assert alice.get(f"{shop}panels/3/").status_code == 404
    assert logged_in(make_account(house.organization, "bob")).get(shop).status_code == 200
