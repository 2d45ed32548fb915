"""Generates docs/specs, the reference of all specs, from the tables that check specs."""

import json
from collections.abc import Iterator, Mapping

from pipelines.resources.added import ADDED
from pipelines.resources.kinds import data_of
from pipelines.resources.shapes import Member, about

EXAMPLES = {
    "task": """\
type: task
version: 1
name: build
description: Build the site.
data:
  parameters:
    - {name: target, type: string, values: [test, live], default: test, environment: TARGET}
  runtime:
    name: local
    parameters: {timeout: 600, memory_mb: 512}
  identities: []
  environment: {LANG: C.UTF-8}
  steps:
    - label: Say
      code: echo "building $TARGET"
    - label: List
      command: ls
      arguments: [-l]
""",
    "pipeline": """\
type: pipeline
version: 1
name: release
data:
  concurrent: false
  retention: 30
  tasks:
    - {task: build, name: first, nb_retries: 2, retry_delay: 10}
    - {task: build, name: many, nb_instances: 3, dependencies: [first]}
    - {task: build, name: extra, parameters: {target: live}, on_failure: continue, label: Never mind}
""",
    "command": """\
type: command
version: 1
name: release
description: Build and publish.
data:
  parameters:
    - {name: branch, type: string, default: main, description: What to build., environment: BRANCH}
    - {name: replicas, type: integer, default: 2}
  pipelines: [release]
""",
    "trigger": """\
type: trigger
version: 1
name: on-failure
data:
  connector: dataset
  event: logs
  parameters:
    rate_limit: {events: 10, seconds: 60}
  filters:
    - {path: /level, is_equal_to: error}
    - {path: /message, matches: "^payment .* failed"}
  pipelines: [release]
""",
}
MEANINGS = {
    "task": {
        "parameters": "values that a pipeline can pass to it, each by name",
        "parameters.name": "lower case letters, digits, `-` and `_`",
        "parameters.type": "type of its values",
        "parameters.values": "the values that a `string` may have",
        "parameters.default": "used if no value is given; without a default, a value is required",
        "parameters.description": "description for people",
        "parameters.environment": "environment variable that holds the value",
        "runtime": "what runs the steps",
        "runtime.name": "run steps as processes of the worker, in a container, or not at all",
        "runtime.parameters.image (container)": "the image, like `python:3.13`",
        "runtime.parameters.host_type (container)": "CPU and memory that it gets, as set on the server",
        "runtime.parameters.registry_identities (container)": "identities to log in to registries with",
        "runtime.parameters.extra_containers (container)": "further containers on the same network",
        "runtime.parameters.extra_containers (container).name": "its name",
        "runtime.parameters.extra_containers (container).image": "its image",
        "runtime.parameters.extra_containers (container).command": "program to run instead of the image's",
        "runtime.parameters.extra_containers (container).arguments": "arguments of the program",
        "runtime.parameters.extra_containers (container).environment": "environment variables; visible, so no secrets",
        "runtime.parameters.extra_containers (container).user": "user that it runs as; the default is the image's user",
        "runtime.parameters.extra_containers (container).capabilities": "what a root user may do; "
        "the default is what images need to become another user, see [tasks](../tasks.md)",
        "runtime.parameters.timeout (container)": "time limit in seconds, all steps together",
        "runtime.parameters.user (container)": "user that steps run as, `image` for the image's user; "
        "the default is `EVENTLANE_CONTAINER_USER`",
        "runtime.parameters.capabilities (container)": "what a root user may do; the default is nothing",
        "runtime.parameters.timeout (local)": "time limit in seconds, all steps together",
        "runtime.parameters.memory_mb (local)": "memory in MB that each process may write to",
        "runtime.parameters.processes (local)": "number of processes at once",
        "runtime.parameters.output_kb (local)": "KB of output to keep",
        "identities": "names of identities; steps find them as files",
        "environment": "environment variables for steps",
        "steps": "programs that run one after the other; required unless the runtime is `none`",
        "steps.label": "title on pages",
        "steps.code": "text of a program; without a shebang it gets the project's code header in front",
        "steps.command": "program by name or path, instead of code",
        "steps.source": "file in the deployed folder whose text becomes the code",
        "steps.arguments": "arguments of the program; a single text counts as a list of one",
    },
    "pipeline": {
        "concurrent": "whether several may run at once; otherwise each waits for the one before",
        "retention": "how many days a finished pipeline is kept; by default the project decides",
        "tasks": "tasks that it runs",
        "tasks.name": "name that the `dependencies` of others use; "
        "without it, the task's name is shown, with a number if that is taken",
        "tasks.label": "title on pages",
        "tasks.task": "the name of a deployed task",
        "tasks.parameters": "values for the task's parameters",
        "tasks.dependencies": "the `name`s of entries that must end first",
        "tasks.on_failure": "after a failure without retries left: "
        "abort all other tasks, or continue with what depends on it",
        "tasks.nb_instances": "number of instances that run side by side",
        "tasks.nb_retries": "how often it runs again after a failure",
        "tasks.retry_delay": "seconds before a retry",
    },
    "command": {
        "parameters": "values that can be given when it is executed, each by name",
        "parameters.name": "lower case letters, digits, `-` and `_`",
        "parameters.type": "type of its values",
        "parameters.values": "the values that a `string` may have",
        "parameters.default": "used if no value is given; without a default, a value is required",
        "parameters.description": "description shown in the form",
        "parameters.environment": "environment variable with the value in the pipelines' tasks; triggers set none",
        "pipelines": "names of the deployed pipelines to start",
    },
    "trigger": {
        "connector": "where events come from, see [triggers](../triggers.md)",
        "event": "name of the event; for `dataset`, of the dataset",
        "parameters": "parameters of the connector",
        "filters": "conditions on an event's data; all must be true",
        "filters.path": "JSON pointer into the data",
        "filters.is_equal_to": "the value there equals this",
        "filters.is_not_equal_to": "the value there doesn't equal this",
        "filters.matches": "the text there contains a match (RE2)",
        "filters.does_not_match": "the text there contains no match",
        "identity": "name of an identity for the connector",
        "pipelines": "names of the deployed pipelines to start",
    },
}
HEAD = """\
# {title} specs

The members of `data` in a spec of type `{kind}`. This page is generated from the tables that check specs:
`python manage.py specs {kind} > docs/specs/{kind}.md`.

    {example}

| member | type | default | meaning |
| --- | --- | --- | --- |
"""


def examples() -> dict[str, str]:
    """Return a spec of every kind, by kind."""
    return EXAMPLES | {kind: added.example for kind, added in ADDED.items()}


def meanings(kind: str) -> Mapping[str, str]:
    """Return what the members of a kind's data mean, by their paths."""
    return MEANINGS[kind] if kind in MEANINGS else ADDED[kind].meanings


def members_of(kind: str) -> Iterator[tuple[str, Member]]:
    """Yield every member of a kind's data by its path: tasks, tasks.name."""
    return _below("", about(data_of(kind)).members)


def _below(place: str, members: Mapping[str, Member]) -> Iterator[tuple[str, Member]]:
    for name, member in members.items():
        yield place + name, member
        yield from _below(f"{place}{name}.", about(member.shape).members)


def page(kind: str) -> str:
    """Return docs/specs/KIND.md."""
    example = examples()[kind].rstrip().replace("\n", "\n    ")
    rows = (_row(place, member, meanings(kind)[place]) for place, member in members_of(kind))
    return HEAD.format(title=kind.capitalize(), kind=kind, example=example) + "".join(rows)


def _row(place: str, member: Member, meaning: str) -> str:
    default = "required" if member.required else "–" if member.default is None else f"`{json.dumps(member.default)}`"
    return f"| `{place}` | {about(member.shape).words} | {default} | {meaning} |\n"
