"""Alerts on a node with a journal and a lake."""

import ipaddress as ip
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.alerts.due import evaluate_due
from events.alerts.messages import send_due
from events.models import Alert, AlertChange, AlertMessage
from pipelines.identities import write_fields
from pipelines.models import Identity, Resource
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.events.alerts.receivers import MailServer, WebServer, running
from tests.events.api.conftest import client, port  # noqa: F401  (fixtures)
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)
from tests.pipelines.resources.samples import alert

COUNT_ERRORS = {"datasets": ["logs"], "q": "level:error"}
BY_SERVICE = COUNT_ERRORS | {"group_by": ["service"]}


class Watched:
    """A deployed alert, and what happens to it."""

    def __init__(self, node: Node, spec: dict[str, Any], *others: Any) -> None:  # noqa: F811
        self.node, self.project = node, node.dataset.project
        deploy(self.project, [spec, *others])
        self.resource = Resource.objects.get(project=self.project, type="alert", name=spec["name"])

    @property
    def row(self) -> Alert:
        return Alert.objects.select_related("resource").get(resource=self.resource)

    @property
    def state(self) -> str:
        return self.row.state

    def send(self, *services: str, level: str = "error", age: timedelta | None = None) -> None:
        """Send an event of each of these services."""
        self.node.write(*(json.dumps({"level": level, "service": one}) for one in services), age=age)

    def make_due(self, ago: timedelta = timedelta()) -> None:
        """Let the alert have been due so long ago."""
        Alert.objects.filter(resource=self.resource).update(next_time=timezone.now() - ago)

    def evaluate(self, ago: timedelta = timedelta()) -> str:
        """Let it be due, do what a worker does, and return the state."""
        self.make_due(ago)
        evaluate_due(threading.Event())
        return self.state

    def history(self) -> list[tuple[Any, ...]]:
        """Return kind and state of each entry, with the groups and values, or the kind, of its conditions."""
        return [
            (change.kind, change.state, [_short(one) for one in change.conditions])
            for change in AlertChange.objects.filter(alert=self.resource.pk).order_by("creation_time")
        ]


def _short(condition: dict[str, Any]) -> Any:
    if "group" not in condition:
        return condition.get("text", condition["kind"])
    return [*condition["group"].values(), condition["value"]]


@contextmanager
def worker_of(node: Node) -> Iterator[None]:  # noqa: F811
    """Run a worker of the node meanwhile, as a process."""
    with subprocess.Popen(**node.command("work")) as process:
        try:
            yield
        finally:
            process.terminate()


Watch = Callable[..., Watched]


@pytest.fixture
def watch(node: Node, settings: Any) -> Iterator[Watch]:  # noqa: F811
    """Return a function that deploys an alert, with other specs if there are any."""
    from events.lake.slots import slots

    settings.EVENTLANE_ALERT_DELAY_SECONDS = 0
    yield lambda *others, name="many-errors", **data: Watched(node, alert(name, **data), *others)
    slots.close()  # its DuckDB is attached to this test's lake


@pytest.fixture
def web(settings: Any) -> Iterator[WebServer]:
    settings.EVENTLANE_ALERT_TARGETS = [ip.ip_network("127.0.0.0/8"), ip.ip_network("::1/128")]
    with running(WebServer()) as server:
        yield server


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with running(MailServer()) as server:
        settings.EVENTLANE_SMTP_HOST, settings.EVENTLANE_SMTP_PORT = "127.0.0.1", server.port
        settings.EVENTLANE_SMTP_SECURITY = "none"
        yield server


def send() -> int:
    """Do what a worker does, with all messages due now."""
    AlertMessage.objects.update(due_time=timezone.now())
    return send_due(threading.Event())


def add_identity(project: Project, name: str, value: str) -> None:  # noqa: F811
    identity = Identity(project=project, name=name, connector="generic", type="secret")
    write_fields(identity, {"value": value})
    identity.save()
