import re
from difflib import unified_diff
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.wire.errors import InvalidRequestBody, Problem
from pipelines.resources.deploy import Deployment, Key, deploy
from pipelines.resources.files import Document, UnreadableFolder, read_folder, spec_text
from projects.command_line import add_project_argument, find_project

PLACE = re.compile(r"/specs/(\d+)")


class Command(ExampleCommand):
    help = (
        "Make a project's resources match the specs in a folder: new ones are created, changed ones updated, those\n"
        "not in the folder are deleted. All or nothing: if one spec has a problem, nothing changes.\n"
        "What people saved in the console stays; a spec of the same type and name takes its place.\n\n"
        "Reads every .yaml and .yml file below DIR, except hidden ones and those that a line of DIR/.evcli-ignore\n"
        "matches. Every YAML document is one spec. A step's `source: FILE`, relative to the YAML file, becomes code.\n"
        "Files outside DIR are refused, and so are links to them."
    )
    example = """
python manage.py deploy pipelines
python manage.py deploy pipelines --project main --dry-run
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        add_project_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        documents = _read(options["folder"])
        try:
            done = deploy(project, [document.spec for document in documents], dry_run=options["dry_run"])
        except InvalidRequestBody as error:
            lines = [_located(Problem(**problem), documents) for problem in error.data["jsv_errors"]]
            raise CommandError("\n".join(["nothing was changed:", *lines])) from None
        self._show(done)
        counts = [(done.created, "created"), (done.updated, "updated"), (done.deleted, "deleted")]
        summary = ", ".join(f"{len(keys)} {word}" for keys, word in [*counts, (done.unchanged, "unchanged")])
        summary += f"; {len(done.left)} that people saved left alone" if done.left else ""
        lead = "Dry run, nothing was changed in" if options["dry_run"] else "Deployed to"
        self.stdout.write(f"{lead} project {project}: {summary}.")

    def _show(self, done: Deployment) -> None:
        for key in done.unchanged:
            self.stdout.write(f"  {' '.join(key)}")
        for key, maker in done.left.items():
            self.stdout.write(f"  {' '.join(key)} (saved by {maker})")
        for key in done.created:
            self.stdout.write(f"+ {' '.join(key)}", self.style.SUCCESS)
        for key in done.updated:
            taken = (
                f" (saved by {done.taken_over[key]}; deployments own it from now on)" if key in done.taken_over else ""
            )
            self.stdout.write(f"~ {' '.join(key)}{taken}", self.style.WARNING)
            self._show_changes(done, key)
        for key in done.deleted:
            self.stdout.write(f"- {' '.join(key)}", self.style.ERROR)

    def _show_changes(self, done: Deployment, key: Key) -> None:
        before, after = (spec_text(side[key]).splitlines() for side in (done.before, done.after))
        styles = {"+": self.style.SUCCESS, "-": self.style.ERROR}
        for line in list(unified_diff(before, after, lineterm=""))[2:]:  # without the two file names
            self.stdout.write(f"    {line}", styles.get(line[0]))


def _read(folder: Path) -> list[Document]:
    try:
        documents = read_folder(folder)
    except UnreadableFolder as error:
        raise CommandError("\n".join(["nothing was changed:", *map(_printable, error.reasons)])) from None
    if not documents:
        raise CommandError(f"{folder} has no .yaml or .yml file: deploying it would delete everything")
    return documents


def _located(problem: Problem, documents: list[Document]) -> str:
    """Return a problem with its place in the files."""
    match = PLACE.match(problem.pointer)
    if match is None:
        return f"{problem.pointer}: {problem.reason}"
    document = documents[int(match[1])]
    pointer = problem.pointer[match.end() :]
    place = f"{document.file}: document {document.number}" + (f", {pointer}" if pointer else "")
    return _printable(f"{place}: {problem.reason}")


def _printable(text: str) -> str:
    """Return a text that can't control a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
