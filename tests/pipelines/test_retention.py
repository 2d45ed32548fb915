"""What ended long ago goes; what a kept pipeline needs stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pipelines.command_executions import execute_command
from pipelines.execution.pipelines import abort_pipeline
from pipelines.models import CommandExecution, Pipeline, PlatformEvent
from pipelines.retention import delete_old
from projects.models import Project
from tests.console import logged_in
from tests.factories import make_definition, make_event, make_house, make_project, make_resource, start

pytestmark = pytest.mark.django_db
MODELS = (Pipeline, CommandExecution, PlatformEvent)


@pytest.fixture
def project() -> Project:
    return make_project()


def ended(project: Project, **data: Any) -> Pipeline:
    """A pipeline that was aborted before it began."""
    pipeline = start(make_definition(project, name=f"p{Pipeline.objects.count()}", **data))
    abort_pipeline(pipeline)
    return pipeline


def days(count: float) -> Any:
    return timezone.now() + timedelta(days=count)


def deleted(count: float) -> int:
    """Let so many days pass; return how many rows were deleted."""
    before = sum(model.objects.count() for model in MODELS)
    assert delete_old(days(count), seconds=60)
    return before - sum(model.objects.count() for model in MODELS)


def test_ended_pipelines_go_with_their_events_after_ninety_days(project: Project) -> None:
    ended(project)
    assert deleted(89) == 0
    assert deleted(90.1) == 2
    assert not Pipeline.objects.exists() and not PlatformEvent.objects.exists()


def test_project_says_how_long(project: Project) -> None:
    for retention, rows in ((0, 0), (200, 0), (2, 2)):
        Project.objects.update(pipeline_retention_days=retention)
        if not Pipeline.objects.exists():
            ended(project)
        assert deleted(100) == rows


def test_server_says_for_ever(project: Project, settings: Any) -> None:
    ended(project)
    settings.EVENTLANE_PIPELINE_RETENTION_DAYS = 10**9
    assert deleted(10_000) == 0
    settings.EVENTLANE_PIPELINE_RETENTION_DAYS = 0
    assert deleted(10_000) == 0


def test_what_runs_and_what_its_own_spec_keeps_stays_with_its_event(project: Project) -> None:
    running, kept = start(make_definition(project)), ended(project, retention=36_500)
    waiting = make_event(project, processed=False)
    make_event(project)
    assert deleted(100) == 1
    assert {row.pk for row in Pipeline.objects.all()} == {running.pk, kept.pk}
    assert {row.pk for row in PlatformEvent.objects.all()} == {running.event_id, kept.event_id, waiting.pk}


def test_execution_of_a_command_stays_as_long_as_its_pipelines() -> None:
    house = make_house("acme", "alice")
    make_definition(house.project, name="deploy")
    command = make_resource(house.project, "command", "go", {"pipelines": ["deploy"], "parameters": []})
    execution = execute_command(command, {}, house.admin)
    assert deleted(100) == 0
    abort_pipeline(Pipeline.objects.get(pk=execution.pipeline_ids[0]))
    assert deleted(100) == 3
    assert not CommandExecution.objects.exists()


def test_restarted_pipeline_counts_from_its_last_end(project: Project) -> None:
    pipeline = ended(project)
    Pipeline.objects.update(end_time=days(50))
    assert deleted(100) == 0
    assert deleted(141) == 2
    assert not Pipeline.objects.filter(pk=pipeline.pk).exists()


def test_console_shows_and_sets_it() -> None:
    house = make_house("acme", "alice")
    client = logged_in(house.admin)
    address = f"/console/projects/project/{house.project.pk}/change/"
    assert "days to keep pipelines" in client.get(address).content.decode().lower()
    form = {"name": "acme-project", "code_header": "", "pipeline_retention_days": "7"}
    assert client.post(address, form).status_code == 302
    house.project.refresh_from_db()
    assert house.project.pipeline_retention_days == 7
    pipeline = ended(house.project)
    page = client.get(f"/console/pipelines/pipeline/{pipeline.pk}/change/").content.decode()
    assert f"{timezone.now() + timedelta(days=7):%Y-%m-%d}" in page


def test_step_ends_in_time_and_the_next_goes_on(project: Project) -> None:
    definition = make_definition(project, concurrent=True)
    for _ in range(3):
        abort_pipeline(start(definition))
    assert not delete_old(days(100), seconds=0) and Pipeline.objects.count() == 3
    assert delete_old(days(100)) and not Pipeline.objects.exists()
