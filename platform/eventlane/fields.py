"""Model fields shared by the apps."""

from typing import Any

from django.db import models

from eventlane.ids import LENGTH, new_id


def longest(model: type[models.Model], name: str) -> int:
    """Return how many characters a text field may hold; the field must have a limit."""
    field: Any = model._meta.get_field(name)
    limit: int | None = field.max_length
    if limit is None:
        raise ValueError(f"{model.__name__}.{name} has no maximum length")
    return limit


class IdField(models.CharField):  # type: ignore[type-arg]  # not generic at run time
    """A KSUID primary key. Collation "C" makes PostgreSQL sort it by bytes, as KSUIDs should be."""

    def __init__(self, **options: Any) -> None:
        fixed = {"max_length": LENGTH, "default": new_id, "editable": False, "primary_key": True, "db_collation": "C"}
        super().__init__(**(options | fixed))
