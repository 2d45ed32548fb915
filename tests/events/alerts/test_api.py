"""Alerts in the platform API and on the command line."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.events.alerts.conftest import BY_SERVICE, Watch
from tests.pipelines.resources.samples import alert
from tests.platform_api import ApiClient

HOUR = timedelta(hours=1)


def test_state_and_history_are_shown(watch: Watch, client: ApiClient, capsys: Any) -> None:
    errors = watch(alert("quiet"), query=BY_SERVICE, threshold="> 1")
    assert {one["state"] for one in client.get("/alerts").json()["elements"]} == {"waiting"}
    errors.send("api", "api", "we\x1bb")
    errors.evaluate()
    shown = client.get("/alerts/name/many-errors").json()
    assert client.get(f"/alerts/id/{errors.resource.pk}").json() == shown
    assert (shown["state"], shown["value"], shown["disabled"]) == ("firing", 2, False)
    [condition] = shown["conditions"]
    assert condition.pop("since") == shown["state_time"]
    assert condition == {"kind": "firing", "group": {"service": "api"}, "value": 2}

    errors.evaluate(HOUR)
    changes = client.get(f"/alerts/id/{errors.resource.pk}/changes?sort=creation_time").json()["elements"]
    assert [(one["kind"], one["state"]) for one in changes] == [("began", "firing"), ("ended", "ok")]
    assert changes[0]["link"].startswith("http://127.0.0.1:8000/console/explore/?dataset=")

    call_command("alerts")
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["alert", "state", "since", "value", "evaluated"]
    assert [row.split()[:2] for row in rows] == [["many-errors", "ok"], ["quiet", "ok"]]
    call_command("alerts", "many-errors")
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[3::2]] == ["service api: 2", "service api"]
    call_command("alerts", "many-errors", "--json", "--limit", "1")
    assert json.loads(capsys.readouterr().out)["kind"] == "ended"
    call_command("alerts", "many-errors", "--snooze", "2h")
    assert "ok, snoozed" in capsys.readouterr().out
    with pytest.raises(CommandError, match="The alert has no channels"):
        call_command("alerts", "many-errors", "--test")
    with pytest.raises(CommandError, match="has no alert 'none'; choose from many-errors, quiet"):
        call_command("alerts", "none")
    with pytest.raises(CommandError, match="need the NAME of an alert"):
        call_command("alerts", "--snooze", "2h")
