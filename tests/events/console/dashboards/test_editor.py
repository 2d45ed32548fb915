"""The editor of dashboards: what it starts with, which mistakes it names, and who may save."""

import html
from typing import Any

import pytest
from django.test import Client

from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.saving import save_resource
from tests.console import logged_in
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import dashboard

LIST = "/console/dashboards/"
NEW = f"{LIST}new/"
TEXT = """\
type: dashboard
version: 1
name: shop
data:
  widgets:
    - type: statistic
      query: {datasets: [acme-logs], calculations: [{op: count}]}
    - type: bar
      query:
        datasets: [acme-logs]
        calculations: [{op: count}]
        q: "level:error"
"""


@pytest.fixture
def new(house: House) -> str:
    return f"{NEW}?dataset={house.dataset.pk}"


@pytest.fixture
def shop(house: House) -> Resource:
    return save_resource(house.project, dashboard("shop"), account=house.admin)


def edit(row: Resource) -> str:
    return f"{LIST}{row.pk}/edit/"


def save(client: Client, path: str, text: str, **others: str) -> Any:
    return client.post(path, {"save": "", "text": text.replace("\n", "\r\n"), **others})


def mistakes(response: Any) -> list[tuple[int | None, str, str]]:
    assert response.status_code == 200
    return [(one.line, one.place, one.reason) for one in response.context["mistakes"]]


def test_new_one_starts_with_what_suits_the_dataset_and_is_saved(house: House, alice: Client, new: str) -> None:
    assert f'value="{house.dataset.pk}"' in alice.get(LIST).content.decode()
    response = alice.get(new)
    text = response.context["draft"].text
    assert "name: acme-logs\n" in text and len(response.context["panels"]) == 9
    response = save(alice, new, text)
    saved = Resource.objects.get()
    assert (response.status_code, response.url) == (302, f"{LIST}{saved.pk}/")
    assert (saved.name, saved.maker, saved.project) == ("acme-logs", "alice@example.com", house.project)
    assert "name: acme-logs-2\n" in alice.get(new).context["draft"].text


def test_saved_one_is_changed_and_renamed(alice: Client, shop: Resource) -> None:
    response = alice.get(edit(shop))
    text, seen = response.context["draft"].text, response.context["draft"].seen
    changed = text.replace("name: shop", "name: store").replace("columns: 2", "columns: 5")
    assert save(alice, edit(shop), changed, seen=seen).status_code == 302
    shop.refresh_from_db()
    assert (shop.name, shop.data["columns"], Resource.objects.count()) == ("store", 5, 1)

    late = save(alice, edit(shop), text, seen=seen)
    assert mistakes(late) == [(None, "", "somebody else saved it meanwhile: open it in another tab")]
    assert late.context["draft"].text == text


def test_deployed_one_is_copied(house: House, alice: Client) -> None:
    deploy(house.project, [dashboard("shop")])
    row = Resource.objects.get()
    assert alice.get(edit(row)).status_code == 404
    page = alice.get(f"{LIST}{row.pk}/").content.decode()
    assert edit(row) not in page and f"{NEW}?copy={row.pk}" in page
    text = alice.get(f"{NEW}?copy={row.pk}").context["draft"].text
    assert save(alice, f"{NEW}?copy={row.pk}", text).status_code == 302
    assert {(one.name, one.is_saved) for one in Resource.objects.all()} == {("shop", False), ("shop-2", True)}


@pytest.mark.parametrize(
    ("old", "wrong", "found"),
    [
        (
            'q: "level:error"',
            'q: "level:"',
            (12, "data/widgets/1/query/q", "at character 7: expected a value for level"),
        ),
        (
            "- type: bar",
            "- type: pie",
            (8, "data/widgets/1/type", "must be timeseries, bar, table, statistic or events"),
        ),
        ("    - type: statistic\n", "    - title: x\n", (6, "data/widgets/0", "member 'type' is missing")),
        ("type: dashboard", "type: query", (1, "type", "must be dashboard")),
        ("name: shop", "name: [", (5, "", "expected ',' or ']', but got ':'")),
        ("version: 1", "version: 2", (2, "version", "must be 1")),
    ],
)
def test_mistake_is_named_with_its_line(
    alice: Client, new: str, old: str, wrong: str, found: tuple[int, str, str]
) -> None:
    for button in ("save", "preview"):
        response = alice.post(new, {button: "", "text": TEXT.replace(old, wrong)})
        assert found in mistakes(response)
    assert not Resource.objects.exists()
    assert f'data-line="{found[0]}"' in html.unescape(response.content.decode())


def test_text_of_none_or_several_documents_is_refused(alice: Client, new: str) -> None:
    for text, count in (("", 0), (f"{TEXT}---\n{TEXT}", 2)):
        assert mistakes(save(alice, new, text)) == [(None, "", f"there are {count} documents in it instead of one")]
    assert mistakes(save(alice, new, "5"))[0][2] == "must be a JSON object"


def test_name_that_is_taken_is_told_at_its_line(alice: Client, new: str, shop: Resource) -> None:
    reason = "There is already a dashboard shop, made by alice@example.com."
    assert mistakes(save(alice, new, TEXT)) == [(3, "", reason)]


def test_preview_saves_nothing(alice: Client, new: str) -> None:
    response = alice.post(new, {"preview": "", "text": TEXT})
    assert (response.status_code, len(response.context["panels"])) == (200, 2)
    assert not Resource.objects.exists()


def test_users_only_look_and_others_find_nothing(house: House, new: str, shop: Resource) -> None:
    bob = logged_in(make_account(house.organization, "bob"))
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert bob.get(new).status_code == bob.get(edit(shop)).status_code == save(bob, new, TEXT).status_code == 403
    assert edit(shop) not in bob.get(f"{LIST}{shop.pk}/").content.decode()
    assert "New dashboard" not in bob.get(LIST).content.decode()
    assert bob.post(f"{LIST}preview/", {}).status_code == 403
    for path in (new, edit(shop), f"{NEW}?copy={shop.pk}", NEW):
        assert charlie.get(path).status_code == 404
    widget = '{"type": "bar", "query": "errors"}'
    assert charlie.post(f"{LIST}preview/", {"project": house.project.pk, "widget": widget}).status_code == 404


@pytest.mark.parametrize("widget", ["", "{", "5", '{"type": "pie", "query": "errors"}', '{"a": "\\u0000"}'])
def test_preview_of_what_is_no_widget_is_not_found(house: House, alice: Client, widget: str) -> None:
    assert alice.post(f"{LIST}preview/", {"project": house.project.pk, "widget": widget}).status_code == 404
