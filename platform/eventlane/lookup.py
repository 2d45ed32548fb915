"""Rows that the caller may see, or the error that says there is none."""

from typing import Any

from django.db.models import QuerySet

from eventlane.wire.errors import UnknownObject


def get_or_unknown(rows: QuerySet[Any], noun: str, **lookup: str) -> Any:
    """Return the row that the lookup finds among `rows`, or raise UnknownObject of a `noun`."""
    found = rows.filter(**lookup).first()
    if found is None:
        raise UnknownObject(noun)
    return found
