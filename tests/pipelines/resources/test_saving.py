"""What a person saves: checked like what is deployed, kept by deployments, recorded."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from eventlane.wire.errors import InvalidRequestBody, PermissionDenied, StateError, UnknownObject
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.saving import NameTaken, delete_saved, save_resource
from projects.models import Account
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import query, task

SLOW, ERRORS = ("query", "slow"), ("query", "errors")


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


def save(house: House, name: str, over: Resource | None = None, **data: Any) -> Resource:
    return save_resource(house.project, query(name, **data), account=house.admin, over=over)


def history(row: Resource) -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.filter(object_id=row.pk).order_by("id")]


def test_saving_keeps_the_spec_with_its_defaults_and_who_it_was(house: House) -> None:
    row = save(house, "slow", q="level:error")

    row.refresh_from_db()
    assert (row.type, row.name, row.maker, row.creator, row.is_saved) == (*SLOW, house.admin.email, house.admin, True)
    assert (row.data["q"], row.data["time_zone"]) == ("level:error", "UTC")
    assert history(row) == ["Saved."]


def test_saving_over_one_replaces_and_renames_it(house: House) -> None:
    row = save(house, "slow")
    again = save(house, "slower", over=row, q="x")

    assert again.pk == row.pk and [one.name for one in Resource.objects.all()] == ["slower"]
    assert Resource.objects.get().spec["name"] == "slower" and again.data["q"] == "x"
    assert history(row) == ["Saved.", "Saved again. Until now it was called slow."]


def test_a_name_is_taken_once_whoever_made_it(house: House) -> None:
    deploy(house.project, [query("errors")])
    row = save(house, "slow")
    with pytest.raises(NameTaken, match=r"already a query errors, made by a deployment\."):
        save(house, "errors")
    with pytest.raises(NameTaken, match=f"already a query slow, made by {house.admin.email}"):
        save(house, "slow")
    with pytest.raises(NameTaken):
        save(house, "errors", over=row)


def test_what_is_wrong_is_told_with_its_place(house: House) -> None:
    for spec, place in [
        (query("slow", limit=0), "/data/limit"),
        (query("no name"), "/name"),
        (task(), "/type"),
        ([], ""),
    ]:
        with pytest.raises(InvalidRequestBody) as refused:
            save_resource(house.project, spec, account=house.admin)
        assert [problem["pointer"] for problem in refused.value.data["jsv_errors"]] == [place]
    assert not Resource.objects.exists()


def test_only_admins_save_and_delete(house: House) -> None:
    user = make_account(house.organization, "bob", role=Account.Role.USER)
    row = save(house, "slow")
    with pytest.raises(PermissionDenied):
        save_resource(house.project, query("own"), account=user)
    with pytest.raises(PermissionDenied):
        delete_saved(row, account=user)


def test_what_a_deployment_made_is_left_to_deployments(house: House) -> None:
    deploy(house.project, [query("errors")])
    row = Resource.objects.get()
    with pytest.raises(StateError, match="only deployments"):
        save(house, "errors", over=row)
    with pytest.raises(StateError, match="only deployments"):
        delete_saved(row, account=house.admin)


def test_deleting_is_recorded_and_happens_once(house: House) -> None:
    row = save(house, "slow")
    delete_saved(row, account=house.admin)
    assert not Resource.objects.exists()
    assert LogEntry.objects.filter(object_id=row.pk).order_by("id").last().is_deletion()
    with pytest.raises(UnknownObject):
        delete_saved(row, account=house.admin)
    with pytest.raises(UnknownObject):
        save(house, "slow", over=row)


def test_a_deployment_leaves_alone_what_a_person_saved(house: House) -> None:
    deploy(house.project, [task(), query("errors")])
    save(house, "slow")
    before = Resource.objects.filter(name="slow").values().get()

    done = deploy(house.project, [task()])

    assert (done.deleted, done.left, done.taken_over) == ([ERRORS], {SLOW: house.admin.email}, {})
    assert Resource.objects.filter(name="slow").values().get() == before


@pytest.mark.parametrize("changes", [{}, {"q": "other"}])
def test_a_deployment_takes_over_one_of_the_same_name(house: House, changes: dict[str, Any]) -> None:
    row = save(house, "slow")
    specs = [query("slow", **changes)]

    told, done = deploy(house.project, specs, dry_run=True), deploy(house.project, specs)

    assert told.taken_over == done.taken_over == {SLOW: house.admin.email} and done.updated == [SLOW]
    row.refresh_from_db()
    assert (row.maker, row.creator, row.creator_name) == ("deployment", None, "")
    assert deploy(house.project, []).deleted == [SLOW]


def test_it_stays_when_its_person_goes(house: House) -> None:
    bob = make_account(house.organization, "bob", role=Account.Role.ADMIN)
    row = save_resource(house.project, query("slow"), account=bob)
    LogEntry.objects.filter(user=bob).delete()
    bob.delete()
    row.refresh_from_db()
    assert (row.creator, row.maker, row.is_saved) == (None, "bob@example.com", True)
    assert deploy(house.project, []).deleted == []
