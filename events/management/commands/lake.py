import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from events.lake.connection import Lake
from events.lake.files import (
    Fault,
    FoundFile,
    KnownFile,
    forget,
    is_settled,
    known_files,
    set_aside,
    set_aside_files,
    table_of,
    unknown_files,
    verify,
)
from events.lake.orphans import NotAdopted, adopt
from events.models import Dataset
from projects.installation import check_installation, lake_folder


class Command(ExampleCommand):
    help = (
        "Compare the lake's files with its catalog, put unknown files back, give up lost ones.\n\n"
        "verify   compare in both directions: each file in the catalog exists, has its size and a readable footer;\n"
        "         each existing file is in the catalog. The exit status is 1 if a file is missing, damaged or unknown\n"
        "         (one of the last hour is called new: it may not be committed yet)\n"
        "adopt    insert the events of unknown files, also of those set aside, into their datasets, each once\n"
        "forget   take missing or damaged files out of the catalog, so that the rest of the dataset can be read;\n"
        "         a damaged file is kept in the lake's folder `orphans`"
    )
    example = """
python manage.py lake verify
python manage.py lake verify --json | jq -r '.[] | select(.state == "missing") | .path'
python manage.py lake adopt --all
python manage.py lake forget main/events_8d0c9a5c1b2e4f60/ducklake-01a21b5a-739f-77fd-bc0d-8bfc136941e8.parquet
"""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="verify|adopt|forget")
        checking = actions.add_parser("verify", help="compare catalog and folder")
        checking.add_argument(
            "--json", action="store_true", help="print an array of {state, path, dataset, rows, reason}"
        )
        taking = actions.add_parser("adopt", help="put unknown files back into their datasets")
        what = taking.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "files", nargs="*", default=[], metavar="FILE", help="path, as printed by verify; not one being written"
        )
        what.add_argument(
            "--all", action="store_true", help="all unknown files older than an hour, and all files set aside"
        )
        giving_up = actions.add_parser("forget", help="give lost files up")
        giving_up.add_argument("files", nargs="+", metavar="FILE", help="path, as printed by verify")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = lake_folder()
        if folder is None:
            raise CommandError(
                f"{settings.EVENTLANE_LAKE_PATH} is not a folder: this works only for a lake in a folder"
            )
        actions: dict[str, Callable[[Path, dict[str, Any]], None]] = {
            "verify": self._verify,
            "adopt": self._adopt,
            "forget": self._forget,
        }
        try:
            check_installation(writes=options["action"] != "verify")
            actions[options["action"]](folder, options)
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(f"the lake can't be used: {one_line(error)}") from None

    def _verify(self, folder: Path, options: dict[str, Any]) -> None:
        faults = list(verify(folder))
        if options["json"]:
            self.stdout.write(json.dumps([_row(fault) for fault in faults], indent=2))
        else:
            for fault in faults:
                self.stdout.write(_line(fault))
            counts = Counter(fault.state for fault in faults)
            known = sum(file.in_use for file in known_files())
            self.stdout.write(
                f"{known:,} files in the catalog: {counts['missing']:,} missing, {counts['damaged']:,} damaged; "
                f"{counts['unknown'] + counts['new']:,} files unknown to it, {len(set_aside_files(folder)):,} set aside"
            )
        if any(fault.state != "new" for fault in faults):
            sys.exit(1)

    def _adopt(self, folder: Path, options: dict[str, Any]) -> None:
        files = _all_to_adopt(folder) if options["all"] else _found(folder, options["files"])
        left = 0
        with Lake() as lake:
            for file in files:
                try:
                    adopted = adopt(lake, folder, file)
                except (NotAdopted, duckdb.InvalidInputException, duckdb.IOException) as error:
                    left += 1
                    self.stderr.write(f"left {file.path}: {one_line(error)}")
                    continue
                there = f", {adopted.present:,} were already there" if adopted.present else ""
                self.stdout.write(
                    f"{file.path}: {adopted.added:,} rows added to {_dataset(table_of(file.path))}{there}"
                )
        if left:
            raise CommandError(f"{left:,} of {len(files):,} files were left in place")
        if not files:
            self.stdout.write("no files to adopt")
        if options["all"] and (new := [file for file in unknown_files(folder) if not is_settled(file)]):
            self.stdout.write(
                f"{len(new):,} unknown files of the last hour were left alone, as they may be about to be committed. "
                "`manage.py lake adopt` accepts them by name, or with --all in an hour"
            )

    def _forget(self, folder: Path, options: dict[str, Any]) -> None:
        for file in _lost(folder, options["files"]):
            forget(file)
            set_aside(folder, file.path)
            self.stdout.write(f"{file.path}: gave up {file.rows:,} rows of {_dataset(file.table_name)}")


def _all_to_adopt(folder: Path) -> list[FoundFile]:
    return [*(file for file in unknown_files(folder) if is_settled(file)), *set_aside_files(folder)]


def _found(folder: Path, paths: list[str]) -> list[FoundFile]:
    """Return the unknown files that are meant; raise CommandError for one that is known or doesn't exist."""
    unknown = {file.path: file for file in [*unknown_files(folder), *set_aside_files(folder)]}
    for path in paths:
        if path not in unknown:
            raise CommandError(f"{path} is not an unknown file; `manage.py lake verify` lists them")
    return [unknown[path] for path in paths]


def _lost(folder: Path, paths: list[str]) -> list[KnownFile]:
    """Return the lost files that are meant; raise CommandError for one that is intact."""
    lost = {fault.path for fault in verify(folder) if fault.state in ("missing", "damaged")}
    for path in paths:
        if path not in lost:
            raise CommandError(f"{path} is neither missing nor damaged; `manage.py lake verify` lists those files")
    return [file for file in known_files() if file.in_use and file.path in paths]


def _row(fault: Fault) -> dict[str, Any]:
    row = asdict(fault)
    return {"state": row["state"], "path": row["path"], "dataset": _dataset(fault.table_name)} | {
        name: row[name] for name in ("rows", "reason")
    }


def _line(fault: Fault) -> str:
    rows = "" if fault.rows is None else f"{fault.rows:,} rows, "
    return f"{fault.state:<8} {fault.path}  ({_dataset(fault.table_name)}: {rows}{fault.reason})"


def _dataset(table_name: str) -> str:
    """Return the table's name for people: the dataset's name, with its project."""
    dataset = Dataset.objects.filter(table_name=table_name).select_related("project").first()
    return f"dataset {dataset.name} of {dataset.project.name}" if dataset else f"table {table_name}"
