"""The page Ledger: sums, hours that don't balance, keys, and refused requests with examples, of one's own only."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from eventlane.times import hour_of
from events.models import Dataset, LedgerHour, RefusedCount
from projects.api_keys import issue_api_key
from projects.models import Project
from tests.console import logged_in
from tests.factories import House, make_house

pytestmark = pytest.mark.django_db
HOUR = hour_of(timezone.now())


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


def count(dataset: Dataset, hours_ago: int = 0, **counts: Any) -> LedgerHour:
    nothing = dict.fromkeys(
        ("accepted", "stored", "duplicates", "quarantined", "unsealed", "expired", "erased", "settled"), 0
    )
    hour = HOUR - timedelta(hours=hours_ago)
    return LedgerHour.objects.create(dataset_id=dataset.pk, hour=hour, **nothing | counts)


def refuse(project: Project | None, reason: str, hours_ago: int = 0, **values: Any) -> None:
    moment = timezone.now() - timedelta(hours=hours_ago)
    given = {"project": project, "reason": reason, "status": 400, "requests": 1, "latest_time": moment} | values
    RefusedCount.objects.create(hour=hour_of(moment), **given)


def page(house: House, address: str = "/console/ledger/") -> str:
    response = logged_in(house.admin).get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_new_installation_has_an_empty_ledger(acme: House) -> None:
    found = page(acme)
    assert "Nothing has been counted yet" in found and "No request was refused" in found
    assert Client().get("/console/ledger/").status_code == 302


def test_page_shows_sums_differences_keys_and_refusals(acme: House) -> None:
    [dataset] = Dataset.objects.all()
    key, _ = issue_api_key(account=acme.admin, name="shipper", rights=["ingest"], project=acme.project)
    count(dataset, 1, accepted=12_000, stored=12_000, key_id=key.pk)
    count(dataset, 2, accepted=500, stored=400, expired=60, key_id=key.pk)
    count(dataset, 60, accepted=7, stored=7)
    for hours_ago, example in ((3, "earlier"), (1, "<b>newest</b>")):
        refuse(
            acme.project, "unexpected end", hours_ago, key_id=key.pk, dataset="acme-logs", requests=21, example=example
        )
    refuse(None, "the API key is unknown", status=401)
    found = page(acme)
    for cell in ("12,500", "12,400", ">60<", '<td class="ev-number ev-errors">40</td>'):
        assert cell in found
    assert "Hours that don’t balance" in found and "Settled" not in found
    assert found.count("unexpected end") == 1 and ">42</td>" in found
    assert "&lt;b&gt;newest&lt;/b&gt;" in found and "earlier" not in found
    assert "the API key is unknown" in found and "no valid key" in found and "shipper" in found
    system = page(acme, "/console/system/")
    assert "40 events of acme-logs are unaccounted for" in system and "manage.py ledger" in system
    count(dataset, 3, accepted=5, stored=45)
    system = page(acme, "/console/system/")
    assert "40 events of acme-logs are unaccounted for; 40 events of acme-logs are stored more often" in system
    assert "12,512" in page(acme, "/console/ledger/?last=7d") and "12,512" not in page(acme, "/console/ledger/?last=x")


def test_others_see_nothing_of_it(acme: House) -> None:
    umbrella = make_house("umbrella", "charlie")
    for dataset in Dataset.objects.all():
        count(dataset, accepted=5, stored=5)
    refuse(acme.project, "acme sent this", key_id="1" * 27, example="acme's secret")
    refuse(None, "nobody's key")
    found = page(umbrella)
    assert "acme" not in found and "nobody" not in found and "umbrella-logs" in found
    assert "acme sent this" in page(acme) and "nobody" not in page(acme)
