"""Dashboards as resources: checked when they are deployed, exported as they are, and one that suits any dataset."""

from typing import Any

import pytest
import yaml
from django.core.management import call_command

from eventlane.wire.errors import InvalidRequestBody
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.files import read_folder, write_folder
from tests.factories import House, make_house
from tests.pipelines.resources.samples import dashboard

OWN = {"datasets": ["logs"], "calculations": [{"op": "count"}]}


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


def problems(house: House, *widgets: Any, **data: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestBody) as raised:
        deploy(house.project, [dashboard("shop", *widgets, **data)])
    found = raised.value.data["jsv_errors"]
    return [(one["pointer"].removeprefix("/specs/0/data"), one["reason"]) for one in found]


def test_it_is_deployed_with_its_defaults_and_queries_as_short_as_they_are(house: House) -> None:
    deploy(house.project, [dashboard("shop", {"type": "bar", "query": OWN}, {"type": "events", "query": "errors"})])
    assert Resource.objects.get().data == {
        "from": "1h", "to": "now", "columns": 2,
        "widgets": [
            {"type": "bar", "query": OWN, "width": 1, "height": 2},
            {"type": "events", "query": "errors", "width": 1, "height": 2},
        ],
    }  # fmt: skip


def test_every_mistake_in_a_query_is_named_at_its_place(house: House) -> None:
    search = {"type": "bar", "query": OWN | {"q": "level:", "from": "1h"}}
    assert problems(house, search, {"type": "bar", "query": 5}, {"type": "bar", "query": "No Name"}) == [
        ("/widgets/0/query/from", "all widgets have the time frame of the dashboard"),
        ("/widgets/0/query/q", "at character 7: expected a value for level"),
        ("/widgets/1/query", "must be the name of a saved query, or a query"),
        ("/widgets/2/query", "must be 1 to 100 lower case letters, digits, '-' and '_', starting with a letter or "
         "digit"),
    ]  # fmt: skip


def test_widget_can_show_what_it_asks_for(house: House) -> None:
    events = {"datasets": ["logs"]}
    grouped = OWN | {"group_by": ["service"]}
    assert problems(
        house,
        {"type": "events", "query": OWN},
        {"type": "table", "query": events},
        {"type": "statistic", "query": grouped},
        {"type": "pie", "query": OWN},
    ) == [
        ("/widgets/0/query/calculations", "a widget that shows events has no calculations"),
        ("/widgets/1/query", "a table needs calculations, like count"),
        ("/widgets/2/query/group_by", "a statistic is a single value, so it has no groups"),
        ("/widgets/3/type", "must be timeseries, bar, table, statistic or events"),
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"from": "now", "to": "1h"}, ("/from", "must be before `to`")),
        ({"refresh": "1s"}, ("/refresh", "must be at least 5s")),
        ({"refresh": 30}, ("/refresh", "a duration is a whole number and s, m, h, d or w, like 90s, 15m, 1h or 2days")),
        ({"columns": 13}, ("/columns", "must be from 1 to 12")),
        ({"widgets": []}, ("/widgets", "must have at least 1 element")),
        ({"widgets": [{"type": "bar", "query": OWN, "width": 3}]}, ("/widgets/0/width", "the grid has 2 columns")),
        ({"widgets": [{"type": "bar"}]}, ("/widgets/0", "member 'query' is missing")),
    ],
)
def test_mistake_in_the_grid_is_named(house: House, data: dict[str, Any], found: tuple[str, str]) -> None:
    assert problems(house, **data) == [found]


def test_it_is_exported_as_it_was_deployed(house: House, tmp_path: Any) -> None:
    deploy(house.project, [dashboard("shop", {"title": "All", "type": "bar", "query": OWN}, refresh="30s")])
    [written] = write_folder(tmp_path, [Resource.objects.get().spec])
    assert written.relative_to(tmp_path).as_posix() == "dashboard/shop.yaml"
    assert deploy(house.project, [document.spec for document in read_folder(tmp_path)]).unchanged


def test_starter_of_any_dataset_can_be_deployed(house: House, capsys: Any) -> None:
    call_command("starter_dashboard", "acme-logs")
    spec = yaml.safe_load(capsys.readouterr().out)
    deploy(house.project, [spec])
    widgets = Resource.objects.get().data["widgets"]
    assert {one["type"] for one in widgets} == {"timeseries", "bar", "table", "statistic", "events"}
    assert all(one["query"]["datasets"] == ["acme-logs"] for one in widgets)
