"""Questions with a name: saved from Explore, opened again, replaced, renamed and deleted."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from eventlane.wire.errors import UnknownObject
from events.models import Dataset
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.saving import save_resource
from projects.models import Account, Project
from tests.console import logged_in
from tests.events.console.explore.test_groups import table
from tests.events.console.explore.test_page import PATH, ask, text_of
from tests.events.lake.conftest import Node
from tests.factories import make_account, make_house
from tests.pipelines.resources.samples import query
from tests.platform_api import client_of


@pytest.fixture
def filled(node: Node) -> Node:
    node.write('{"level":"error","service":"api"}', '{"level":"info","service":"api"}')
    return node


def save(client: Client, page: Any, **form: str) -> Any:
    """Send the form of a page of Explore, and return the page that it leads to."""
    return client.post(page.context["save_url"], form, follow=True)


def saved(name: str) -> Resource:
    return Resource.objects.get(type="query", name=name)


def test_a_saved_question_asks_the_same_again(filled: Node, alice: Client) -> None:
    page = ask(alice, filled, q="level:error", from_="6h", calculate="count,max(duration) as worst", by="service")
    after = save(alice, page, name="errors", description="By service.")

    [(asked, status)] = after.redirect_chain
    assert status == 302 and asked.startswith(PATH) and "Saved as errors." in text_of(after)
    row = saved("errors")
    assert (row.maker, row.spec["description"]) == ("alice@example.com", "By service.")
    assert (row.data["from"], row.data["q"], row.data["group_by"]) == ("6h", "level:error", ["service"])
    assert after.context["asked"].row == row and not after.context["asked"].as_saved
    assert table(after) == table(page) == [["api", "1", "–"]]
    assert alice.get(reverse("console-explore-saved", args=[row.pk])).url == asked
    run = client_of(Account.objects.get(), project=filled.dataset.project).post("/queries/name/errors/run", {})
    assert run.json()["rows"] == [["api", 1, None]]


def test_events_alone_can_be_saved_and_paths_alone(filled: Node, alice: Client) -> None:
    for name, question in {"all": {}, "by-level": {"by": "level"}}.items():
        after = save(alice, ask(alice, filled, **question), name=name)
        assert after.context["asked"].row.name == name and not after.context["asked"].as_saved
    assert "q" not in saved("all").data and not saved("all").data["calculations"]
    assert saved("by-level").data["calculations"] == [{"op": "count"}]


def test_another_time_frame_keeps_it_and_changes_can_be_saved(filled: Node, alice: Client) -> None:
    opened = save(alice, ask(alice, filled, q="level:error", from_="6h"), name="errors")
    wider = alice.get(PATH, dict(opened.wsgi_request.GET.items()) | {"last": "24h"}, follow=True)
    assert wider.context["asked"].as_saved == reverse("console-explore-saved", args=[saved("errors").pk])
    assert "As saved (6 h)" in text_of(wider) and wider.context["question"].from_time == "24h"
    assert saved("errors").data["from"] == "6h"

    after = save(alice, wider, over=saved("errors").pk)
    assert saved("errors").data["from"] == "24h" and not after.context["asked"].as_saved
    assert Resource.objects.count() == 1


def test_what_is_wrong_is_said_beside_what_was_typed(filled: Node, alice: Client) -> None:
    for question, name, said in [
        ({}, "Slow services", "name: "),
        ({"q": "level:"}, "errors", "q: "),
        ({"calculate": "nope"}, "errors", "calculations.0.op: "),
    ]:
        page = alice.get(PATH, {"dataset": filled.dataset.pk, **question}, follow=True)
        after = save(alice, page, name=name)
        assert after.status_code == 400 and not Resource.objects.exists()
        assert any(one.startswith(said) for one in after.context["problems"]) and f'value="{name}"' in text_of(after)


def test_a_name_that_is_taken_can_be_replaced_unless_a_deployment_made_it(filled: Node, alice: Client) -> None:
    deploy(filled.dataset.project, [query("deployed")])
    save(alice, ask(alice, filled, q="a"), name="mine", description="Old.")

    for name, may_replace in {"mine": True, "deployed": False}.items():
        after = save(alice, ask(alice, filled, q="b"), name=name)
        assert after.status_code == 400 and f"There is already a query {name}" in text_of(after)
        assert after.context["may_replace"] == may_replace
        assert ('name="over"' in text_of(after)) == may_replace
    save(alice, ask(alice, filled, q="b"), name="mine", over=saved("mine").pk)
    assert (saved("mine").data["q"], saved("mine").spec["description"]) == ("b", "Old.")
    refused = save(alice, ask(alice, filled, q="b"), name="deployed", over=saved("deployed").pk)
    assert "only deployments change it" in text_of(refused) and saved("deployed").data["q"] == "level:error"


def test_what_explore_leaves_out_is_not_lost_by_replacing(filled: Node, alice: Client) -> None:
    row = saved_with_filters(filled)
    opened = alice.get(PATH, {"dataset": filled.dataset.pk, "saved": row.pk, "q": "changed"}, follow=True)
    assert "It also has what Explore leaves out: filters." in text_of(opened)
    assert opened.context["asked"].as_saved and not opened.context["asked"].may_replace
    assert save(alice, opened, over=row.pk).status_code == 404


def test_what_explore_shows_as_it_chooses_stays(filled: Node, alice: Client) -> None:
    save(alice, ask(alice, filled, by="level"), name="fine")
    row = saved("fine")
    row.spec["data"] |= {"granularity": "1m", "others": False}
    row.save()
    opened = alice.get(reverse("console-explore-saved", args=[row.pk]), follow=True)
    save(alice, alice.get(PATH, dict(opened.wsgi_request.GET.items()) | {"q": "x"}, follow=True), over=row.pk)
    data = saved("fine").data
    assert (data["q"], data["granularity"], data["others"]) == ("x", "1m", False)


def saved_with_filters(node: Node) -> Resource:
    filters = [{"path": "n", "op": "like", "value": "a_b"}]
    deploy(node.dataset.project, [query("strict", filters=filters, datasets=[node.dataset.name])])
    Resource.objects.update(made_by=Resource.Maker.PERSON, creator_name="bob@example.com")
    return saved("strict")


def test_menu_lists_the_projects_saved_queries_with_who_made_them(filled: Node, alice: Client) -> None:
    deploy(filled.dataset.project, [query("deployed")])
    deploy(make_house("umbrella", "charlie").project, [query("theirs")])
    save(alice, ask(alice, filled), name="mine")
    page = ask(alice, filled)
    assert [(row.name, row.maker) for row, _ in page.context["saved"]] == [
        ("deployed", "deployment"), ("mine", "alice@example.com"),
    ]  # fmt: skip
    assert "mine" in text_of(alice.get(page.context["saved_list"]))


def test_it_is_renamed_and_deleted_on_its_page(filled: Node, alice: Client) -> None:
    save(alice, ask(alice, filled), name="mine")
    row = saved("mine")
    own = f"/console/pipelines/resource/{row.pk}"
    assert "Rename…" in text_of(alice.get(f"{own}/change/"))
    for name, said in {"No!": "name: ", "yours": "Renamed to yours."}.items():
        assert said in text_of(alice.post(f"{own}/rename/", {"name": name}, follow=True))
    assert saved("yours").pk == row.pk
    assert alice.get(f"{own}/remove/").status_code == 405
    assert "The query yours was deleted." in text_of(alice.post(f"{own}/remove/", follow=True))
    assert not Resource.objects.exists()
    # The address of a deleted one still asks its question.
    assert ask(alice, filled, saved=row.pk).context["asked"] is None


def test_who_may_only_look_and_who_is_elsewhere_save_nothing(filled: Node, alice: Client) -> None:
    page = ask(alice, filled)
    save(alice, page, name="mine")
    own = f"/console/pipelines/resource/{saved('mine').pk}"
    bob = logged_in(make_account(filled.dataset.project.organization, "bob"))
    assert "Save this question" not in text_of(ask(bob, filled)) and "Rename…" not in text_of(bob.get(f"{own}/change/"))
    assert bob.post(page.context["save_url"], {"name": "own"}).status_code == 403
    assert bob.post(f"{own}/rename/", {"name": "x"}).status_code == 403
    assert bob.post(f"{own}/remove/").status_code == 403
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert charlie.post(page.context["save_url"], {"name": "own"}).status_code == 404
    assert charlie.post(f"{own}/remove/").status_code == 404
    deploy(filled.dataset.project, [query("mine", datasets=[filled.dataset.name])])  # a deployment takes it over
    assert alice.post(f"{own}/remove/").status_code == 404
    assert [row.name for row in Resource.objects.all()] == ["mine"]


def test_a_saved_query_of_another_project_is_not_replaced(filled: Node, alice: Client) -> None:
    save(alice, ask(alice, filled), name="mine")
    other = Project.objects.create(organization=filled.dataset.project.organization, name="other")
    elsewhere = Dataset.objects.create(project=other, name="elsewhere")
    page = alice.get("/console/explore/", {"dataset": elsewhere.pk, "q": "level:error", "from": "1h"})
    before = saved("mine").spec
    assert save(alice, page, name="mine", over=saved("mine").pk).status_code == 404
    with pytest.raises(UnknownObject):
        save_resource(other, before, account=Account.objects.get(), over=saved("mine"))
    assert saved("mine").spec == before and saved("mine").project == filled.dataset.project


def test_dates_mean_the_same_to_all_once_they_are_saved(filled: Node, alice: Client) -> None:
    alice.cookies["eventlane_zone"] = "Asia/Kolkata"
    save(alice, ask(alice, filled, from_="2026-07-02", to="2026-07-03T00:00:00Z"), name="a-day")
    save(alice, ask(alice, filled, from_="6h"), name="lately")
    day, lately = saved("a-day").spec["data"], saved("lately").spec["data"]
    assert (day["from"], day["to"]) == ("2026-07-01T18:30:00Z", "2026-07-03T00:00:00Z")
    assert lately["from"] == "6h" and day["time_zone"] == lately["time_zone"] == "UTC"
