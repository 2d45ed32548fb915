"""What an alert says when something around it changes: its channels, the clock, the order it asks for."""

import json
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from events.alerts.due import evaluate_due
from events.alerts.links import explore_path
from events.models import Alert
from pipelines.resources.deploy import deploy
from tests.events.alerts.conftest import BY_SERVICE, Watch, send
from tests.events.alerts.receivers import WebServer
from tests.pipelines.resources.samples import alert, channel, query

HOUR = timedelta(hours=1)


def told(web: WebServer) -> list[str]:
    """Return what the channel was told."""
    send()
    return [json.loads(body)["title"] for _, _, body in web.received]


def test_channel_of_an_alert_that_fires_already_is_told(watch: Watch, web: WebServer) -> None:
    errors = watch()
    errors.send("api", "api", "api")
    errors.evaluate()
    deploy(errors.project, [alert(channels=["hook"]), channel("hook", kind="webhook", url=web.url())])
    errors.evaluate()
    errors.evaluate()
    assert told(web) == ["FIRING: many-errors, count 3"]


def test_clock_that_was_turned_back_stops_no_alert(watch: Watch) -> None:
    errors = watch(frequency="1m")
    now = timezone.now()
    Alert.objects.update(next_time=now + HOUR, evaluation_time=now + HOUR - timedelta(minutes=1))
    errors.send("api", "api", "api")
    assert evaluate_due(threading.Event()) == 1 and errors.state == "firing"
    assert evaluate_due(threading.Event()) == 0
    assert timedelta() < errors.row.next_time - now < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("threshold", "calculation", "order"),
    [("> 5", None, None), ("< 5", None, "count"), ("> 5", "slowest", "slowest desc"), ("<= 5", "slowest", "slowest")],
)
def test_link_shows_the_worst_first(watch: Watch, threshold: str, calculation: str | None, order: str | None) -> None:
    asked = BY_SERVICE | {
        "calculations": [{"op": "count"}, {"op": "max", "path": "duration", "alias": "slowest"}],
    }
    for own in (asked, "saved"):
        errors = watch(query("saved", **asked), query=own, threshold=threshold, calculation=calculation)
        address = parse_qs(urlsplit(explore_path(errors.resource, timezone.now())).query)
        assert address.get("order", [None]) == [order]


def test_link_asks_by_the_time_that_the_alert_asks_by(watch: Watch) -> None:
    def times(**data: Any) -> list[str]:
        errors = watch(query("saved", **BY_SERVICE), threshold="> 1", **data)
        return parse_qs(urlsplit(explore_path(errors.resource, timezone.now())).query).get("time", [])

    assert [times(query=BY_SERVICE), times(query=BY_SERVICE | {"time": "event"}), times(query="saved")] == [
        ["received"],
        [],
        [],
    ]
