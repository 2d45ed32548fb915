"""Every page of the console shows its times in the chosen zone: this walks over all addresses that there are.

All times in the database are the same moment, so a page that shows a time shows that one.
"""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db.models import DateTimeField, Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from events.alerts.actions import fire_test
from events.models import (
    Alert,
    LedgerHour,
    QuarantinedRequest,
    RefusedCount,
    SealerIncident,
    UnreadTimes,
)
from pipelines.command_executions import execute_command
from pipelines.hooks import ensure_hooks
from pipelines.models import Hook, Resource, Status
from pipelines.resources.deploy import deploy
from tests.console import logged_in
from tests.factories import House, make_house, make_identity
from tests.pipelines.console.deployed import end, run, write
from tests.pipelines.resources.samples import alert, channel, dashboard, query, timer, trigger, whole

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

KOLKATA = "Asia/Kolkata"
LABELLED_UTC = re.compile(r"(?<!day at )(?<!:)\b\d\d:\d\d(:\d\d)? UTC\b")  # but for a timer's: it is set in UTC
OURS = ("projects", "pipelines", "events")
# Addresses under /console/ that aren't pages of somebody who is logged in, and what Django itself has.
NO_PAGES = {
    *("account-password", "login", "logout", "jsi18n", "autocomplete", "view_on_site", "search", "app_list"),
    *("pipelines_resource_rename", "pipelines_resource_remove"),  # buttons of what a person saved
    *("password_change", "password_change_done", "auth_user_password_change"),
}
# What shows events has a lake in its tests: explore/test_page.py, dashboards/test_widgets.py, test_home.py.
OF_EVENTS = re.compile(r"console-(explore|dashboard|home-(events|errors))")
# These show a time of a row, so that the test can't pass because pages show none.
WITH_TIMES = {
    *("console-home-pipelines", "console-ledger", "console-system", "console-system-live"),
    *("projects_apikey_changelist", "projects_apikey_change", "projects_apikey_history", "projects_apikey_revoke"),
    *("projects_account_changelist", "projects_account_change", "projects_project_changelist"),
    *("pipelines_pipeline_changelist", "pipelines_pipeline_change", "pipelines_pipeline_live"),
    *("pipelines_command_changelist", "pipelines_command_change", "pipelines_trigger_changelist"),
    *("pipelines_trigger_change", "pipelines_platformevent_changelist", "pipelines_platformevent_change"),
    *("pipelines_resource_changelist", "pipelines_resource_change", "pipelines_hook_changelist"),
    *("pipelines_hook_change", "pipelines_identity_changelist", "pipelines_identity_change"),
    *("events_dataset_changelist", "events_dataset_change", "events_namespace_changelist", "events_namespace_change"),
    *("events_alert_changelist", "events_alert_change"),
    *("events_quarantinedrequest_changelist", "events_quarantinedrequest_change"),
    *("projects_organization_change", "projects_project_change", "projects_project_history"),
}
CHOSEN: dict[str, dict[str, Any]] = {  # the rows whose pages show the most
    "resource": {"type": "pipeline"},
    "command": {"type": "command"},
    "trigger": {"name": "nightly"},
    "pipeline": {"status": Status.FAILED},
}


@pytest.fixture
def house() -> House:
    """An organization with one of everything that a page shows."""
    house = make_house("acme", "alice")
    wanted = [*whole(), timer("nightly"), channel(), dashboard(), query()]
    deploy(house.project, [*wanted, alert(channels=["on-call"]), trigger("orders", connector="webhook", event="order")])
    ended = run(house.project)
    write(ended.tasks.get(), "hello")
    end(ended, Status.FAILED)
    execute_command(Resource.objects.get(type="command"), {}, house.admin)
    ensure_hooks(house.project)
    make_identity(house.project, api_key="secret")
    fire_test(Alert.objects.get().resource, house.admin.email)
    now, counts = timezone.now(), dict.fromkeys(("stored", "duplicates", "quarantined", "unsealed", "expired"), 0)
    place = {"dataset_id": house.dataset.pk, "hour": now}
    LedgerHour.objects.create(**place, **counts, accepted=1, erased=0, settled=0)
    RefusedCount.objects.create(hour=now, project=house.project, status=400, requests=1, latest_time=now, reason="bad")
    SealerIncident.objects.create(node="here", start_time=now, latest_time=now, error="full")
    UnreadTimes.objects.create(dataset=house.dataset, events=1)
    QuarantinedRequest.objects.create(project=house.project, path="/v1/logs/web", body=b"[]", bytes=2, reason="bad")
    for model in (*(type(row) for row in house.rows().values()), Hook):
        for row in model._default_manager.all():
            LogEntry.objects.log_actions(house.admin.pk, [row], 2, change_message="Changed.", single_object=True)
    return house


@pytest.fixture
def alice(house: House) -> Client:
    client = logged_in(house.admin)
    client.cookies["eventlane_zone"] = KOLKATA
    return client


def set_all_times(moment: Any) -> None:
    for model in [*(model for name in OURS for model in apps.get_app_config(name).get_models()), LogEntry]:
        names = [field.name for field in model._meta.fields if isinstance(field, DateTimeField)]
        names = [name for name in names if name != "revocation_time"]  # a key that is revoked has fewer pages
        if names and model._meta.managed and not model._meta.proxy:
            model._default_manager.update(**dict.fromkeys(names, moment))


def console_addresses() -> Iterator[tuple[str, str]]:
    """Return the name of each address of a page, and the address with a row in it."""
    for pattern, name in _patterns(get_resolver().url_patterns, ""):
        if pattern.startswith("console/") and name and name not in NO_PAGES and not OF_EVENTS.match(name):
            row = _row_of(name) if "<path:object_id>" in pattern else None
            filled = pattern.replace("<path:object_id>", row.pk if row else "")
            if name == "pipelines_pipeline_output":
                filled = filled.replace("<str:task_id>", row.tasks.get().pk).replace("<int:position>", "0")  # type: ignore
            assert "<" not in filled, f"{pattern}: say here what fills it"
            yield name, f"/{filled}"


def _patterns(patterns: list[Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.name


def _row_of(name: str) -> Any:
    """Return a row of the model that an address of Django's admin is about."""
    app, model, _ = name.split("_", 2)
    rows: type[Model] = apps.get_model(app, model)
    row = rows._default_manager.filter(**CHOSEN.get(model, {})).first()
    assert row is not None, f"{name}: make a row of it in the fixture"
    return row


def shown(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code in (200, 403, 405), f"{path}: {response.status_code}"
    return html.unescape(b"".join(response).decode())


def test_every_page_shows_its_times_in_the_chosen_zone(house: House, alice: Client) -> None:
    moment = timezone.now().replace(second=13, microsecond=0) - timedelta(minutes=67)
    set_all_times(moment)
    there = moment.astimezone(ZoneInfo(KOLKATA))
    in_utc, local = (re.compile(rf"\b{time:%H:%M}(:13)?\b") for time in (moment, there))
    with_times, wrong = set(), []
    for name, path in console_addresses():
        page = shown(alice, path)
        if in_utc.search(page) or LABELLED_UTC.search(page):
            wrong.append(f"{name} shows a time in UTC")
        if local.search(page):
            with_times.add(name)
            if " IST" not in page and KOLKATA not in page:
                wrong.append(f"{name} doesn't say which zone it is")
    assert not wrong, "\n".join(wrong)
    assert WITH_TIMES - with_times == set()
