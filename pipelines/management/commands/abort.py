from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.ids import is_id
from eventlane.names import is_name
from eventlane.wire.errors import StateError
from pipelines.command_line import find_pipelines
from pipelines.execution.pipelines import abort_pipeline
from pipelines.execution.queued import abort_queued
from pipelines.models import Resource
from projects.command_line import add_project_argument, find_project
from projects.models import Project

OF = {
    "trigger": "trigger_id",
    "command": "command_id",
    "pipeline": "name",
}  # option → name of the argument of `abort_queued`


class Command(ExampleCommand):
    help = (
        "Abort pipelines: running tasks are stopped within seconds, finished tasks stay as they are.\n\n"
        "With --queued, abort all pipelines of a trigger, a command or a name that haven't started. With only a\n"
        "trigger, its waiting events are dropped, too. It continues with the next events unless you disable it\n"
        "first."
    )
    example = """
python manage.py abort 23BxCU5Dh90B3XVF4UrkWrnjdCO
python manage.py abort --queued --trigger on-failure
python manage.py abort --queued --pipeline deploy-site --project main
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", metavar="PIPELINE_ID", nargs="*")
        parser.add_argument("--queued", action="store_true", help="all queued pipelines that match the next options")
        parser.add_argument("--trigger", metavar="NAME", help="those of this trigger, by name or id")
        parser.add_argument("--command", metavar="NAME", help="those of this command, by name or id")
        parser.add_argument("--pipeline", metavar="NAME", help="those with this name")
        add_project_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        of = {kind: options[kind] for kind in OF if options[kind] is not None}
        if options["queued"] != bool(of) or bool(of) == bool(options["ids"]):
            raise CommandError("give a PIPELINE_ID, or --queued with --trigger, --command or --pipeline")
        if options["queued"]:
            self._abort_queued(find_project(options["project"]), of)
        else:
            self._abort(options["ids"])

    def _abort(self, ids: list[str]) -> None:
        refused = False
        for pipeline in find_pipelines(ids):
            try:
                abort_pipeline(pipeline)
                self.stdout.write(f"{pipeline}: aborted")
            except StateError as error:
                refused = True
                self.stderr.write(f"{pipeline}: {error}")
        if refused:
            raise CommandError("not all pipelines were aborted")

    def _abort_queued(self, project: Project, of: dict[str, str]) -> None:
        found = {OF[kind]: _find(project, kind, wanted) for kind, wanted in of.items()}
        self.stdout.write(str(abort_queued(project, **found)))


def _find(project: Project, kind: str, wanted: str) -> str:
    """Return the id of a trigger or command, or the name of a pipeline, which may no longer be deployed."""
    rows = Resource.objects.filter(project=project, type=kind).order_by("name")
    ids = {row.name: row.pk for row in rows}
    if kind == "pipeline":
        if wanted in ids or (is_name(wanted) and project.pipelines.filter(name=wanted).exists()):
            return wanted
    elif wanted in ids or is_id(wanted):
        return ids.get(wanted, wanted)
    choice = f"; choose from {', '.join(ids)}" if ids else ""
    raise CommandError(f"project {project} has no {kind} {wanted!r}{choice}")
