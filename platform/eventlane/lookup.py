"""Rows that the caller may see, or the error that says there is none."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from eventlane.wire.errors import UnknownObject

M = TypeVar("M", bound=Model)


def get_or_unknown(rows: QuerySet[M], noun: str, **lookup: str) -> M:
    """Return the row that the lookup finds among `rows`, or raise UnknownObject of a `noun`."""
    found = rows.filter(**lookup).first()
    if found is None:
        raise UnknownObject(noun)
    return found
