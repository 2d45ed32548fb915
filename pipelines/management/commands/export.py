from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from pipelines.models import Resource
from pipelines.resources.files import UnreadableFolder, write_folder, yaml_files
from projects.command_line import add_project_argument, find_project


class Command(ExampleCommand):
    help = (
        "Write what is deployed in a project to a folder, one file per resource: task/hello.yaml.\n"
        "Deploying that folder changes nothing, unless it also has what people saved: deployments then own that.\n"
        "The code of a step is in the file, wherever it came from."
    )
    example = """
python manage.py export pipelines
python manage.py export pipelines --project main --force
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="created if it doesn't exist")
        add_project_argument(parser)
        parser.add_argument(
            "--force", action="store_true", help="write into a folder that isn't empty, overwriting files"
        )
        parser.add_argument("--saved", action="store_true", help="also what people saved in the console")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        folder: Path = options["folder"]
        resources = project.resources.order_by("type", "name")
        if not options["saved"]:
            resources = resources.filter(made_by=Resource.Maker.DEPLOYMENT)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()) and not options["force"]:
                raise CommandError(f"{folder} isn't empty; --force overwrites its files")
            written = write_folder(folder, (resource.spec for resource in resources))
            others = [file for file in yaml_files(folder) if file not in written]
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None
        except UnreadableFolder as error:
            raise CommandError(str(error)) from None
        for file in others:
            self.stderr.write(f"{file} is not from this export, but `deploy` would read it, too", self.style.WARNING)
        left = project.resources.count() - len(written)
        note = f" Left out: {left} that people saved (--saved exports them, too)." if left else ""
        self.stdout.write(f"Project {project}: {len(written)} resources in {folder}.{note}")
