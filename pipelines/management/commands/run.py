import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.wire.errors import InvalidRequestBody, StateError
from pipelines.command_executions import execute_command
from pipelines.following import follow_pipelines
from pipelines.models import Pipeline, Resource
from projects.command_line import add_project_argument, find_project
from projects.models import Project

NOT_RUN = 64  # exit status
INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
BOOLEANS = {"true": True, "false": False}


class Command(ExampleCommand):
    help = (
        "Execute a command: start its pipelines and show the output of their tasks live.\n\n"
        "The output of tasks goes to standard output, notes go to standard error. A worker runs the tasks:\n"
        "`manage.py up` starts one, and so does `manage.py work`. Ctrl-C stops following; the pipelines go on.\n\n"
        "Exit status: 0 successful, 1 failed, 2 aborted, 3 not ended within --timeout, 64 nothing started,\n"
        "130 after a Ctrl-C."
    )
    example = """
python manage.py run deploy-site branch=main replicas=3
python manage.py run nightly-report --project main --timeout 600
python manage.py run rebuild-index --no-follow
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("command", metavar="COMMAND", help="name of the command")
        parser.add_argument("values", metavar="key=value", nargs="*", help="a value for a parameter")
        add_project_argument(parser)
        parser.add_argument("--no-follow", action="store_true", help="only start the pipelines and print their ids")
        parser.add_argument(
            "--timeout", type=whole_number(0), metavar="S", help="stop following after this many seconds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        command = _find_command(find_project(options["project"]), options["command"])
        pipelines = _execute(command, options["values"])
        if options["no_follow"]:
            self.stdout.write("\n".join(pipeline.pk for pipeline in pipelines))
            return
        for pipeline in pipelines:
            self.stderr.write(f"pipeline {pipeline}", str)
        raise SystemExit(follow_pipelines(self, pipelines, options["timeout"]))


def _find_command(project: Project, name: str) -> Resource:
    commands = Resource.objects.select_related("project").filter(project=project, type=Resource.Type.COMMAND)
    found = {command.name: command for command in commands.order_by("name")}
    if name not in found:
        choice = f"choose from {', '.join(found)}" if found else "`manage.py deploy` adds commands"
        raise CommandError(f"project {project} has no command {name!r}; {choice}", returncode=NOT_RUN)
    return found[name]


def _execute(command: Resource, words: Sequence[str]) -> list[Pipeline]:
    try:
        execution = execute_command(command, read_values(command.data["parameters"], words), None, pointer="")
    except InvalidRequestBody as error:
        raise _refusal(command, [_sentence(**problem) for problem in error.data["jsv_errors"]]) from None
    except InvalidValues as error:
        raise _refusal(command, error.args[0]) from None
    except StateError as error:
        raise CommandError(str(error), returncode=NOT_RUN) from None
    if not execution.pipeline_ids:
        raise CommandError(f"all pipelines of the command {command.name} are disabled", returncode=NOT_RUN)
    found = Pipeline.objects.in_bulk(execution.pipeline_ids)
    return [found[pipeline_id] for pipeline_id in execution.pipeline_ids]


class InvalidValues(Exception):
    """Words of the command line that aren't values for a command's parameters. Its argument lists the reasons."""


def read_values(parameters: Sequence[Mapping[str, Any]], words: Sequence[str]) -> dict[str, Any]:
    """Return the values in key=value words, converted to their parameters' types; raise InvalidValues."""
    types = {parameter["name"]: parameter["type"] for parameter in parameters}
    values: dict[str, Any] = {}
    problems = []
    for word in words:
        name, equals, text = word.partition("=")
        try:
            if not equals:
                raise ValueError("is not key=value")
            if name in values:
                raise ValueError("is given twice")
            values[name] = _value(types.get(name), text)
        except ValueError as error:
            problems.append(f"{name}: {error}" if equals else f"{word!r} {error}")
    if problems:
        raise InvalidValues(problems)
    return values


def _value(type: str | None, text: str) -> Any:
    match type:
        case "integer" if INTEGER.fullmatch(text):
            return int(text)
        case "number" if NUMBER.fullmatch(text):
            return int(text) if INTEGER.fullmatch(text) else float(text)
        case "boolean" if text in BOOLEANS:
            return BOOLEANS[text]
        case "integer":
            raise ValueError(f"{text!r} is not a whole number")
        case "number":
            raise ValueError(f"{text!r} is not a number")
        case "boolean":
            raise ValueError(f"{text!r} is neither true nor false")
        case None:
            raise ValueError("there is no such parameter")
    return text


def _sentence(pointer: str, reason: str) -> str:
    return f"{pointer.removeprefix('/')}: {reason}" if pointer else reason


def _refusal(command: Resource, problems: Sequence[str]) -> CommandError:
    """Return an error with the problems and the parameters of the command."""
    takes = [f"  {_usage(parameter)}" for parameter in command.data["parameters"]] or ["  no parameters"]
    return CommandError("\n".join([*problems, f"{command.name} takes", *takes]), returncode=NOT_RUN)


def _usage(parameter: Mapping[str, Any]) -> str:
    values = f" ({'|'.join(parameter['values'])})" if "values" in parameter else ""
    default = f", default {parameter['default']!r}" if "default" in parameter else ""
    about = f": {parameter['description']}" if "description" in parameter else ""
    return f"{parameter['name']}={parameter['type']}{values}{default}{about}"
