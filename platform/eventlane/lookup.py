"""Look up rows that the caller may see, or raise the error that says there is none."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from eventlane.wire.errors import UnknownObject

M = TypeVar("M", bound=Model)


def get_or_unknown(rows: QuerySet[M], noun: str, **lookup: str) -> M:
    """Return the row among `rows` that matches the lookup, or raise UnknownObject for `noun`."""
    found = rows.filter(**lookup).first()
    if found is None:
        raise UnknownObject(noun)
    return found
