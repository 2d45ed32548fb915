"""The kinds of specs and their members, as a table (docs/api/v0.md, section 5). `added.py` has those of other apps."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from eventlane.wire.errors import Problem
from pipelines.models import Resource
from pipelines.resources.added import ADDED
from pipelines.resources.filters import check_filter
from pipelines.resources.parameters import VARIABLE, VARIABLE_RULE, definitions
from pipelines.resources.shapes import (
    Shape,
    about,
    array,
    boolean,
    choice,
    describe,
    mapping,
    name_text,
    optional,
    plain_object,
    record,
    refuse,
    required,
    text,
    whole_number,
)

VERSION = 1
# What root needs to act as root within a container. None of it leads outside.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
MAX_RETENTION_DAYS = 36_500
MAX_FILTERS = 100
MAX_TASKS = 1000  # of one pipeline; each may have ten instances
NO_SPACE = re.compile(r"\S+")
# Excludes what an engine would read as an option, or as a file of the worker's machine (docker-archive:/etc/…).
IMAGE = re.compile(
    r"[A-Za-z0-9][\w.-]*(:[0-9]+(?=/))?(/[A-Za-z0-9][\w.-]*)*(:\w[\w.-]*)?(@[A-Za-z0-9]\w*:[0-9a-fA-F]+)?", re.ASCII
)
USER = re.compile(r"\w[\w.-]*(:\w[\w.-]*)?", re.ASCII)

label = text(most=100)
description = text(most=500)
environment = mapping(text(least=0), VARIABLE, VARIABLE_RULE)
arguments = array(text(least=0), alone=True)
pipelines = array(text())
image = text(most=500, pattern=IMAGE, rule="the name of an image, like python:3.13 or ghcr.io/acme/tool:2")
user = text(most=100, pattern=USER, rule="image, or a user like 1000:1000 or www-data")
capabilities = array(choice(*CAPABILITIES), most=len(CAPABILITIES))


def _one_program(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Require exactly one of code, command and source; source only together with the code that was read from it."""
    named = [name for name in ("code", "command", "source") if name in given]
    if not named:
        refuse(problems, pointer, "one of the members 'code', 'command' and 'source' is missing")
    elif named == ["source"]:
        refuse(problems, pointer, "member 'code' is missing: the server can't read the file that 'source' names")
    elif len(named) > 1 and named != ["code", "source"]:
        refuse(problems, pointer, "only one of the members 'code', 'command' and 'source' may be given")


step = record(
    {
        "label": optional(label),
        "code": optional(text(least=0)),
        "command": optional(text(pattern=NO_SPACE, rule="a program without spaces")),
        "source": optional(text()),
        "arguments": optional(arguments),
    },
    _one_program,
)

extra_container = record(
    {
        "name": required(name_text),
        "image": required(image),
        "command": optional(text()),
        "arguments": optional(arguments),
        "environment": optional(environment),
        "user": optional(user),
        "capabilities": optional(capabilities),
    }
)

timeout = whole_number(1, 86_400)  # seconds

RUNTIMES: dict[str, Shape] = {
    "container": record(
        {
            "image": required(image),
            "host_type": optional(choice("small", "medium", "large"), "small"),
            "registry_identities": optional(array(text())),
            "extra_containers": optional(array(extra_container, most=5)),
            "timeout": optional(timeout),
            "user": optional(user),
            "capabilities": optional(capabilities),
        }
    ),
    "local": record(
        {
            "timeout": optional(timeout),
            "memory_mb": optional(whole_number(16)),
            "processes": optional(whole_number(1)),
            "output_kb": optional(whole_number(1)),
        }
    ),
    "none": record({}),
}
_runtime_name = choice(*RUNTIMES)


def runtime(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Accept a runtime with the parameters that its name requires. If none are required, they may be absent."""
    name = value.get("name") if isinstance(value, dict) else None
    parameters = RUNTIMES.get(name, plain_object) if isinstance(name, str) else plain_object
    member = required(parameters) if name == "container" else optional(parameters, {})
    return record({"name": required(_runtime_name), "parameters": member})(value, pointer, problems)


describe(
    runtime,
    "object",
    {"name": required(_runtime_name)}
    | {
        f"parameters.{member} ({name})": taken
        for name, shape in RUNTIMES.items()
        for member, taken in about(shape).members.items()
    },
)


def _steps(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Require steps for every runtime except `none`."""
    chosen = given.get("runtime")
    starts_nothing = isinstance(chosen, dict) and chosen.get("name") == "none"
    if "steps" not in given and not starts_nothing:
        refuse(problems, pointer, "member 'steps' is missing")
    elif given.get("steps") == [] and not starts_nothing:
        refuse(problems, f"{pointer}/steps", "must have at least 1 element")
    elif given.get("steps") and starts_nothing:
        refuse(problems, f"{pointer}/steps", "the runtime none runs nothing, so there must be no steps")


pipeline_task = record(
    {
        "name": optional(text(most=100)),
        "label": optional(label),
        "task": required(text()),
        "parameters": optional(plain_object, {}),
        "dependencies": optional(array(text()), []),
        "on_failure": optional(choice("abort", "continue"), "abort"),
        "nb_instances": optional(whole_number(1, 10), 1),
        "nb_retries": optional(whole_number(0, 100), 0),
        "retry_delay": optional(whole_number(0, 86_400), 0),  # seconds
    }
)

DATA: dict[str, Shape] = {
    "trigger": record(
        {
            "connector": required(text(most=100)),
            "event": required(text(most=200)),
            "parameters": optional(plain_object, {}),
            "filters": optional(array(check_filter, most=MAX_FILTERS), []),
            "identity": optional(text()),
            "pipelines": required(pipelines),
        }
    ),
    "command": record(
        {
            "parameters": optional(definitions, []),
            "pipelines": required(pipelines),
        }
    ),
    "task": record(
        {
            "parameters": optional(definitions, []),
            "runtime": required(runtime),
            "identities": optional(array(text()), []),
            "environment": optional(environment, {}),
            "steps": optional(array(step), []),
        },
        _steps,
    ),
    "pipeline": record(
        {
            "concurrent": optional(boolean, False),
            "retention": optional(whole_number(1, MAX_RETENTION_DAYS)),  # days
            "tasks": required(array(pipeline_task, least=1, most=MAX_TASKS)),
        }
    ),
}


def _spec(data: Shape) -> Shape:
    return record(
        {
            "type": required(choice(*Resource.Type.values)),
            "version": required(whole_number(VERSION, VERSION)),
            "name": required(name_text),
            "description": optional(description),
            "data": required(data),
        }
    )


_OF_NO_KIND = _spec(plain_object)


def data_of(kind: str) -> Shape:
    """Return the shape of the data of a kind."""
    return DATA[kind] if kind in DATA else ADDED[kind].data


@cache
def _spec_of(kind: str) -> Shape:
    return _spec(data_of(kind))


def spec(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Accept a spec of any kind. Its members are kept in the order of the tables above."""
    kind = value.get("type") if isinstance(value, dict) else None
    known = isinstance(kind, str) and kind in Resource.Type.values
    return (_spec_of(kind) if known else _OF_NO_KIND)(value, pointer, problems)
