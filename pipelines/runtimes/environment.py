"""What a task's code finds: environment variables, context file, identities (docs/api/v0.md, section 6.6).

Later variables override earlier ones: EVENTLINE_*, identities, the task's `environment`, the command's parameters, the
task's parameters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from eventlane import exact_numbers
from eventlane.times import format_time
from pipelines.identities import kind_of, read_fields, variables_of
from pipelines.models import Identity, PlatformEvent, Task
from pipelines.resources.parameters import environment_of
from pipelines.runtimes.outcome import TaskFailed
from pipelines.secrets import UnreadableSecret

FILES_ROOT = "/eventline"  # the folder of the files, unless a runtime can't put them there
Fields = dict[str, str]


@dataclass(frozen=True, slots=True, repr=False)  # it contains secrets
class TaskEnvironment:
    """The environment of one attempt. `files` are bytes by their path below FILES_ROOT."""

    given: Mapping[str, str]  # variables except EVENTLINE_*
    task: Task
    files: Mapping[str, bytes]
    secrets: tuple[str, ...]
    registries: tuple[Fields, ...]  # of registry_identities

    def variables(self, root: str = FILES_ROOT) -> Fields:
        """Return the environment variables, for files in `root`."""
        own = {
            "EVENTLINE": "true",
            "EVENTLINE_PROJECT_ID": self.task.project_id,
            "EVENTLINE_PROJECT_NAME": self.task.project.name,
            "EVENTLINE_PIPELINE_ID": self.task.pipeline_id,
            "EVENTLINE_TASK_ID": self.task.pk,
            "EVENTLINE_CONTEXT_PATH": f"{root}/task/context",
            "EVENTLINE_IDENTITIES_PATH": f"{root}/identities",
        }
        return own | dict(self.given)


def task_environment(task: Task) -> TaskEnvironment:
    """Collect what a task gets; raise TaskFailed if an identity it names isn't available."""
    data = task.spec["data"]
    registry_names = data["runtime"].get("parameters", {}).get("registry_identities") or []
    names = data.get("identities") or []
    found = _identities(task, [*names, *registry_names])
    own = {name: found[name] for name in names}
    parameters = _task_parameters(task)
    return TaskEnvironment(
        given=_given_variables(task, own, parameters),
        task=task,
        files=dict(_files(task, own, parameters)),
        secrets=tuple(_secrets(found.values())),
        registries=tuple(found[name][1] for name in registry_names),
    )


def _identities(task: Task, names: list[str]) -> dict[str, tuple[Identity, Fields]]:
    """Return identities with their fields, and record that they were used."""
    if not names:
        return {}
    identities = list(Identity.objects.filter(project_id=task.project_id, name__in=names))
    found = {identity.name: (identity, _fields(identity)) for identity in identities}
    missing = [name for name in names if name not in found]
    if missing:
        raise TaskFailed(f"there is no identity {missing[0]!r} in this project")
    Identity.objects.filter(pk__in=[identity.pk for identity in identities]).update(last_use_time=timezone.now())
    return found


def _fields(identity: Identity) -> Fields:
    try:
        return read_fields(identity)
    except UnreadableSecret as error:
        raise TaskFailed(f"the identity {identity.name!r} can't be read: {error}") from None


def _secrets(found: Iterable[tuple[Identity, Fields]]) -> Iterable[str]:
    for identity, fields in found:
        known = {field.name for field in kind_of(identity).fields}
        secret = kind_of(identity).secrets
        # A field unknown to this version may well be secret.
        yield from (value for name, value in fields.items() if name in secret or name not in known)


def _given_variables(
    task: Task, identities: Mapping[str, tuple[Identity, Fields]], parameters: Mapping[str, Any]
) -> Fields:
    variables: Fields = {}
    for identity, fields in identities.values():
        variables |= variables_of(identity, fields)
    variables |= task.spec["data"].get("environment") or {}
    variables |= task.pipeline.command_environment
    return variables | environment_of(_declared_parameters(task), parameters)


def _declared_parameters(task: Task) -> list[dict[str, Any]]:
    return task.spec["data"].get("parameters") or []


def _task_parameters(task: Task) -> dict[str, Any]:
    """Return the values that the pipeline passes for the task's parameters, or their defaults."""
    given = task.pipeline_task.get("parameters") or {}
    defaults = {one["name"]: one["default"] for one in _declared_parameters(task) if "default" in one}
    return defaults | given


def _files(
    task: Task, identities: Mapping[str, tuple[Identity, Fields]], parameters: Mapping[str, Any]
) -> Iterable[tuple[str, bytes]]:
    context = {
        "event": event_object(task.pipeline.event),
        "task_parameters": parameters,
        "instance_id": task.instance_id,
        "identities": {
            name: {"connector": identity.connector, "type": identity.type, "name": name, "data": fields}
            for name, (identity, fields) in identities.items()
        },
    }
    yield "task/context", exact_numbers.encode(context)
    for name, (_, fields) in identities.items():
        for field, value in fields.items():
            yield f"identities/{name}/{field}", value.encode()


def event_object(event: PlatformEvent) -> dict[str, Any]:
    """Return an event's wire form (docs/api/v0.md, section 2.8)."""
    origins = {"trigger_id": event.trigger_id, "command_id": event.command_id}
    return {
        "id": event.pk,
        "org_id": event.project.organization_id,
        "project_id": event.project_id,
        **{name: origin for name, origin in origins.items() if origin},
        "creation_time": format_time(event.creation_time),
        "event_time": format_time(event.event_time),
        "connector": event.connector,
        "name": event.name,
        "data": event.data,
        "processed": event.processed,
        "original_event_id": event.original_event_id,
    }
