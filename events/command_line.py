"""What the management commands of events share."""

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from eventlane.wire.errors import InvalidRequestBody
from events.models import Dataset

SHOWN = 20  # names of datasets in a message

# By member of a query: the option that it comes from, if it has another name.
OPTIONS = {
    "q": "SEARCH",
    "datasets": "--dataset",
    "calculations": "--calculate",
    "group_by": "--group-by",
    "order_by": "--order-by",
    "time_zone": "--time-zone",
}


def add_search(parser: CommandParser) -> None:
    """Add DATASET, and after it a search line as `q`, with options between them or not.

    By itself, argparse takes an argument that may be missing only right after the one before it.
    """
    parser.add_argument("dataset", metavar="DATASET")
    meaning = "only events that this search line finds; put -- before one that begins with a -"
    parser.add_argument("q", metavar="SEARCH", nargs="?", help=meaning)
    parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]


def find_dataset(name: str, project: str | None) -> Dataset:
    """Return the dataset that is meant; raise CommandError with the choices if it isn't clear."""
    found = list(Dataset.objects.filter(name=name).select_related("project__organization").order_by("project__name"))
    if project is not None:
        found = [dataset for dataset in found if project in (dataset.project.name, dataset.project.id)]
    if len(found) == 1:
        return found[0]
    if not found:
        where = f" in project {project}" if project is not None else ""
        raise CommandError(f"there is no dataset {name}{where}; {_datasets_to_choose_from(project)}")
    choice = ", ".join(f"{row.project} (of {row.project.organization}, id {row.project_id})" for row in found)
    raise CommandError(f"several projects have a dataset {name}; use --project with a name or id: {choice}")


def refusal(error: InvalidRequestBody) -> CommandError:
    """Return what is wrong with a query as an error of the command line: each problem with its option."""
    return CommandError("\n".join(_sentence(**problem) for problem in error.data["jsv_errors"]))


def _datasets_to_choose_from(project: str | None) -> str:
    named = Q() if project is None else Q(project__name=project) | Q(project=project)
    names = list(Dataset.objects.filter(named).order_by("name").values_list("name", flat=True).distinct()[: SHOWN + 1])
    if not names:
        return "`manage.py create_dataset` creates one"
    return f"choose from {', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}"


def _sentence(pointer: str, reason: str) -> str:
    _, member, *rest = pointer.split("/")
    option = OPTIONS.get(member, f"--{member}")
    which = f" (number {int(rest[0]) + 1})" if rest and rest[0] not in ("", "0") else ""
    return f"{option}{which}: {reason}"
