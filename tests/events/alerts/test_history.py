"""The history of alerts is kept for a while, whether or not anything is added to it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from events.alerts.history import announce, note
from events.models import Alert, AlertChange, AlertMessage
from pipelines.resources.deploy import deploy
from pipelines.retention import delete_old
from projects.models import Project
from tests.events.lake.conftest import project  # noqa: F401  (fixture)
from tests.pipelines.resources.samples import alert, channel


def test_it_is_deleted_when_it_is_old_though_nothing_new_happens(project: Project, settings: Any) -> None:  # noqa: F811
    settings.EVENTLANE_ALERT_HISTORY_DAYS = 7
    deploy(project, [channel(), alert(channels=["on-call"])])
    announce(note(Alert.objects.get(), AlertChange.Kind.BEGAN, timezone.now()))

    def kept(days: float) -> int:
        assert delete_old(timezone.now() + timedelta(days=days), seconds=60)
        return AlertChange.objects.count() + AlertMessage.objects.count()

    assert (kept(6.9), kept(7.1)) == (2, 0)
