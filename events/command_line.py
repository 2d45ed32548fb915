"""What the management commands of events share."""

from django.core.management.base import CommandError, CommandParser

from events.models import Dataset


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
        raise CommandError(f"there is no dataset {name}{where}; create_dataset creates one")
    choice = ", ".join(f"{row.project} (of {row.project.organization}, id {row.project_id})" for row in found)
    raise CommandError(f"several projects have a dataset {name}; use --project with a name or id: {choice}")
