"""Nobody sees or changes anything in another organization's automation, by any address."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pipelines.models import Pipeline, PlatformEvent, Resource, Status
from tests.factories import House, make_identity
from tests.pipelines.console.deployed import FILLED, address, deploy_all, end, run, text, visit

LISTS = ["pipeline", "command", "trigger", "platformevent", "resource"]
POSTS: list[tuple[str, Callable[["Things"], str]]] = [
    ("abort", lambda things: address(things.pipeline, "abort")),
    ("restart", lambda things: address(things.ended, "restart")),
    ("restart from failure", lambda things: address(things.ended, "restart_from_failure")),
    ("execute", lambda things: address(things.resources["hello"], "execute", model="command")),
    ("replay", lambda things: address(things.pipeline.event, "replay")),
    ("disable a command", lambda things: address(things.resources["hello"], "disable", model="command")),
    ("disable a trigger", lambda things: address(things.resources["guests"], "disable", model="trigger")),
    ("disable a resource", lambda things: address(things.resources["greetings"], "disable")),
    ("enable a resource", lambda things: address(things.resources["greetings"], "enable")),
]
FOR_ADMINS = {"disable a command", "disable a trigger", "disable a resource", "enable a resource"}


class Things:
    """What an organization has."""

    def __init__(self, house: House) -> None:
        self.resources = deploy_all(house.project)
        self.pipeline, self.ended = run(house.project, secret=f"of {house.project}"), run(house.project)
        end(self.ended, Status.FAILED)
        self.event = visit(house.project)

    def pages(self) -> list[str]:
        task = self.pipeline.tasks.first()
        return [
            address(self.pipeline),
            address(self.pipeline, "live"),
            address(self.pipeline, "output", task.pk, 0),
            address(self.event),
            address(self.resources["hello"], model="command"),
            address(self.resources["guests"], model="trigger"),
            address(self.resources["nightly"], model="trigger"),
            *(address(resource) for resource in self.resources.values()),
        ]


@pytest.fixture
def things(acme: House, umbrella: House) -> Things:
    deploy_all(umbrella.project)
    return Things(acme)


def state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Pipeline, PlatformEvent, Resource)]


@pytest.mark.parametrize("name", LISTS)
def test_list_shows_own_rows_only(
    name: str, things: Things, alice: Client, bob: Client, charlie: Client, acme: House
) -> None:
    path = f"/console/pipelines/{name}/"
    for client in (alice, bob):
        assert acme.project.name in text(client, path)
    page = text(charlie, path)
    assert acme.project.name not in page and "alice" not in page
    for resource in things.resources.values():
        assert resource.pk not in page


def test_palette_finds_own_automation_only(
    things: Things, alice: Client, bob: Client, charlie: Client, umbrella: House
) -> None:
    secret = make_identity(things.pipeline.project, name="payments")
    ids = [*(one.pk for one in things.resources.values()), things.pipeline.pk, things.event.pk, secret.pk]
    for name in [*things.resources, "payments"]:
        for client in (alice, bob):
            first, *others = found(client, name)
            assert first.name == name and {one.place for one in (first, *others)} == {"acme-project"}
        assert {one.place for one in found(charlie, name)} <= {umbrella.project.name}  # Charlie has things of that name
        assert not {one.url for one in found(charlie, name)} & {one.url for one in found(alice, name)}
    for id in ids:
        assert found(charlie, id) == []
    assert [one.kind for one in found(bob, things.pipeline.pk)] == ["Run of a pipeline"]


def found(client: Client, text: str) -> list[Any]:
    response = client.get("/console/search/", {"s": text})
    assert response.status_code == 200
    return list(response.context["found"].lines)


def test_pages_are_for_the_own_organization(things: Things, alice: Client, bob: Client, charlie: Client) -> None:
    for path in things.pages():
        expected = 404 if "/output/" in path else 200
        for client in (alice, bob):
            assert client.get(path, follow=True).status_code == expected, path
        answer = charlie.get(path)
        assert answer.status_code == 404, path
        assert "acme" not in answer.content.decode()


def test_nobody_gets_in_without_login(things: Things, client: Client) -> None:
    for path in [*things.pages(), "/console/search/?s=hello", *(build(things) for _, build in POSTS)]:
        assert client.post(path)["Location"].startswith("/console/login/"), path
        assert client.get(path)["Location"].startswith("/console/login/"), path


@pytest.mark.parametrize(("name", "build"), POSTS, ids=[name for name, _ in POSTS])
def test_nothing_of_others_is_moved(
    name: str, build: Callable[[Things], str], things: Things, alice: Client, bob: Client, charlie: Client
) -> None:
    before = state()
    assert charlie.post(build(things), FILLED).status_code == 404
    assert state() == before
    if name in FOR_ADMINS:
        assert bob.post(build(things)).status_code == 403
        assert state() == before
    else:
        assert bob.post(build(things), FILLED).status_code == 302
        assert state() != before
        return
    assert alice.post(build(things), FILLED).status_code == 302


def test_bulk_switch_reaches_own_rows_only(things: Things, alice: Client, bob: Client, charlie: Client) -> None:
    path = reverse("admin:pipelines_trigger_changelist")
    form = {"action": "disable_selected", "_selected_action": [things.resources["guests"].pk], "index": "0"}
    for client in (bob, charlie):
        client.post(path, form)
        client.post(path, form | {"select_across": "1"})
    guests = Resource.objects.filter(name="guests").select_related("project__organization")
    assert {trigger.project.organization.name: trigger.disabled for trigger in guests} == {
        "acme works": False,
        "umbrella works": True,  # Charlie's own, by select_across
    }
    alice.post(path, form)
    assert Resource.objects.get(pk=things.resources["guests"].pk).disabled


def test_rows_are_made_changed_and_deleted_nowhere(things: Things, alice: Client) -> None:
    before = state()
    for name in LISTS:
        assert alice.get(f"/console/pipelines/{name}/add/").status_code == 403
    for row, model in ((things.pipeline, ""), (things.event, ""), (things.resources["hello"], "command")):
        assert alice.post(address(row, model=model), {"name": "taken-over"}).status_code == 403
        assert alice.post(address(row, "delete", model=model), {"post": "yes"}).status_code == 403
    assert state() == before


def test_what_cannot_be_an_id_is_not_found(alice: Client) -> None:
    for name, page in (
        ("pipeline", "live"),
        ("pipeline", "abort"),
        ("command", "execute"),
        ("platformevent", "replay"),
    ):
        for strange in ("%00", "x", "%C3%A9", "0" * 27):
            assert alice.post(f"/console/pipelines/{name}/{strange}/{page}/").status_code == 404
            assert alice.get(f"/console/pipelines/{name}/{strange}/change/").status_code == 404


def test_lists_follow_the_chosen_project(things: Things, alice: Client, acme: House) -> None:
    shop = acme.organization.projects.create(name="shop")
    deploy_all(shop)
    run(shop)
    alice.post("/console/projects/project/switch/", {"project": shop.pk})
    for name in LISTS:
        rows = alice.get(f"/console/pipelines/{name}/").context["cl"].result_list
        assert {row.project_id for row in rows} == {shop.pk}, name
    home = text(alice, "/console/home/pipelines/")
    assert things.pipeline.pk not in home and address(Pipeline.objects.get(project=shop)) in home
