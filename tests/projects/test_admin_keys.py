"""The console's API keys: made and shown once, rotated, revoked."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from projects.admin import STATES, state_of
from projects.api_keys import digest_of, issue_api_key, revoke_api_key, rotate_api_key
from projects.models import Account, ApiKey
from tests.console import count_queries, logged_in
from tests.factories import House, make_account, make_house

pytestmark = pytest.mark.django_db
LIST = "/console/projects/apikey/"
SECRET = re.compile(r"evl_\w{32}")


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


def page_of(api_key: ApiKey, page: str = "change") -> str:
    return f"{LIST}{api_key.pk}/{page}/"


def key_form(house: House, **fields: str) -> dict[str, str]:
    return {"name": "shipper", "ingest": "on", "project": house.project.pk, "account": house.admin.pk} | fields


def test_new_key_is_shown_once_and_kept_nowhere(alice: Client, acme: House) -> None:
    response = alice.post(f"{LIST}add/", key_form(acme))
    (secret,) = set(SECRET.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"] and response.status_code == 200
    api_key = ApiKey.objects.get(digest=digest_of(secret))
    assert (api_key.name, api_key.rights, api_key.project) == ("shipper", ["ingest"], acme.project)
    assert (api_key.account, api_key.organization) == (acme.admin, acme.organization)
    for path in (page_of(api_key), LIST, page_of(api_key, "history"), "/console/"):
        later = alice.get(path)
        assert secret not in later.content.decode()
    kept = [*(str(session.get_decoded()) for session in Session.objects.all()), *map(str, LogEntry.objects.values())]
    assert not any(secret in text for text in [*kept, str(alice.cookies), str(ApiKey.objects.values())])


def test_key_acts_for_the_chosen_account_of_the_organization(alice: Client, acme: House) -> None:
    bob = make_account(acme.organization, "bob")
    alice.post(f"{LIST}add/", key_form(acme, account=bob.pk))
    assert ApiKey.objects.get(name="shipper").account == bob


def test_key_for_a_disabled_account_is_refused(alice: Client, acme: House) -> None:
    bob = make_account(acme.organization, "bob", disabled=True)
    response = alice.post(f"{LIST}add/", key_form(acme, account=bob.pk))
    assert "account" in response.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("fields", "at", "message"),
    [
        ({"project": ""}, "project", "A key that may ingest needs a project."),
        ({"ingest": ""}, "ingest", "Choose at least one right."),
        ({"name": ""}, "name", "This field is required."),
        ({"expiration_time_0": "2020-01-01", "expiration_time_1": "00:00"}, "expiration_time", "in the past"),
    ],
)
def test_form_says_at_the_field_what_is_wrong(
    alice: Client, acme: House, fields: dict[str, str], at: str, message: str
) -> None:
    form = {name: value for name, value in key_form(acme, **fields).items() if value}
    errors = alice.post(f"{LIST}add/", form).context["adminform"].form.errors
    assert list(errors) == [at] and message in str(errors[at])
    assert not ApiKey.objects.filter(name="shipper").exists()


def test_key_that_reads_needs_no_project(alice: Client, acme: House) -> None:
    form = {"name": "reader", "read": "on", "write": "on", "deploy": "on", "account": acme.admin.pk}
    assert SECRET.search(alice.post(f"{LIST}add/", form).content.decode())
    assert ApiKey.objects.get(name="reader").rights == ["read", "write", "deploy"]


def expiring(day: str, clock: str, zone: str = "") -> dict[str, str]:
    typed = {"name": "renamed", "ingest": "on", "expiration_time_0": day, "expiration_time_1": clock}
    return typed | ({"expiration_time_2": zone} if zone else {})


def test_expiration_is_typed_and_shown_in_the_chosen_zone(alice: Client, acme: House) -> None:
    alice.cookies["eventlane_zone"] = "Asia/Kolkata"
    path = page_of(acme.api_key)
    empty = alice.get(path).content.decode()
    assert "In the time zone Asia/Kolkata" in empty and 'name="expiration_time_2" value="Asia/Kolkata"' in empty
    assert alice.post(path, expiring("2999-01-01", "05:00", "Asia/Kolkata")).status_code == 302
    assert ApiKey.objects.get(pk=acme.api_key.pk).expiration_time == datetime(2998, 12, 31, 23, 30, tzinfo=UTC)
    page = alice.get(path).content.decode()
    assert 'value="2999-01-01"' in page and 'value="05:00:00"' in page
    alice.cookies["eventlane_zone"] = "UTC"
    page = alice.get(path).content.decode()
    assert 'value="2998-12-31"' in page and 'value="23:30:00"' in page and "In the time zone UTC" in page


def test_expiration_means_the_zone_that_the_form_was_shown_in(alice: Client, acme: House) -> None:
    alice.cookies["eventlane_zone"] = "Asia/Kolkata"  # chosen on another page, after the form was shown
    alice.post(page_of(acme.api_key), expiring("2999-01-01", "05:00", "UTC"))
    assert ApiKey.objects.get(pk=acme.api_key.pk).expiration_time == datetime(2999, 1, 1, 5, tzinfo=UTC)
    refused = alice.post(page_of(acme.api_key), expiring("2020-01-01", "05:00", "Europe/Berlin")).content.decode()
    assert "in the past" in refused and "In the time zone Europe/Berlin" in refused


@pytest.mark.parametrize(
    ("day", "clock", "zone", "message"),
    [
        ("2999-03-31", "02:30", "Europe/Berlin", "may not exist"),  # clocks go from 2:00 to 3:00
        ("9999-12-31", "23:59", "America/New_York", "There is no such time in UTC."),
        ("2999-01-01", "", "UTC", "Enter a valid time."),
        ("", "10:00", "UTC", "Enter a valid date."),
    ],
)
def test_expiration_that_is_no_time_is_refused(
    alice: Client, acme: House, day: str, clock: str, zone: str, message: str
) -> None:
    answer = alice.post(page_of(acme.api_key), expiring(day, clock, zone))
    errors = answer.context["adminform"].form.errors
    assert list(errors) == ["expiration_time"] and message in str(errors)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_expiration_at_the_end_of_all_times_is_shown(alice: Client, acme: House, zone: str) -> None:
    ApiKey.objects.filter(pk=acme.api_key.pk).update(expiration_time=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    alice.cookies["eventlane_zone"] = zone
    for path in (LIST, page_of(acme.api_key), f"{LIST}{acme.api_key.pk}/rotate/"):
        assert "9999-12-31" in alice.get(path).content.decode(), path
    alice.post(f"{LIST}{acme.api_key.pk}/revoke/")
    assert "9999-12-31" in alice.get(page_of(acme.api_key)).content.decode()


def test_only_name_and_expiration_of_a_key_can_be_changed(alice: Client, acme: House) -> None:
    form = {"name": "renamed", "write": "on", "project": "", "expiration_time_0": "2999-01-01"}
    response = alice.post(page_of(acme.api_key), form | {"expiration_time_1": "00:00"})
    assert response.status_code == 302
    api_key = ApiKey.objects.get(pk=acme.api_key.pk)
    assert (api_key.name, api_key.expiration_time.year) == ("renamed", 2999)
    assert (api_key.rights, api_key.project) == (["ingest"], acme.project)
    assert api_key.digest == acme.api_key.digest


def test_rotation_asks_then_shows_a_successor_beside_the_old_key(alice: Client, acme: House, settings: object) -> None:
    settings.EVENTLANE_KEY_OVERLAP_HOURS = 3
    question = alice.get(page_of(acme.api_key, "rotate")).content.decode()
    assert "Rotate the key" in question and ApiKey.objects.count() == 1
    response = alice.post(page_of(acme.api_key, "rotate"))
    (secret,) = set(SECRET.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"]
    old, new = ApiKey.objects.get(pk=acme.api_key.pk), ApiKey.objects.get(digest=digest_of(secret))
    assert old.replaced_by == new and (new.rights, new.project) == (old.rights, old.project)
    left = old.expiration_time - timezone.now()
    assert timedelta(hours=2, minutes=59) < left <= timedelta(hours=3)
    assert state_of(old, timezone.now()) == "replaced" and state_of(new, timezone.now()) == "active"


def test_replaced_expired_and_revoked_keys_cannot_be_rotated(alice: Client, acme: House) -> None:
    now = timezone.now()
    rotate_api_key(api_key=acme.api_key, now=now)
    expired, _ = issue_api_key(account=acme.admin, name="old", rights=["read"], expiration_time=now)
    revoked, _ = issue_api_key(account=acme.admin, name="bad", rights=["read"])
    revoke_api_key(api_key=revoked, now=now)
    for api_key in (acme.api_key, expired, revoked):
        assert "/rotate/" not in alice.get(page_of(api_key)).content.decode()
        assert alice.post(page_of(api_key, "rotate")).status_code == 403
    assert ApiKey.objects.count() == 4


def test_revocation_asks_first(alice: Client, acme: House) -> None:
    assert "Revoke the key" in alice.get(page_of(acme.api_key, "revoke")).content.decode()
    assert ApiKey.objects.get().revocation_time is None
    response = alice.post(page_of(acme.api_key, "revoke"), follow=True)
    assert "1 API key revoked." in response.content.decode() and "revoked" in response.content.decode()
    assert ApiKey.objects.get().revocation_time
    assert alice.post(page_of(acme.api_key, "revoke")).status_code == 403
    assert "Revoked." in alice.get(page_of(acme.api_key, "history")).content.decode()


def test_bulk_revocation_asks_first(alice: Client, acme: House) -> None:
    other, _ = issue_api_key(account=acme.admin, name="other", rights=["read"])
    form = {"action": "revoke_selected", "_selected_action": [acme.api_key.pk, other.pk], "index": "0"}
    question = alice.post(LIST, form).content.decode()
    assert "Revoke 2 API keys?" in question and "acme sender" in question
    assert not ApiKey.objects.exclude(revocation_time=None).exists()
    alice.post(LIST, form | {"confirmed": "yes"})
    assert not ApiKey.objects.filter(revocation_time=None).exists()


@pytest.fixture
def lineage(acme: House) -> list[ApiKey]:
    """A key, one made with it, and one made with that."""
    made: list[ApiKey] = []
    for name in ("parent", "child", "grandchild"):
        made.append(
            issue_api_key(account=acme.admin, name=name, rights=["write"], created_by_key=made[-1] if made else None)[0]
        )
    return made


def test_revocation_takes_what_the_key_made_along(alice: Client, lineage: list[ApiKey]) -> None:
    parent, child, _ = lineage
    question = alice.get(page_of(parent, "revoke")).content.decode()
    assert "Also 2 keys made with it" in question and "grandchild" in question

    assert (
        "3 API keys revoked."
        in alice.post(page_of(parent, "revoke"), {"descendants": "on"}, follow=True).content.decode()
    )

    assert set(ApiKey.objects.filter(revocation_time=None).values_list("name", flat=True)) == {"acme sender"}
    assert "Revoked." in alice.get(page_of(child, "history")).content.decode()


def test_revocation_of_one_key_alone(alice: Client, lineage: list[ApiKey]) -> None:
    alice.post(page_of(lineage[0], "revoke"))
    assert set(ApiKey.objects.exclude(revocation_time=None)) == {lineage[0]}


def test_key_that_made_another_is_kept(alice: Client, lineage: list[ApiKey]) -> None:
    parent, child, _ = lineage
    alice.post(page_of(parent, "revoke"), {"descendants": "on"})
    assert alice.post(page_of(parent, "delete"), {"post": "yes"}).status_code == 403
    assert "parent" in alice.get(page_of(child)).content.decode()


def test_expiration_moved_forward_holds_for_what_the_key_made(alice: Client, lineage: list[ApiKey]) -> None:
    alice.post(page_of(lineage[0]), {"name": "parent", "expiration_time_0": "2999-01-01", "expiration_time_1": "00:00"})
    assert {key.expiration_time.year for key in ApiKey.objects.filter(write=True)} == {2999}


def test_only_revoked_keys_can_be_deleted(alice: Client, acme: House) -> None:
    assert "/delete/" not in alice.get(page_of(acme.api_key)).content.decode()
    assert alice.post(page_of(acme.api_key, "delete"), {"post": "yes"}).status_code == 403
    revoke_api_key(api_key=acme.api_key, now=timezone.now())
    assert "Delete the API key" in alice.get(page_of(acme.api_key, "delete")).content.decode()
    alice.post(page_of(acme.api_key, "delete"), {"post": "yes"})
    assert not ApiKey.objects.exists()


@pytest.fixture
def keys_in_every_state(acme: House) -> dict[str, ApiKey]:
    now = timezone.now()
    disabled = make_account(acme.organization, "dora", disabled=True)
    made = {name: issue_api_key(account=acme.admin, name=name, rights=["read"])[0] for name in STATES}
    made["account disabled"].account = disabled
    made["account disabled"].save()
    made["expired"].expiration_time = now - timedelta(seconds=1)
    made["expired"].save()
    revoke_api_key(api_key=made["revoked"], now=now)
    rotate_api_key(api_key=made["replaced"], now=now)
    return made


@pytest.mark.parametrize("state", STATES)
def test_label_and_filter_agree_on_the_state(state: str, alice: Client, keys_in_every_state: dict[str, ApiKey]) -> None:
    now = timezone.now()
    assert state_of(ApiKey.objects.get(pk=keys_in_every_state[state].pk), now) == state
    found = {api_key.pk for api_key in ApiKey.objects.filter(STATES[state](now))}
    assert found == {api_key.pk for api_key in ApiKey.objects.all() if state_of(api_key, now) == state}
    page = alice.get(LIST, {"status": state}).content.decode()
    for other, api_key in keys_in_every_state.items():
        assert (page_of(api_key) in page) == (other == state)


def test_list_asks_as_many_questions_for_many_keys(alice: Client, acme: House) -> None:
    few = count_queries(alice, LIST)
    for index in range(20):
        account = make_account(acme.organization, f"person-{index}", role=Account.Role.ADMIN)
        issue_api_key(account=account, name=f"key {index}", rights=["ingest"], project=acme.project)
    assert "key 19" in alice.get(LIST).content.decode()
    assert count_queries(alice, LIST) == few <= 12


def test_last_use_is_shown(alice: Client, acme: House) -> None:
    assert "never" in alice.get(LIST).content.decode()
    ApiKey.objects.update(last_use_time=timezone.now() - timedelta(minutes=5))
    assert "5\xa0minutes ago" in alice.get(LIST).content.decode()


def test_last_use_of_a_key_that_sends_leads_to_the_events_of_then(alice: Client, acme: House) -> None:
    issue_api_key(account=acme.admin, name="reader", rights=["read"], project=acme.project)
    issue_api_key(account=acme.admin, name="sender", rights=["ingest"], project=acme.project)
    used = ApiKey.objects.filter(name__in=["reader", "sender"])
    used.update(last_use_time=datetime(2026, 1, 5, 10, tzinfo=UTC))
    page = html.unescape(alice.get(LIST).content.decode())
    address = f"/console/explore/?project={acme.project.pk}&from=2026-01-05T09%3A55%3A00Z&to=2026-01-05T10%3A05%3A00Z"
    assert page.count(f'<a class="text-link" href="{address}">') == 1


def test_addresses_are_named_as_django_names_them() -> None:
    assert reverse("admin:projects_apikey_changelist") == LIST
