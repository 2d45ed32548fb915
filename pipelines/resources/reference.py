"""docs/specs: what a spec of each kind may hold, made from the tables that check specs."""

import json
from collections.abc import Iterator, Mapping

from pipelines.resources.kinds import DATA
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
        "parameters": "what a pipeline may give it; a name each",
        "parameters.name": "lower case letters, digits, `-` and `_`",
        "parameters.type": "what values it takes",
        "parameters.values": "the only values of a `string`",
        "parameters.default": "what counts when no value is given; without one, a value has to be",
        "parameters.description": "for people",
        "parameters.environment": "the variable in which code finds the value",
        "runtime": "what runs the steps",
        "runtime.name": "processes of the worker, a container, or nothing",
        "runtime.parameters.image (container)": "the image, like `python:3.13`",
        "runtime.parameters.host_type (container)": "how much CPU and memory, as the server's settings say",
        "runtime.parameters.registry_identities (container)": "identities to log in to registries with",
        "runtime.parameters.extra_containers (container)": "containers beside it, on the same network",
        "runtime.parameters.extra_containers (container).name": "what you call it",
        "runtime.parameters.extra_containers (container).image": "its image",
        "runtime.parameters.extra_containers (container).command": "a program instead of the image's",
        "runtime.parameters.extra_containers (container).arguments": "what the program is given",
        "runtime.parameters.extra_containers (container).environment": "variables; no secrets: they can be seen",
        "runtime.parameters.extra_containers (container).user": "who it runs as; the image's user unless given",
        "runtime.parameters.extra_containers (container).capabilities": "what a root user may do; "
        "what images need to become another user unless given, see [tasks](../tasks.md)",
        "runtime.parameters.timeout (container)": "seconds for all steps together",
        "runtime.parameters.user (container)": "who steps run as, `image` for the image's user; "
        "`EVENTLANE_CONTAINER_USER` unless given",
        "runtime.parameters.capabilities (container)": "what a root user may do; nothing unless given",
        "runtime.parameters.timeout (local)": "seconds for all steps together",
        "runtime.parameters.memory_mb (local)": "MB that each process may write to",
        "runtime.parameters.processes (local)": "processes at once",
        "runtime.parameters.output_kb (local)": "KB of output that are kept",
        "identities": "names of identities that steps find as files",
        "environment": "variables that steps find",
        "steps": "programs, one after the other; needed unless the runtime is `none`",
        "steps.label": "what pages call it",
        "steps.code": "a program of its own, put behind the code header unless it has a shebang",
        "steps.command": "a program by name or path, instead of code",
        "steps.source": "a file of the folder that is deployed, whose text becomes the code",
        "steps.arguments": "what the program is given; a text counts as a list of one",
    },
    "pipeline": {
        "concurrent": "whether several of it may run at once; else each waits for the one before",
        "retention": "days after its end that a pipeline is kept; for ever unless given",
        "tasks": "what it runs",
        "tasks.name": "what others depend on; the task's unless given, with a number where that is taken",
        "tasks.label": "what pages call it",
        "tasks.task": "the name of a deployed task",
        "tasks.parameters": "values for the task's parameters",
        "tasks.dependencies": "names of tasks that have to end before",
        "tasks.on_failure": "when it fails for good: abort all others, or go on with what depends on it",
        "tasks.nb_instances": "how often it runs, side by side",
        "tasks.nb_retries": "how often it is run again after a failure",
        "tasks.retry_delay": "seconds before that",
    },
    "command": {
        "parameters": "what who executes it may say; a name each",
        "parameters.name": "lower case letters, digits, `-` and `_`",
        "parameters.type": "what values it takes",
        "parameters.values": "the only values of a `string`",
        "parameters.default": "what counts when no value is given; without one, a value has to be",
        "parameters.description": "shown in the form",
        "parameters.environment": "the variable in which the pipelines' tasks find the value; triggers set none",
        "pipelines": "names of deployed pipelines to start",
    },
    "trigger": {
        "connector": "where events come from: see [triggers](../triggers.md)",
        "event": "the event's name; for `dataset` the dataset's",
        "parameters": "what the connector asks for",
        "filters": "what an event's data must hold; all of them",
        "filters.path": "a JSON pointer into the data",
        "filters.is_equal_to": "the value there",
        "filters.is_not_equal_to": "not the value there",
        "filters.matches": "found in the text there (RE2)",
        "filters.does_not_match": "not found in the text there",
        "identity": "the name of an identity for the connector",
        "pipelines": "names of deployed pipelines to start",
    },
}
HEAD = """\
# {title} specs

What stands in `data` of a spec of type `{kind}`. Made from the tables that check specs:
`python manage.py specs {kind} > docs/specs/{kind}.md`.

    {example}

| member | type | default | meaning |
| --- | --- | --- | --- |
"""


def members_of(kind: str) -> Iterator[tuple[str, Member]]:
    """Yield every member of a kind's data by its place: tasks, tasks.name."""
    return _below("", about(DATA[kind]).members)


def _below(place: str, members: Mapping[str, Member]) -> Iterator[tuple[str, Member]]:
    for name, member in members.items():
        yield place + name, member
        yield from _below(f"{place}{name}.", about(member.shape).members)


def page(kind: str) -> str:
    """Return docs/specs/KIND.md."""
    example = EXAMPLES[kind].rstrip().replace("\n", "\n    ")
    rows = (_row(place, member, MEANINGS[kind][place]) for place, member in members_of(kind))
    return HEAD.format(title=kind.capitalize(), kind=kind, example=example) + "".join(rows)


def _row(place: str, member: Member, meaning: str) -> str:
    default = "required" if member.required else "–" if member.default is None else f"`{json.dumps(member.default)}`"
    return f"| `{place}` | {about(member.shape).words} | {default} | {meaning} |\n"
