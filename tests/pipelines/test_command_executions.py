"""Executing commands."""

from typing import Any

import pytest

from eventlane.wire.errors import InvalidRequestBody, StateError, UnknownObject
from pipelines.command_executions import execute_command
from pipelines.models import CommandExecution, Pipeline, PlatformEvent
from projects.models import Project
from tests.factories import disable, make_account, make_command, make_definition, make_project

pytestmark = pytest.mark.django_db

VERSION = {"name": "version", "type": "string", "values": ["1", "2"]}
COUNT = {"name": "count", "type": "integer", "default": 3}
RATIO = {"name": "ratio", "type": "number", "default": 0.5}
FORCE = {"name": "force", "type": "boolean", "default": False}


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_definition(project)
    return project


def problems(project: Project, values: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestBody) as caught:
        execute_command(make_command(project, VERSION, COUNT, RATIO, FORCE), values, None, **options)
    assert not PlatformEvent.objects.exists() and not CommandExecution.objects.exists()
    return [(problem["pointer"], problem["reason"]) for problem in caught.value.data["jsv_errors"]]


def test_one_event_one_execution_and_every_pipeline_in_order(project):
    for name in ("zeta", "alpha"):
        make_definition(project, name=name)
    command = make_command(project, VERSION, COUNT, pipelines=["zeta", "deploy", "alpha"])
    account = make_account(project.organization, "alice")

    execution = execute_command(command, {"version": "2"}, account)

    parameters = {"version": "2", "count": 3}
    event = PlatformEvent.objects.get()
    assert (event.connector, event.name, event.processed) == ("command", "execution", True)
    assert event.data == {"parameters": parameters, "command_id": command.pk, "command_name": "release"}
    assert (event.command_id, event.trigger_id, event.event_time) == (command.pk, None, execution.execution_time)
    stored = CommandExecution.objects.get()
    assert (stored, stored.event, stored.executor, stored.command_id) == (execution, event, account, command.pk)
    assert stored.parameters == parameters
    names = dict(Pipeline.objects.values_list("id", "name"))
    assert [names[pipeline_id] for pipeline_id in stored.pipeline_ids] == ["zeta", "deploy", "alpha"]
    for pipeline in Pipeline.objects.all():
        assert (pipeline.event, pipeline.command_id, pipeline.trigger_id) == (event, command.pk, None)
        assert pipeline.tasks.get().command_parameters == parameters


def test_variables_of_parameters_are_kept_with_the_pipeline(project):
    command = make_command(
        project, VERSION | {"environment": "VERSION"}, COUNT, FORCE | {"environment": "FORCE"}, pipelines=["deploy"]
    )
    execute_command(command, {"version": "1"}, None)
    command.delete()

    assert Pipeline.objects.get().command_environment == {"VERSION": "1", "FORCE": "false"}


def test_disabled_pipelines_are_left_out(project):
    disable(make_definition(project, name="off"))

    execution = execute_command(make_command(project, pipelines=["off", "deploy"]), {}, None)

    assert execution.pipeline_ids == [Pipeline.objects.get(name="deploy").pk] and execution.executor is None


@pytest.mark.parametrize(
    "values, parameters",
    [
        (
            {"version": "1", "count": 7.0, "ratio": 1, "force": True},
            {"version": "1", "count": 7, "ratio": 1, "force": True},
        ),
        ({"version": "1", "count": None}, {"version": "1", "count": 3, "ratio": 0.5, "force": False}),
    ],
)
def test_effective_values(project, values, parameters):
    command = make_command(project, VERSION, COUNT, RATIO, FORCE)

    assert execute_command(command, values, None).parameters == parameters


@pytest.mark.parametrize(
    "values, expected",
    [
        ({}, [("/parameters", "parameter 'version' is missing: it has no default")]),
        ({"version": None}, [("/parameters", "parameter 'version' is missing: it has no default")]),
        ({"version": "3"}, [("/parameters/version", "must be one of '1', '2'")]),
        ({"version": 1}, [("/parameters/version", "must be a string")]),
        ({"version": "1", "count": 1.5}, [("/parameters/count", "must be an integer")]),
        ({"version": "1", "ratio": True}, [("/parameters/ratio", "must be a number")]),
        ({"version": "1", "force": 1}, [("/parameters/force", "must be true or false")]),
        ({"version": "1", "a": 1}, [("/parameters", "there is no parameter 'a'")]),
        (
            {"count": "x", "a": 1},
            [
                ("/parameters", "parameter 'version' is missing: it has no default"),
                ("/parameters/count", "must be an integer"),
                ("/parameters", "there is no parameter 'a'"),
            ],
        ),
    ],
)
def test_every_problem_of_the_values_is_told(project, values, expected):
    assert problems(project, values) == expected


def test_place_of_values_that_are_not_wrapped(project):
    assert problems(project, {"version": 1}, pointer="") == [("/version", "must be a string")]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_cannot_be_stored(project, text):
    with pytest.raises(InvalidRequestBody) as caught:
        execute_command(make_command(project, {"name": "text", "type": "string"}), {"text": text}, None)
    assert [problem["pointer"] for problem in caught.value.data["jsv_errors"]] == ["/parameters/text"]


def test_disabled_command(project):
    command = make_command(project, VERSION)
    disable(command)

    with pytest.raises(StateError) as caught:
        execute_command(command, {"version": "1"}, None)
    assert caught.value.code == "resource_disabled" and not PlatformEvent.objects.exists()


def test_command_is_taken_as_it_is_deployed_by_then(project):
    command = make_command(project, VERSION)
    make_command(project, name="other")
    current = type(command).objects.get(pk=command.pk)
    current.spec["data"]["parameters"] = []
    current.save()
    assert execute_command(command, {}, None).parameters == {}

    current.delete()
    with pytest.raises(UnknownObject) as caught:
        execute_command(command, {}, None)
    assert caught.value.code == "unknown_resource"
